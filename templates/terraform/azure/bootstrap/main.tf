# Rendered by Workaday from project.yaml; change that file, not this one.
# Makes the storage account that keeps the cluster's state: once, by whoever comes first. Its own state stays beside it and is
# no loss: docs/clouds/azure.md says how to bring it back.

module "bootstrap" {
  source = "../modules/azure/bootstrap"

  region = var.region
  state  = var.state
  cidrs  = var.cidrs
  tags   = merge(var.tags, { workaday-cluster = var.name })
}
