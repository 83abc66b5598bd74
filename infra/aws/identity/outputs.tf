output "role_arns" {
  description = "ARN of each model's role, by model."
  value       = { for model, role in aws_iam_role.this : model => role.arn }
}
