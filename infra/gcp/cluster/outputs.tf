output "name" {
  description = "Name of the cluster."
  value       = google_container_cluster.this.name
}

output "host" {
  description = "Address of the API."
  value       = google_container_cluster.this.endpoint
}

output "node_service_account" {
  description = "Service account of the nodes."
  value       = google_service_account.nodes.email
}

output "workload_pool" {
  description = "Pool of the pods' identities: there once the cluster is."
  value       = google_container_cluster.this.workload_identity_config[0].workload_pool
}
