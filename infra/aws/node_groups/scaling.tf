locals {
  prefix = "k8s.io/cluster-autoscaler/node-template"

  # With no node to look at, the autoscaler knows only what these tags tell: without them a group at zero never grows.
  hints = merge([
    for name, group in var.groups : merge(
      { for key, value in group.labels : "${name}/label/${key}" => { group = name, key = "label/${key}", value = value } },
      {
        for taint in group.taints : "${name}/taint/${taint.key}" => {
          group = name, key = "taint/${taint.key}", value = "${taint.value}:${taint.effect}"
        }
      },
      { "${name}/resources/ephemeral-storage" = { group = name, key = "resources/ephemeral-storage", value = "${group.disk_gib}Gi" } },
      # Parts of a card have names of their own, which only the node knows.
      group.gpu == null || try(group.gpu.share, "none") == "mig" ? {} : {
        "${name}/resources/nvidia.com/gpu" = {
          group = name
          key   = "resources/nvidia.com/gpu"
          value = tostring(group.gpu.count * (group.gpu.share == "time_slicing" ? coalesce(group.gpu.clients, 1) : 1))
        }
      },
    )
  ]...)
}

resource "aws_autoscaling_group_tag" "this" {
  for_each = var.autoscaler ? local.hints : {}

  autoscaling_group_name = aws_eks_node_group.this[each.value.group].resources[0].autoscaling_groups[0].name

  tag {
    key                 = "${local.prefix}/${each.value.key}"
    value               = each.value.value
    propagate_at_launch = false
  }
}

data "aws_partition" "current" {}

locals {
  partition = data.aws_partition.current.partition
}

data "aws_iam_policy_document" "autoscaler_trust" {
  statement {
    actions = ["sts:AssumeRole", "sts:TagSession"]

    principals {
      type        = "Service"
      identifiers = ["pods.eks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/eks-cluster-arn"
      values   = ["arn:${local.partition}:eks:${var.region}:${var.account}:cluster/${var.name}"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-namespace"
      values   = [var.autoscaler_account.namespace]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [var.autoscaler_account.name]
    }
  }
}

data "aws_iam_policy_document" "autoscaler" {
  #checkov:skip=CKV_AWS_356:the Describe calls know no resources; changing is held to this cluster's groups
  statement {
    sid = "SeeGroups"
    actions = [
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLaunchConfigurations",
      "autoscaling:DescribeScalingActivities",
      "autoscaling:DescribeTags",
      "ec2:DescribeImages",
      "ec2:DescribeInstanceTypes",
      "ec2:DescribeLaunchTemplateVersions",
      "ec2:GetInstanceTypesFromInstanceRequirements",
    ]
    resources = ["*"]
  }

  statement {
    sid       = "SeeNodeGroups"
    actions   = ["eks:DescribeNodegroup"]
    resources = ["arn:${local.partition}:eks:${var.region}:${var.account}:nodegroup/${var.name}/*"]
  }

  # EKS tags the groups behind its node groups with the cluster's name.
  statement {
    sid       = "ChangeThisClustersGroups"
    actions   = ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    resources = ["arn:${local.partition}:autoscaling:${var.region}:${var.account}:autoScalingGroup:*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/k8s.io/cluster-autoscaler/${var.name}"
      values   = ["owned"]
    }
  }
}

resource "aws_iam_role" "autoscaler" {
  count = var.autoscaler ? 1 : 0

  name               = "${var.name}-cluster-autoscaler"
  description        = "The cluster autoscaler of ${var.name} changes the size of its node groups."
  assume_role_policy = data.aws_iam_policy_document.autoscaler_trust.json
}

resource "aws_iam_role_policy" "autoscaler" {
  count = var.autoscaler ? 1 : 0

  name   = "scale-node-groups"
  role   = aws_iam_role.autoscaler[0].id
  policy = data.aws_iam_policy_document.autoscaler.json
}

resource "aws_eks_pod_identity_association" "autoscaler" {
  count = var.autoscaler ? 1 : 0

  cluster_name    = var.cluster_name
  namespace       = var.autoscaler_account.namespace
  service_account = var.autoscaler_account.name
  role_arn        = aws_iam_role.autoscaler[0].arn
}
