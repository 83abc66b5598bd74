# Follows the CloudFormation template of Karpenter 1.14: the same queue, five rules and rights, cut at the same places.
# Karpenter itself, its NodePools and EC2NodeClasses are charts.

data "aws_partition" "current" {}

locals {
  partition   = data.aws_partition.current.partition
  cluster_arn = "arn:${local.partition}:eks:${var.region}:${var.account}:cluster/${var.name}"
  ec2         = "arn:${local.partition}:ec2:${var.region}"
  profiles    = "arn:${local.partition}:iam::${var.account}:instance-profile/*"

  # What Karpenter makes carries these from its first moment; what lacks them it may not touch.
  owned = "kubernetes.io/cluster/${var.name}"
}

# The node class then selects the group by the same tag as the subnets.
resource "aws_ec2_tag" "security_group" {
  resource_id = var.security_group_id
  key         = "karpenter.sh/discovery"
  value       = var.name
}

resource "aws_eks_pod_identity_association" "this" {
  cluster_name    = var.cluster_name
  namespace       = var.service_account.namespace
  service_account = var.service_account.name
  role_arn        = aws_iam_role.controller.arn

  # Rights first: a Karpenter that may not read prices or images stops at its start.
  depends_on = [aws_iam_role_policy_attachment.controller]
}
