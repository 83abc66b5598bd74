output "name" {
  description = "Name of the cluster, once nodes can join it and pods have identities."
  value       = aws_eks_cluster.this.name

  depends_on = [
    aws_eks_access_policy_association.admin,
    aws_eks_addon.before_nodes,
  ]
}

output "arn" {
  description = "ARN of the cluster."
  value       = aws_eks_cluster.this.arn
}

output "endpoint" {
  description = "Address of the API."
  value       = aws_eks_cluster.this.endpoint
}

output "certificate_authority" {
  description = "The API's certificate authority, base64."
  value       = one(aws_eks_cluster.this.certificate_authority[*].data)
}

output "security_group_id" {
  description = "Security group that EKS gives to the control plane and to each node."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "node_role_arn" {
  description = "ARN of the role of node groups' nodes, once it has its rights."
  value       = aws_iam_role.node.arn

  depends_on = [aws_iam_role_policy_attachment.node]
}
