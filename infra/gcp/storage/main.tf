resource "google_storage_bucket" "weights" {
  #checkov:skip=CKV_GCP_62: a log line a read of each part of gigabytes costs more than the weights; Cloud Audit Logs for whoever wants them
  #checkov:skip=CKV_GCP_78: weights are pushed again, not edited; what was replaced or deleted stays a week by soft delete
  name     = var.weights.bucket
  project  = var.project
  location = var.region

  storage_class = "STANDARD"
  # What models may read is a condition on the object's name, which holds only where objects have no lists of their own.
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  deletion_policy             = var.deletion_protection ? "PREVENT" : "DELETE"

  soft_delete_policy {
    retention_duration_seconds = 7 * 24 * 3600
  }

  # Parts of uploads that nobody finished.
  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : ["this"]

    content {
      default_kms_key_name = var.kms_key
    }
  }
}
