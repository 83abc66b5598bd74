# IAM knows pools by the project's number.
data "google_project" "this" {
  project_id = var.project
}

locals {
  pool = "iam.googleapis.com/projects/${data.google_project.this.number}/locations/global/workloadIdentityPools/${var.workload_pool}"

  # The service account of the cluster itself, without a Google service account between: no keys, and nothing to impersonate.
  principals = { for name, model in var.models : name => "principal://${local.pool}/subject/ns/${model.namespace}/sa/${model.service_account}" }

  weights = { for name, model in var.models : name => {
    bucket = model.weights.bucket
    prefix = trim(model.weights.prefix, "/")
  } if model.weights != null }
}

# Models share a bucket, so the role alone would let each read all: the condition lets it read its own folder. A listing is a
# question to the bucket, and says for which prefix: the folder's, with or without the slash.
resource "google_storage_bucket_iam_member" "weights" {
  for_each = local.weights

  bucket = each.value.bucket
  role   = "roles/storage.objectViewer"
  member = local.principals[each.key]

  dynamic "condition" {
    for_each = each.value.prefix == "" ? [] : ["this"]

    content {
      title       = "weights-of-${each.key}"
      description = "reads ${each.value.prefix}/ and nothing else"
      expression = join(" || ", [
        "resource.name.startsWith(\"projects/_/buckets/${each.value.bucket}/objects/${each.value.prefix}/\")",
        "api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\") == \"${each.value.prefix}\"",
        "api.getAttribute(\"storage.googleapis.com/objectListPrefix\", \"\").startsWith(\"${each.value.prefix}/\")",
      ])
    }
  }
}
