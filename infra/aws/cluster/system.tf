locals {
  # Graviton's families have a `g` after their number: m7g, c7gn, g5g; not m7i, g6 or g6e.
  arm    = [for type in var.system.instance_types : can(regex("^(a1|[a-z]+[0-9]+g[a-z]*)\\.", type))]
  system = { "workaday.dev/pool" = "system", "workaday.dev/capacity" = "on-demand" }
}

resource "aws_launch_template" "system" {
  name        = "${var.name}-system"
  description = "Nodes for controllers of ${var.name}."

  update_default_version = true

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 50
      encrypted             = true
      delete_on_termination = true
    }
  }

  # Hop 1 ends at the host: a pod that reached it would act as the node.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "network-interface", "volume"])

    content {
      resource_type = tag_specifications.key
      tags          = merge(var.tags, { Name = "${var.name}-system" })
    }
  }
}

resource "aws_eks_node_group" "system" {
  cluster_name = aws_eks_cluster.this.name
  # A prefix: a change that replaces the group makes the new one first, and controllers move instead of stopping.
  node_group_name_prefix = "system-"
  node_role_arn          = aws_iam_role.node.arn
  subnet_ids             = var.subnet_ids
  version                = var.kubernetes

  ami_type       = local.arm[0] ? "AL2023_ARM_64_STANDARD" : "AL2023_x86_64_STANDARD"
  capacity_type  = "ON_DEMAND"
  instance_types = var.system.instance_types
  labels         = local.system

  launch_template {
    id      = aws_launch_template.system.id
    version = aws_launch_template.system.latest_version
  }

  # Nobody scales it: the autoscaler itself runs here.
  scaling_config {
    desired_size = var.system.nodes
    min_size     = var.system.nodes
    max_size     = var.system.nodes
  }

  update_config {
    max_unavailable = 1
  }

  node_repair_config {
    enabled = true
  }

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = length(distinct(local.arm)) == 1
      error_message = "system: ${join(", ", var.system.instance_types)} are of two architectures, and a node group has one image; name Graviton types (m7g) or others (m7i), not both."
    }
  }

  # A node without network or rights never becomes ready, and the group's creation fails after half an hour.
  depends_on = [
    aws_eks_addon.before_nodes,
    aws_iam_role_policy_attachment.node,
  ]
}
