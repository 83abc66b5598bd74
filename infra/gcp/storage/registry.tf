resource "google_artifact_registry_repository" "this" {
  repository_id = var.registry.name
  project       = var.project
  location      = var.region
  description   = "images of the models"
  format        = "DOCKER"
  kms_key_name  = var.kms_key
  # Google deletes a repository with all that is in it.
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"

  docker_config {
    # A rollback runs what ran before.
    immutable_tags = true
  }

  # Untagged images are the leftovers of pushes. The newest of each model stay all the same: a tree may name one by its digest.
  cleanup_policies {
    id     = "old-untagged"
    action = "DELETE"
    condition {
      tag_state  = "UNTAGGED"
      older_than = "${30 * 24 * 3600}s"
    }
  }
  cleanup_policies {
    id     = "newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = var.kept_images
    }
  }
}
