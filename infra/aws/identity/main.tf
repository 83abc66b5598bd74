data "aws_partition" "current" {}

locals {
  partition   = data.aws_partition.current.partition
  cluster_arn = "arn:${local.partition}:eks:${var.region}:${var.account}:cluster/${var.name}"

  # IAM takes 64 characters; a longer name is cut and marked, so that two models never share a role.
  full_names = { for model in keys(var.models) : model => "${var.name}-model-${model}" }
  role_names = {
    for model, full in local.full_names :
    model => length(full) <= 64 ? full : "${substr(full, 0, 55)}-${substr(sha256(full), 0, 8)}"
  }
}

# Pod Identity hands the role to any pod that an association names. That may be changed by whoever may change associations;
# the conditions hold the role itself to this cluster and this one service account.
data "aws_iam_policy_document" "trust" {
  for_each = var.models

  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/eks-cluster-arn"
      values   = [local.cluster_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-namespace"
      values   = [each.value.namespace]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [each.value.service_account]
    }
  }
}

# Every model has its role, with rights or without: what a model did is told by its own name in CloudTrail.
resource "aws_iam_role" "this" {
  for_each = var.models

  name               = local.role_names[each.key]
  description        = "Pods of model ${each.key}."
  assume_role_policy = data.aws_iam_policy_document.trust[each.key].json
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = var.models

  cluster_name    = var.cluster_name
  namespace       = each.value.namespace
  service_account = each.value.service_account
  role_arn        = aws_iam_role.this[each.key].arn
}
