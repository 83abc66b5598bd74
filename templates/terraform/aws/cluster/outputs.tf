output "cluster" {
  description = "What a kubeconfig needs."
  value = {
    name                  = module.cluster.name
    endpoint              = module.cluster.endpoint
    certificate_authority = module.cluster.certificate_authority
    region                = var.region
  }
}

output "weights_bucket" {
  description = "Name of the bucket for models' weights."
  value       = module.storage.bucket
}

output "repositories" {
  description = "URL of each model's image repository."
  value       = module.storage.repositories
}
