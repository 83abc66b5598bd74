output "bucket" {
  description = "Bucket of the cluster's state."
  value       = google_storage_bucket.this.name
}
