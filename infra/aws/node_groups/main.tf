locals {
  # Graviton's families have a `g` after their number: m7g, c7gn, g5g; not m7i, g6 or g6e. Grace is p6e-gb200 and its kin.
  arm = {
    for name, group in var.groups :
    name => [for type in group.instance_types : can(regex("^(a1|[a-z]+[0-9]+g[a-z]*|p6e-gb[0-9]+)\\.", type))]
  }

  # The NVIDIA images have the driver, also where the GPU operator runs: it builds drivers for neither system.
  ami_type = {
    for name, group in var.groups : name => join("_", [
      group.image == "bottlerocket" ? "BOTTLEROCKET" : "AL2023",
      try(local.arm[name][0], false) ? "ARM_64" : "x86_64",
      group.gpu == null ? (group.image == "bottlerocket" ? "" : "STANDARD") : "NVIDIA",
    ])
  }

  subnets = {
    for name, group in var.groups : name => flatten([for zone in group.zones : lookup(var.subnets, zone, [])])
  }

  block = { for name, group in var.groups : name => try(group.reservation.block, false) }

  capacity_type = {
    for name, group in var.groups : name => (
      group.capacity == "spot" ? "SPOT" : local.block[name] ? "CAPACITY_BLOCK" : "ON_DEMAND"
    )
  }

  # Kubernetes' spelling → EKS's
  effects = { NoSchedule = "NO_SCHEDULE", NoExecute = "NO_EXECUTE", PreferNoSchedule = "PREFER_NO_SCHEDULE" }
}

# EKS itself drains a node of a managed group when a spot notice or a rebalance recommendation comes, and starts its
# successor first where it can: no queue and no handler are needed here. Those are for Karpenter.
resource "aws_eks_node_group" "this" {
  for_each = var.groups

  cluster_name = var.cluster_name
  # A prefix: a change that replaces the group makes the new one first. 63 characters less the 26 of the suffix, and a hyphen.
  node_group_name_prefix = "${substr(each.key, 0, 36)}-"
  node_role_arn          = var.node_role_arn
  subnet_ids             = local.subnets[each.key]
  version                = var.kubernetes

  ami_type      = trimsuffix(local.ami_type[each.key], "_")
  capacity_type = local.capacity_type[each.key]
  # A block's type is said by the launch template, and may be said only once. With several spot types EKS takes the
  # price-capacity-optimized pools: each further type is another chance.
  instance_types = local.block[each.key] ? null : each.value.instance_types
  labels         = each.value.labels

  launch_template {
    id      = aws_launch_template.this[each.key].id
    version = aws_launch_template.this[each.key].latest_version
  }

  scaling_config {
    desired_size = each.value.min
    min_size     = each.value.min
    max_size     = each.value.max
  }

  update_config {
    max_unavailable = 1
  }

  # A GPU that no longer answers leaves a node that looks ready: EKS replaces what its monitoring agent calls broken.
  node_repair_config {
    enabled = true
  }

  dynamic "taint" {
    for_each = each.value.taints

    content {
      key    = taint.value.key
      value  = taint.value.value
      effect = local.effects[taint.value.effect]
    }
  }

  lifecycle {
    create_before_destroy = true

    # The autoscaler's business from the first minute on.
    ignore_changes = [scaling_config[0].desired_size]
  }
}
