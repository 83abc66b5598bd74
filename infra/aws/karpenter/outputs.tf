output "queue" {
  description = "Name of the interruption queue, for Karpenter's `settings.interruptionQueue`."
  value       = aws_sqs_queue.this.name
}

output "node_role" {
  description = "Name of the nodes' role, for an EC2NodeClass's `role`; the instance profile has the same name."
  value       = aws_iam_role.node.name
}

output "controller_role_arn" {
  description = "ARN of Karpenter's own role."
  value       = aws_iam_role.controller.arn
}
