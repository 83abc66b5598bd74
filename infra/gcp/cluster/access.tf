# In the project, the lowest place where Google gives this role: they administer each cluster of it. Kubernetes takes IAM's word.
resource "google_project_iam_member" "admins" {
  for_each = toset(var.access.admins)

  project = var.project
  role    = "roles/container.admin"
  member  = each.value
}
