terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.28"
    }
  }
  backend "s3" {}
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { project = "shop" }
  }
}

provider "aws" {
  alias  = "global"
  region = "us-east-1"
}

variable "region" {
  type    = string
  default = "eu-west-1"
}

variable "role" {
  type    = string
  default = "nodes"
}

variable "groups" {
  type = map(object({
    types    = list(string)
    capacity = optional(string, "ON_DEMAND")
    max      = number
    disk     = optional(number, 100)
  }))
  default = {
    base = { types = ["g6.xlarge"], max = 2 }
    spot = { types = ["g6.xlarge", "g5.xlarge"], capacity = "SPOT", max = 8 }
  }
}

data "aws_availability_zones" "this" {
  state = "available"
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "global" {
  provider = aws.global
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Nodes"
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.${data.aws_partition.this.dns_suffix}"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

module "network" {
  source = "../modules/network"
  zones  = slice(data.aws_availability_zones.this.names, 0, 2)
}

resource "aws_iam_role" "nodes" {
  name               = var.role
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_eks_cluster" "this" {
  name     = "shop"
  role_arn = aws_iam_role.nodes.arn
  version  = "1.35"

  access_config {
    authentication_mode = "API"
  }

  vpc_config {
    subnet_ids = module.network.subnets
  }
}

resource "aws_launch_template" "this" {
  for_each = var.groups

  name_prefix = "shop-${each.key}-"

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size = each.value.disk
      encrypted   = true
    }
  }

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }
}

resource "aws_eks_node_group" "this" {
  for_each = var.groups

  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.nodes.arn
  subnet_ids      = module.network.subnets
  ami_type        = "AL2023_x86_64_NVIDIA"
  capacity_type   = each.value.capacity
  instance_types  = each.value.types

  launch_template {
    id      = aws_launch_template.this[each.key].id
    version = aws_launch_template.this[each.key].latest_version
  }

  scaling_config {
    min_size     = 0
    max_size     = each.value.max
    desired_size = 0
  }

  dynamic "taint" {
    for_each = each.value.capacity == "SPOT" ? ["spot"] : []
    content {
      key    = "capacity"
      value  = taint.value
      effect = "NO_SCHEDULE"
    }
  }
}

output "trust" {
  value = data.aws_iam_policy_document.trust.json
}

output "regions" {
  value = [var.region, data.aws_region.global.region]
}
