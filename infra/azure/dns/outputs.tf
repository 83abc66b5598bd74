output "address_name" {
  description = "Name of the gateway's address."
  value       = azurerm_public_ip.this.name
}

output "address" {
  description = "The gateway's address."
  value       = azurerm_public_ip.this.ip_address
}
