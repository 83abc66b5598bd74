locals {
  capacity_label = "workaday.dev/capacity"
  # GKE puts this label on spot nodes, but no taint.
  spot_key   = "cloud.google.com/gke-spot"
  image_type = { cos = "COS_CONTAINERD", ubuntu = "UBUNTU_CONTAINERD" }
  effect     = { NoSchedule = "NO_SCHEDULE", PreferNoSchedule = "PREFER_NO_SCHEDULE", NoExecute = "NO_EXECUTE" }

  # These take no persistent disk.
  hyperdisk_only = "^(a3-ultragpu|a4|c4|c4a|c4d|g4|n4|n4d)-"

  # From 1.35 on, spot nodes can have two minutes from notice to end; before that, 30 seconds.
  long_notice = tonumber(split(".", var.kubernetes)[1]) >= 35
}

resource "google_container_node_pool" "this" {
  #checkov:skip=CKV_GCP_68: secure boot is on but where a driver is loaded that nobody signed: Ubuntu's and the GPU operator's
  for_each = var.node_groups

  name     = each.value.pool_name
  project  = var.project
  location = var.region
  cluster  = var.cluster_name

  node_locations = each.value.zones
  # By zone. The autoscaler adds to a pool when a pod asks, and only then looks at `min`; what does not divide it leaves to pods.
  initial_node_count = floor(each.value.min / length(each.value.zones))

  autoscaling {
    total_min_node_count = each.value.min
    total_max_node_count = each.value.max
    # Spot: wherever there is a machine. On demand: a zone's failure takes its share and no more.
    location_policy = each.value.capacity == "spot" ? "ANY" : "BALANCED"
  }

  node_config {
    machine_type    = each.value.instance_types[0]
    spot            = each.value.capacity == "spot"
    service_account = var.node_service_account
    oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]

    image_type        = local.image_type[each.value.image]
    disk_type         = can(regex(local.hyperdisk_only, each.value.instance_types[0])) ? "hyperdisk-balanced" : "pd-balanced"
    disk_size_gb      = each.value.disk_gib
    boot_disk_kms_key = var.kms_key

    metadata = {
      disable-legacy-endpoints = "true"
    }

    # The GPU operator brings a device plugin, and two on one node fight. Sharing and parts are then its own to make, too.
    labels          = merge(each.value.labels, try(each.value.gpu.driver, "cloud") == "operator" ? { "gke-no-default-nvidia-gpu-device-plugin" = "true" } : {})
    resource_labels = merge(var.labels, { pool = each.value.pool, capacity = each.value.capacity })

    dynamic "taint" {
      for_each = each.value.taints

      content {
        key    = taint.value.key
        value  = taint.value.value
        effect = local.effect[taint.value.effect]
      }
    }

    dynamic "guest_accelerator" {
      for_each = each.value.gpu == null ? [] : [each.value.gpu]

      content {
        type               = guest_accelerator.value.type
        count              = guest_accelerator.value.count
        gpu_partition_size = guest_accelerator.value.share == "mig" && guest_accelerator.value.driver == "cloud" ? guest_accelerator.value.partition : null

        gpu_driver_installation_config {
          # The newest is there for Google's own image alone.
          gpu_driver_version = guest_accelerator.value.driver == "operator" ? "INSTALLATION_DISABLED" : each.value.image == "cos" ? "LATEST" : "DEFAULT"
        }

        dynamic "gpu_sharing_config" {
          for_each = guest_accelerator.value.share == "time_slicing" && guest_accelerator.value.driver == "cloud" ? ["this"] : []

          content {
            gpu_sharing_strategy       = "TIME_SHARING"
            max_shared_clients_per_gpu = guest_accelerator.value.clients
          }
        }
      }
    }

    # Disks that come with the machine: images and emptyDirs lie there, fast and free.
    dynamic "ephemeral_storage_local_ssd_config" {
      for_each = lookup(local.local_ssds, each.value.instance_types[0], 0) > 0 ? ["this"] : []

      content {
        local_ssd_count = local.local_ssds[each.value.instance_types[0]]
      }
    }

    dynamic "reservation_affinity" {
      for_each = each.value.reservation == null ? [] : [each.value.reservation]

      content {
        consume_reservation_type = "SPECIFIC_RESERVATION"
        key                      = "compute.googleapis.com/reservation-name"
        values                   = [reservation_affinity.value.id]
      }
    }

    # Pods see the metadata server of GKE: their own identity, not the node's.
    workload_metadata_config {
      mode = "GKE_METADATA"
    }

    shielded_instance_config {
      enable_secure_boot          = each.value.gpu == null || (each.value.image == "cos" && try(each.value.gpu.driver, "cloud") == "cloud")
      enable_integrity_monitoring = true
    }

    kubelet_config {
      insecure_kubelet_readonly_port_enabled      = "FALSE"
      shutdown_grace_period_seconds               = each.value.capacity == "spot" && local.long_notice ? 120 : null
      shutdown_grace_period_critical_pods_seconds = each.value.capacity == "spot" && local.long_notice ? 15 : null
    }

    # Image streaming: a container starts while its image still comes. Google's own image has it.
    gcfs_config {
      enabled = each.value.image == "cos"
    }
    # Where a machine type takes no other card, Google puts it in by itself; on Ubuntu it may not be asked for.
    dynamic "gvnic" {
      for_each = each.value.image == "cos" ? ["this"] : []

      content {
        enabled = true
      }
    }
  }

  network_config {
    enable_private_nodes = true
  }

  dynamic "placement_policy" {
    for_each = each.value.placement == "compact" ? ["this"] : []

    content {
      type = "COMPACT"
    }
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  # A reservation has no machine to spare; elsewhere one more than quota for a while, and no gap.
  upgrade_settings {
    max_surge       = each.value.capacity == "reserved" ? 0 : 1
    max_unavailable = each.value.capacity == "reserved" ? 1 : 0
  }

  timeouts {
    create = "60m"
    update = "90m"
    delete = "60m"
  }

  lifecycle {
    # How many there are is the autoscaler's business.
    ignore_changes = [initial_node_count]

    precondition {
      condition     = each.value.capacity != "spot" || anytrue([for taint in each.value.taints : taint.key == local.spot_key && taint.value == "true" && taint.effect == "NoSchedule"])
      error_message = "node group ${each.key}: a spot pool needs the taint ${local.spot_key}=true:NoSchedule; Google does not set it, and pods that cannot be called back would come."
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
      error_message = "node group ${each.key}: capacity blocks are Amazon's; write the name of a reservation, without `block`."
    }
    precondition {
      condition     = each.value.reservation == null || can(regex("^[a-z]([-a-z0-9]*[a-z0-9])?$|^projects/[^/]+/reservations/[^/]+(/reservationBlocks/[^/]+)?$", each.value.reservation.id))
      error_message = "node group ${each.key}: write the reservation by its name, or as projects/PROJECT/reservations/NAME if another project shares it."
    }
    precondition {
      condition     = each.value.max_price == null
      error_message = "node group ${each.key}: Google takes no bid, spot nodes cost what they cost; leave `max_price` out."
    }
    precondition {
      condition     = each.value.placement != "compact" || length(each.value.zones) == 1
      error_message = "node group ${each.key}: `placement: compact` keeps nodes close to each other; write one zone, not ${join(", ", each.value.zones)}."
    }
    precondition {
      condition     = try(each.value.gpu.share, "none") != "mig" || can(regex("^[1-7]g\\.[0-9]+gb$", each.value.gpu.partition))
      error_message = "node group ${each.key}: `share: mig` needs a `partition`, such as 1g.10gb."
    }
    precondition {
      condition     = try(each.value.gpu.share, "none") != "mig" || can(regex("(a100|h100|h200|b200|rtx-pro-6000)", each.value.gpu.type))
      error_message = "node group ${each.key}: ${try(each.value.gpu.type, "its GPU")} cannot be cut into parts; write `share: time_slicing`, or a pool of A100, H100, H200 or B200."
    }
    precondition {
      condition     = try(each.value.gpu.share, "none") != "time_slicing" || try(each.value.gpu.clients >= 2 && each.value.gpu.clients <= 48, false)
      error_message = "node group ${each.key}: `share: time_slicing` needs `clients` from 2 to 48."
    }
    precondition {
      condition     = try(each.value.gpu.driver, "cloud") == "cloud" || each.value.image == "ubuntu"
      error_message = "node group ${each.key}: NVIDIA's GPU operator installs no driver on Google's own image; write `image: ubuntu`, or leave `driver: operator` out."
    }
  }
}
