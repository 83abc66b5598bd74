data "aws_partition" "current" {}

locals {
  partition = data.aws_partition.current.partition
}

# EKS would make this group on its own, kept for ever and outside of Terraform's reach.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:encrypted with CloudWatch's own key
  #checkov:skip=CKV_AWS_338:log_days says how long; ninety days is what most audits ask for
  name              = "/aws/eks/${var.name}/cluster"
  retention_in_days = var.log_days
}

# EKS keeps a cluster in the VPC that it was made in. It would refuse another one half-way through an apply, where the
# provider had planned to change it in place: the plan says that the cluster is replaced.
resource "terraform_data" "vpc" {
  triggers_replace = var.vpc_id
}

resource "aws_eks_cluster" "this" {
  #checkov:skip=CKV_AWS_39:the endpoint is public only where access.endpoint says so, and then for access.cidrs
  #checkov:skip=CKV_AWS_38:access.cidrs are what the user wrote; the variable refuses none at all
  #checkov:skip=CKV_AWS_58:EKS encrypts all objects of 1.28 and later with its own key; kms_key_arn names another
  name     = var.name
  role_arn = aws_iam_role.cluster.arn
  version  = var.kubernetes

  deletion_protection       = var.deletion_protection
  enabled_cluster_log_types = ["api", "audit", "authenticator", "controllerManager", "scheduler"]

  # EKS's unmanaged network, proxy and DNS would be there first, and in the way of the add-ons that we keep up to date.
  bootstrap_self_managed_addons = false

  access_config {
    # Access entries only: aws-auth, a ConfigMap that one typing error breaks for all, is out.
    authentication_mode = "API"
    # Whoever runs Terraform is often a CI job. It administers the cluster if `admins` names it, and shows up there.
    bootstrap_cluster_creator_admin_permissions = false
  }

  vpc_config {
    subnet_ids = var.subnet_ids

    # Always on: nodes would otherwise leave the network, through NAT, to reach their own API.
    endpoint_private_access = true
    endpoint_public_access  = var.access.endpoint == "public"
    public_access_cidrs     = var.access.endpoint == "public" ? var.access.cidrs : null
  }

  # Past the end of standard support EKS raises the version. EXTENDED keeps it, at six times the price of the control plane.
  upgrade_policy {
    support_type = "STANDARD"
  }

  dynamic "encryption_config" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      resources = ["secrets"]

      provider {
        key_arn = encryption_config.value
      }
    }
  }

  lifecycle {
    replace_triggered_by = [terraform_data.vpc]
  }

  # Without its rights EKS cannot take back its network interfaces, and the VPC's deletion hangs.
  depends_on = [
    aws_cloudwatch_log_group.this,
    aws_iam_role_policy.secrets,
    aws_iam_role_policy_attachment.cluster,
  ]
}
