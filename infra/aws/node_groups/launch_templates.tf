# Only what is as large as one node and near its peers gains: the group is bound to one zone by it.
resource "aws_placement_group" "this" {
  for_each = { for name, group in var.groups : name => group if group.placement == "compact" }

  name     = "${var.name}-${each.key}"
  strategy = "cluster"
}

resource "aws_launch_template" "this" {
  for_each = var.groups

  name        = "${var.name}-${each.key}"
  description = "Nodes of ${each.key}."

  update_default_version = true

  instance_type = local.block[each.key] ? each.value.instance_types[0] : null
  user_data     = try(base64encode(local.user_data[each.key]), null)

  # Bottlerocket's first disk is the system, read-only and as large as its image; images and pods are on the second.
  dynamic "block_device_mappings" {
    for_each = each.value.image == "bottlerocket" ? { "/dev/xvda" = null, "/dev/xvdb" = each.value.disk_gib } : {
      "/dev/xvda" = each.value.disk_gib
    }

    content {
      device_name = block_device_mappings.key

      ebs {
        volume_type           = "gp3"
        volume_size           = block_device_mappings.value
        encrypted             = true
        delete_on_termination = true
      }
    }
  }

  # Hop 1 ends at the host: a pod that reached it would act as the node.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  dynamic "instance_market_options" {
    for_each = local.block[each.key] ? ["capacity-block"] : []

    content {
      market_type = instance_market_options.value
    }
  }

  dynamic "capacity_reservation_specification" {
    for_each = each.value.reservation == null ? [] : [each.value.reservation.id]

    content {
      # Several reservations in a resource group are named by its ARN, one by its id.
      capacity_reservation_target {
        capacity_reservation_id                 = startswith(capacity_reservation_specification.value, "arn:") ? null : capacity_reservation_specification.value
        capacity_reservation_resource_group_arn = startswith(capacity_reservation_specification.value, "arn:") ? capacity_reservation_specification.value : null
      }
    }
  }

  dynamic "placement" {
    for_each = each.value.placement == "compact" ? [aws_placement_group.this[each.key].name] : []

    content {
      group_name = placement.value
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "network-interface", "volume"])

    content {
      resource_type = tag_specifications.key
      tags          = merge(var.tags, { Name = "${var.name}-${each.key}" })
    }
  }

  lifecycle {
    precondition {
      condition     = length(each.value.instance_types) > 0
      error_message = "node group ${each.key}: no instance type fits; name some under `instances`, or ask for another accelerator."
    }

    precondition {
      condition     = length(distinct(local.arm[each.key])) <= 1
      error_message = "node group ${each.key}: ${join(", ", each.value.instance_types)} are of two architectures, and a node group has one image; make two pools of them."
    }

    precondition {
      condition     = length(local.subnets[each.key]) > 0
      error_message = "node group ${each.key}: no subnet in ${join(", ", each.value.zones)}; name zones that have one."
    }

    precondition {
      condition = each.value.capacity != "spot" || (
        lookup(each.value.labels, "workaday.dev/capacity", "") == "spot" &&
        anytrue([for taint in each.value.taints : taint.key == "workaday.dev/capacity" && taint.value == "spot"])
      )
      error_message = "node group ${each.key}: spot nodes need the label and the taint workaday.dev/capacity=spot; without them, what cannot stand being called back lands there."
    }

    precondition {
      condition     = each.value.gpu == null || anytrue([for taint in each.value.taints : taint.key == "nvidia.com/gpu"])
      error_message = "node group ${each.key}: GPU nodes need the taint nvidia.com/gpu; without it, pods that use no GPU fill them."
    }

    precondition {
      condition     = (each.value.capacity == "reserved") == (each.value.reservation != null)
      error_message = "node group ${each.key}: capacity `reserved` and `reservation` go together."
    }

    precondition {
      condition     = !local.block[each.key] || (length(each.value.zones) == 1 && length(each.value.instance_types) == 1)
      error_message = "node group ${each.key}: a capacity block is of one instance type in one zone; name both as they were bought."
    }

    precondition {
      condition     = each.value.placement != "compact" || length(each.value.zones) == 1
      error_message = "node group ${each.key}: `placement: compact` keeps nodes close to each other, which is in one zone; name it under `zones`."
    }

    precondition {
      condition     = each.value.max_price == null
      error_message = "node group ${each.key}: EKS takes no bid for spot nodes, they cost at most the on-demand price; remove `spot.max_price`."
    }

    precondition {
      condition     = each.value.image != "bottlerocket" || try(each.value.gpu.driver, "cloud") == "cloud"
      error_message = "node group ${each.key}: Bottlerocket runs the device plugin itself, and the GPU operator would run a second one; use `driver: cloud`, or `image: al2023`."
    }

    precondition {
      condition     = try(each.value.gpu.share, "none") != "time_slicing" || try(each.value.gpu.clients >= 2, false)
      error_message = "node group ${each.key}: `share: time_slicing` needs `clients`, the number of pods that share a GPU, at least 2."
    }

    precondition {
      condition     = try(each.value.gpu.share, "none") != "mig" || try(length(each.value.gpu.partition) > 0, false)
      error_message = "node group ${each.key}: `share: mig` needs `partition`, the size of each part, such as 1g.10gb."
    }

    precondition {
      condition     = each.value.image != "bottlerocket" || try(each.value.gpu.share, "none") != "mig" || try(local.mig_card[each.key], null) != null
      error_message = "node group ${each.key}: Bottlerocket parts the cards of ${join(", ", keys(local.mig_cards))} only; use `image: al2023`."
    }
  }
}
