output "cluster" {
  description = "Name of the cluster, its resource group, and the host of its API."
  value = {
    name           = module.cluster.name
    resource_group = azurerm_resource_group.this.name
    host           = module.cluster.host
  }
}

output "registry" {
  description = "Where images are pushed."
  value       = module.storage.registry_host
}

output "weights" {
  description = "Where weights are pushed."
  value       = module.storage.weights_uri
}

output "client_ids" {
  description = "Client id of each model's identity: the annotation azure.workload.identity/client-id of its service account. Entra chooses it, so it cannot be known before."
  value       = module.identity.client_ids
}
