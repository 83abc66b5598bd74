output "account_id" {
  description = "Storage account of the weights."
  value       = azurerm_storage_account.this.id
}

output "container" {
  description = "Container of the weights; one folder a model."
  value       = azurerm_storage_container.this.name
}

output "weights_uri" {
  description = "Where weights are pushed."
  value       = "https://${azurerm_storage_account.this.name}.blob.core.windows.net/${azurerm_storage_container.this.name}"
}

output "registry_id" {
  description = "Container registry."
  value       = azurerm_container_registry.this.id
}

output "registry_host" {
  description = "Where images are pushed."
  value       = azurerm_container_registry.this.login_server
}
