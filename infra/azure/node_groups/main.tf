locals {
  capacity_label = "workaday.dev/capacity"
  # AKS puts this label and this taint on spot nodes by itself. Undeclared, every plan would want to take them away.
  spot_key = "kubernetes.azure.com/scalesetpriority"
  os_sku   = { azurelinux = "AzureLinux", ubuntu = "Ubuntu" }
  # The size in front of a MIG profile's memory: `1g.10gb` is AKS's MIG1g.
  mig = { for name, group in var.node_groups : name => try("MIG${regex("^[12347]g", group.gpu.partition)}", null) if try(group.gpu.share, "none") == "mig" }
}

resource "azurerm_kubernetes_cluster_node_pool" "this" {
  for_each = var.node_groups

  name                  = each.value.pool_name
  kubernetes_cluster_id = var.cluster_id
  mode                  = "User"
  vm_size               = each.value.instance_types[0]
  orchestrator_version  = var.kubernetes

  auto_scaling_enabled = true
  min_count            = each.value.min
  max_count            = each.value.max

  vnet_subnet_id         = var.subnet_id
  zones                  = each.value.zones
  node_public_ip_enabled = false

  os_sku          = local.os_sku[each.value.image]
  os_disk_size_gb = each.value.disk_gib
  os_disk_type    = "Managed"
  # AKS keeps 20 MB of memory back for each pod that a node may have; the catalogue reckons with as many.
  max_pods                = 110
  host_encryption_enabled = true

  # `operator`: NVIDIA's GPU operator brings the driver, and refuses nodes that have one.
  gpu_driver   = each.value.gpu == null ? null : each.value.gpu.driver == "operator" ? "None" : "Install"
  gpu_instance = lookup(local.mig, each.key, null)

  priority        = each.value.capacity == "spot" ? "Spot" : "Regular"
  eviction_policy = each.value.capacity == "spot" ? "Delete" : null
  # -1: never more than on demand, and never evicted for its price.
  spot_max_price = each.value.capacity == "spot" ? coalesce(each.value.max_price, -1) : null

  capacity_reservation_group_id = lookup(local.reservations, each.key, null)
  proximity_placement_group_id  = each.value.placement == "compact" ? azurerm_proximity_placement_group.this[each.key].id : null

  node_labels = each.value.labels
  node_taints = [for taint in each.value.taints : "${taint.key}=${taint.value}:${taint.effect}"]

  # Another machine or disk: a pool of this name takes the pods meanwhile, instead of nothing.
  temporary_name_for_rotation = "t${substr(sha256(each.value.pool_name), 0, 11)}"

  # Azure refuses it on spot pools: there is no surge of what may not be had.
  dynamic "upgrade_settings" {
    for_each = each.value.capacity == "spot" ? [] : ["this"]

    content {
      # A reservation has no machine to spare; elsewhere one more than quota for a while, and no gap.
      max_surge                     = each.value.capacity == "reserved" ? null : "1"
      max_unavailable               = each.value.capacity == "reserved" ? "1" : null
      drain_timeout_in_minutes      = 30
      node_soak_duration_in_minutes = 0
    }
  }

  tags = merge(var.tags, { pool = each.value.pool, capacity = each.value.capacity })

  lifecycle {
    # How many there are is the autoscaler's business.
    ignore_changes = [node_count]

    precondition {
      condition = each.value.capacity != "spot" || (
        lookup(each.value.labels, local.spot_key, "") == "spot" &&
        anytrue([for taint in each.value.taints : taint.key == local.spot_key && taint.value == "spot" && taint.effect == "NoSchedule"])
      )
      error_message = "node group ${each.key}: a spot pool needs the label ${local.spot_key}: spot and the taint ${local.spot_key}=spot:NoSchedule, both declared."
    }
    precondition {
      condition     = lookup(each.value.labels, local.capacity_label, "") == each.value.capacity
      error_message = "node group ${each.key}: its label ${local.capacity_label} must say ${each.value.capacity}; models choose their nodes by it."
    }
    precondition {
      condition     = each.value.gpu == null || anytrue([for taint in each.value.taints : taint.key == "nvidia.com/gpu" && taint.effect == "NoSchedule"])
      error_message = "node group ${each.key}: GPU nodes need the taint nvidia.com/gpu=present:NoSchedule, or any pod may sit on them."
    }
    precondition {
      condition     = (each.value.capacity == "reserved") == (each.value.reservation != null)
      error_message = "node group ${each.key}: capacity `reserved` and `reservation` go together; spot and on-demand pools have none."
    }
    precondition {
      condition     = !try(each.value.reservation.block, false)
      error_message = "node group ${each.key}: capacity blocks are Amazon's; write the id of a capacity reservation group, without `block`."
    }
    precondition {
      condition     = each.value.max_price == null || each.value.capacity == "spot"
      error_message = "node group ${each.key}: `max_price` is for spot pools."
    }
    precondition {
      condition     = each.value.placement != "compact" || length(each.value.zones) <= 1
      error_message = "node group ${each.key}: `placement: compact` keeps nodes in one building; write one zone, not ${join(", ", each.value.zones)}."
    }
    precondition {
      condition     = try(each.value.gpu.share, "none") != "mig" || lookup(local.mig, each.key, null) != null
      error_message = "node group ${each.key}: `share: mig` needs a `partition` of 1, 2, 3, 4 or 7 slices, such as 1g.10gb."
    }
  }

  depends_on = [azurerm_role_assignment.reservation]
}

resource "azurerm_proximity_placement_group" "this" {
  for_each = { for name, group in var.node_groups : name => group if group.placement == "compact" }

  name                = "${var.name}-${each.key}"
  resource_group_name = var.resource_group
  location            = var.region
  tags                = var.tags
}
