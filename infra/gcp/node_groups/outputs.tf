output "pools" {
  description = "What GKE calls each node group."
  value       = { for name, pool in google_container_node_pool.this : name => pool.name }
}
