output "id" {
  description = "The budget."
  value       = azurerm_consumption_budget_subscription.this.id
}
