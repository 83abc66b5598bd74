# Rendered by Workaday from project.yaml; change that file, not this one.
# Makes the bucket that keeps the cluster's state: once, by whoever comes first. Nobody else needs this root again.

module "bootstrap" {
  source = "../modules/aws/bootstrap"

  bucket = var.state.bucket
}
