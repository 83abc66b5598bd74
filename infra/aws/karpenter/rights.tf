data "aws_iam_policy_document" "profiles" {
  statement {
    sid       = "PassTheNodeRole"
    actions   = ["iam:PassRole"]
    resources = ["arn:${local.partition}:iam::${var.account}:role/${var.name}-karpenter-node"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]
    }
  }

  statement {
    sid       = "MakeTaggedProfiles"
    actions   = ["iam:CreateInstanceProfile"]
    resources = [local.profiles]

    dynamic "condition" {
      for_each = local.own_request

      content {
        test     = "StringEquals"
        variable = condition.key
        values   = [condition.value]
      }
    }

    condition {
      test     = "StringLike"
      variable = "aws:RequestTag/karpenter.k8s.aws/ec2nodeclass"
      values   = ["*"]
    }
  }

  statement {
    sid       = "TagOwnProfiles"
    actions   = ["iam:TagInstanceProfile"]
    resources = [local.profiles]

    dynamic "condition" {
      for_each = merge(local.own_request, local.own_resource)

      content {
        test     = "StringEquals"
        variable = condition.key
        values   = [condition.value]
      }
    }

    dynamic "condition" {
      for_each = toset(["aws:RequestTag", "aws:ResourceTag"])

      content {
        test     = "StringLike"
        variable = "${condition.key}/karpenter.k8s.aws/ec2nodeclass"
        values   = ["*"]
      }
    }
  }

  statement {
    sid = "ChangeOwnProfiles"
    actions = [
      "iam:AddRoleToInstanceProfile",
      "iam:DeleteInstanceProfile",
      "iam:RemoveRoleFromInstanceProfile",
    ]
    resources = [local.profiles]

    dynamic "condition" {
      for_each = local.own_resource

      content {
        test     = "StringEquals"
        variable = condition.key
        values   = [condition.value]
      }
    }

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/karpenter.k8s.aws/ec2nodeclass"
      values   = ["*"]
    }
  }
}

locals {
  own_request = {
    "aws:RequestTag/${local.owned}"                = "owned"
    "aws:RequestTag/eks:eks-cluster-name"          = var.name
    "aws:RequestTag/topology.kubernetes.io/region" = var.region
  }
  own_resource = {
    "aws:ResourceTag/${local.owned}"                = "owned"
    "aws:ResourceTag/topology.kubernetes.io/region" = var.region
  }
}

data "aws_iam_policy_document" "discovery" {
  #checkov:skip=CKV_AWS_356:Describe calls, prices and the list of profiles know no resources
  statement {
    sid = "SeeTheRegion"
    actions = [
      "ec2:DescribeCapacityReservations",
      "ec2:DescribeImages",
      "ec2:DescribeInstanceStatus",
      "ec2:DescribeInstanceTypeOfferings",
      "ec2:DescribeInstanceTypes",
      "ec2:DescribeInstances",
      "ec2:DescribeLaunchTemplates",
      "ec2:DescribePlacementGroups",
      "ec2:DescribeSecurityGroups",
      "ec2:DescribeSpotPriceHistory",
      "ec2:DescribeSubnets",
    ]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = [var.region]
    }
  }

  # AWS publishes the ids of its images there.
  statement {
    sid       = "FindImages"
    actions   = ["ssm:GetParameter"]
    resources = ["arn:${local.partition}:ssm:${var.region}::parameter/aws/service/*"]
  }

  statement {
    sid       = "SeePricesAndProfiles"
    actions   = ["iam:ListInstanceProfiles", "pricing:GetProducts"]
    resources = ["*"]
  }

  statement {
    sid       = "SeeProfile"
    actions   = ["iam:GetInstanceProfile"]
    resources = [local.profiles]
  }
}

data "aws_iam_policy_document" "cluster" {
  #checkov:skip=CKV_AWS_356:a zonal shift is named by a condition, not by a resource
  statement {
    sid       = "FindTheApi"
    actions   = ["eks:DescribeCluster"]
    resources = [local.cluster_arn]
  }

  statement {
    sid       = "HearOfInterruptions"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
    resources = [local.queue_arn]
  }

  # Nothing is launched in a zone that traffic was shifted away from.
  statement {
    sid       = "HearOfZonalShifts"
    actions   = ["arc-zonal-shift:GetManagedResource"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "arc-zonal-shift:ResourceIdentifier"
      values   = [local.cluster_arn]
    }
  }
}
