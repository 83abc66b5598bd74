output "bucket" {
  description = "Name of the weights' bucket."
  value       = google_storage_bucket.weights.name
}

output "weights_uri" {
  description = "Where weights are pushed; one folder a model."
  value       = google_storage_bucket.weights.url
}

output "registry" {
  description = "The image repository: its name and region."
  value = {
    name     = google_artifact_registry_repository.this.repository_id
    location = google_artifact_registry_repository.this.location
  }
}

output "registry_uri" {
  description = "Where images are pushed."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.this.repository_id}"
}
