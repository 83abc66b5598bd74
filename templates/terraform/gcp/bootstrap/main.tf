# Rendered by Workaday from project.yaml; change that file, not this one.
# Switches on the services that the cluster needs, and makes the bucket that keeps its state: once, by whoever comes first. Its own
# state stays beside it and is no loss: docs/clouds/gcp.md says how to bring it back.

module "bootstrap" {
  source = "../modules/gcp/bootstrap"

  project = var.project
  region  = var.region
  state   = var.state
}
