output "bucket" {
  description = "What the cluster root's `gcs` backend needs."
  value       = module.bootstrap.bucket
}
