output "bucket" {
  description = "Name of the weights' bucket."
  value       = aws_s3_bucket.weights.bucket
}

output "repositories" {
  description = "URL of each image repository, by what it is for."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}
