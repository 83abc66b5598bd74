output "pools" {
  description = "What AKS calls each node group."
  value       = { for name, pool in azurerm_kubernetes_cluster_node_pool.this : name => pool.name }
}
