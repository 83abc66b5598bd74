output "role_arn" {
  description = "ARN of external-dns's role."
  value       = aws_iam_role.this.arn
}

output "zone_id" {
  description = "Id of the hosted zone."
  value       = data.aws_route53_zone.this.zone_id
}
