output "bucket" {
  description = "Name of the state's bucket."
  value       = aws_s3_bucket.this.bucket
}
