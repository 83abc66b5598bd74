# Google's services are off in a new project. They are switched on here, before the cluster is planned: its plan already asks some.
resource "google_project_service" "this" {
  for_each = var.services

  project = var.project
  service = each.value
  # Others in the project may need them when this is gone.
  disable_on_destroy = false
}

# State holds what a cluster is made of, so: no access lists, nothing public, every version kept, deleted ones too.
resource "google_storage_bucket" "this" {
  #checkov:skip=CKV_GCP_62: who read the state is in Cloud Audit Logs (Data Access of Cloud Storage), for whoever switches them on
  name     = var.state.bucket
  project  = var.project
  location = var.region

  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = 30 * 24 * 3600
  }

  # The twenty versions before are enough to go back.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions = 20
      with_state         = "ARCHIVED"
    }
  }

  dynamic "encryption" {
    for_each = var.state.kms_key == null ? [] : ["this"]

    content {
      default_kms_key_name = var.state.kms_key
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [google_project_service.this]
}
