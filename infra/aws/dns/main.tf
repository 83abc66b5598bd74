data "aws_partition" "current" {}

data "aws_route53_zone" "this" {
  name         = var.zone
  private_zone = false
}

locals {
  partition = data.aws_partition.current.partition
  zone_arn  = "arn:${local.partition}:route53:::hostedzone/${data.aws_route53_zone.this.zone_id}"
}

data "aws_iam_policy_document" "trust" {
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
      values   = [var.service_account.namespace]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/kubernetes-service-account"
      values   = [var.service_account.name]
    }
  }
}

data "aws_iam_policy_document" "records" {
  #checkov:skip=CKV_AWS_356:Route 53's list of zones has no narrower resource; writing is held to one zone
  # The gateway's name, and what external-dns writes beside it to know its own: the same name behind a prefix.
  statement {
    sid       = "ChangeTheHostsRecords"
    actions   = ["route53:ChangeResourceRecordSets"]
    resources = [local.zone_arn]

    condition {
      test     = "ForAllValues:StringLike"
      variable = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
      values   = ["*${lower(var.host)}"]
    }
  }

  statement {
    sid       = "SeeTheZone"
    actions   = ["route53:ListResourceRecordSets", "route53:ListTagsForResources"]
    resources = [local.zone_arn]
  }

  # external-dns finds the zone's id by its name.
  statement {
    sid       = "FindTheZone"
    actions   = ["route53:ListHostedZones"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-external-dns"
  description        = "external-dns writes the gateway's name into ${var.zone}."
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "records" {
  name   = "change-records"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.records.json
}

resource "aws_eks_pod_identity_association" "this" {
  cluster_name    = var.cluster_name
  namespace       = var.service_account.namespace
  service_account = var.service_account.name
  role_arn        = aws_iam_role.this.arn
}
