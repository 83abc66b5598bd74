data "aws_iam_policy_document" "controller_trust" {
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
      values   = [var.service_account.namespace]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [var.service_account.name]
    }
  }
}

resource "aws_iam_role" "controller" {
  name               = "${var.name}-karpenter"
  description        = "Karpenter of ${var.name} launches and ends nodes."
  assume_role_policy = data.aws_iam_policy_document.controller_trust.json
}

locals {
  # Together they are longer than the 6,144 characters that IAM takes in one policy.
  policies = {
    instances = data.aws_iam_policy_document.instances.json
    profiles  = data.aws_iam_policy_document.profiles.json
    discovery = data.aws_iam_policy_document.discovery.json
    cluster   = data.aws_iam_policy_document.cluster.json
  }
}

resource "aws_iam_policy" "controller" {
  for_each = local.policies

  name        = "${var.name}-karpenter-${each.key}"
  description = "Karpenter of ${var.name}: ${each.key}."
  policy      = each.value
}

resource "aws_iam_role_policy_attachment" "controller" {
  for_each = aws_iam_policy.controller

  role       = aws_iam_role.controller.name
  policy_arn = each.value.arn
}
