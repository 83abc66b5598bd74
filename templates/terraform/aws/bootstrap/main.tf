# Rendered by Workaday from project.yaml; change that file, not this one.
# Makes the bucket that keeps the cluster's state: once, by whoever comes first. Its own state stays beside it and is no
# loss: `terraform import module.bootstrap.aws_s3_bucket.this BUCKET` brings it back.

module "bootstrap" {
  source = "../modules/aws/bootstrap"

  bucket = var.state.bucket
}
