output "bucket" {
  description = "Name of the state's bucket."
  value       = module.bootstrap.bucket
}
