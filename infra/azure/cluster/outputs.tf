output "id" {
  description = "Resource id of the cluster."
  value       = azurerm_kubernetes_cluster.this.id
}

output "name" {
  description = "Name of the cluster."
  value       = azurerm_kubernetes_cluster.this.name
}

output "oidc_issuer_url" {
  description = "Issuer of the service accounts' tokens."
  value       = azurerm_kubernetes_cluster.this.oidc_issuer_url
}

output "host" {
  description = "Host name of the API: private where the endpoint is."
  value       = var.access.endpoint == "private" ? azurerm_kubernetes_cluster.this.private_fqdn : azurerm_kubernetes_cluster.this.fqdn
}

output "control_plane_principal_id" {
  description = "Principal of the cluster's own identity."
  value       = azurerm_user_assigned_identity.control_plane.principal_id
}

output "node_resource_group" {
  description = "Resource group that AKS fills with nodes."
  value       = azurerm_kubernetes_cluster.this.node_resource_group
}
