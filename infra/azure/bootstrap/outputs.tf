output "backend" {
  description = "What the cluster root's `azurerm` backend needs."
  value = {
    resource_group_name  = azurerm_resource_group.this.name
    storage_account_name = azurerm_storage_account.this.name
    container_name       = azurerm_storage_container.this.name
  }
}
