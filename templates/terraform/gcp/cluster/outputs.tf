output "cluster" {
  description = "Name of the cluster, where it is, and the address of its API."
  value = {
    name     = module.cluster.name
    project  = var.project
    location = var.region
    host     = module.cluster.host
  }
}

output "registry" {
  description = "Where images are pushed."
  value       = module.storage.registry_uri
}

output "weights" {
  description = "Where weights are pushed."
  value       = module.storage.weights_uri
}

output "principals" {
  description = "What each model's pods are to Google: for rights that this tree does not give."
  value       = module.identity.principals
}
