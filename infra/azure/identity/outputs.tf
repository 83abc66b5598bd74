output "client_ids" {
  description = "Client id of each model's identity: the annotation azure.workload.identity/client-id of its service account."
  value       = { for name, identity in azurerm_user_assigned_identity.this : name => identity.client_id }
}
