resource "google_container_cluster" "this" {
  #checkov:skip=CKV_GCP_12: Dataplane V2 is Cilium, which keeps network policies; the argument is Calico's
  #checkov:skip=CKV_GCP_21: labels come by the provider's `default_labels`
  #checkov:skip=CKV_GCP_65: Google Groups for RBAC needs a domain's own group; `access.admins` takes groups by IAM
  #checkov:skip=CKV_GCP_66: Binary Authorization needs attestors, which belong to those who build images
  name    = var.name
  project = var.project
  # A control plane in each zone of the region, at the price of one.
  location            = var.region
  node_locations      = var.zones
  deletion_protection = var.deletion_protection

  # ---- version: minor ones by project.yaml, patches by themselves

  min_master_version = var.kubernetes
  release_channel {
    channel = var.release_channel
  }

  maintenance_policy {
    # Two nights a week: GKE wants 48 hours in each 32 days.
    recurring_window {
      start_time = "2026-01-03T00:00:00Z"
      end_time   = "2026-01-03T08:00:00Z"
      recurrence = "FREQ=WEEKLY;BYDAY=SA,SU"
    }
    # Else the channel would raise the minor version beside project.yaml. It holds for nodes too: they follow with `by_channel`.
    dynamic "maintenance_exclusion" {
      for_each = var.minor_upgrades == "by_file" ? ["this"] : []

      content {
        exclusion_name = "minor-versions-by-project-file"
        start_time     = "2026-01-01T00:00:00Z"
        exclusion_options {
          scope             = "NO_MINOR_UPGRADES"
          end_time_behavior = "UNTIL_END_OF_SUPPORT"
        }
      }
    }
  }

  # ---- network

  network           = var.network
  subnetwork        = var.subnetwork
  networking_mode   = "VPC_NATIVE"
  datapath_provider = "ADVANCED_DATAPATH"
  # What pods of one node say to each other is in the flow logs too, and under the network's rules.
  enable_intranode_visibility = true
  enable_l4_ilb_subsetting    = true
  default_max_pods_per_node   = 110

  ip_allocation_policy {
    cluster_secondary_range_name  = var.pods_range
    services_secondary_range_name = var.services_range
  }

  # ---- who comes in

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = var.access.endpoint == "private"

    master_global_access_config {
      enabled = false
    }
  }

  master_authorized_networks_config {
    # Machines of all of Google's customers have Google's addresses.
    gcp_public_cidrs_access_enabled = false

    dynamic "cidr_blocks" {
      for_each = local.authorized

      content {
        cidr_block   = cidr_blocks.value
        display_name = "project.yaml"
      }
    }
  }

  # From outside Google's network the DNS endpoint is open to every address, behind IAM alone: only for who asks.
  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = var.dns_endpoint
    }
    ip_endpoints_config {
      enabled = true
    }
  }

  enable_legacy_abac = false
  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }
  # Health checks need no name; everything else does.
  anonymous_authentication_config {
    mode = "LIMITED"
  }
  rbac_binding_config {
    enable_insecure_binding_system_authenticated   = false
    enable_insecure_binding_system_unauthenticated = false
  }

  workload_identity_config {
    workload_pool = "${var.project}.svc.id.goog"
  }

  dynamic "database_encryption" {
    for_each = var.kms_key == null ? [] : ["this"]

    content {
      state    = "ENCRYPTED"
      key_name = var.kms_key
    }
  }

  # ---- nodes: the first pool is thrown away, since nothing of it can be changed later

  remove_default_node_pool = true
  initial_node_count       = 1
  enable_shielded_nodes    = true

  # Even for the minutes that it lives: many organisations forbid the default service account.
  node_config {
    service_account = google_service_account.nodes.email
    oauth_scopes    = local.scopes

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
  }

  node_pool_defaults {
    node_config_defaults {
      insecure_kubelet_readonly_port_enabled = "FALSE"
      gcfs_config {
        enabled = true
      }
    }
  }

  # ---- auto-provisioning: GKE makes the pools that pods ask for, within these limits

  cluster_autoscaling {
    enabled                     = local.auto
    autoscaling_profile         = "OPTIMIZE_UTILIZATION"
    auto_provisioning_locations = local.auto ? var.zones : null

    dynamic "resource_limits" {
      for_each = local.auto ? merge({ cpu = var.node_limits.cpu, memory = var.node_limits.memory_gib }, var.gpu_limits) : {}

      content {
        resource_type = resource_limits.key
        minimum       = 0
        maximum       = resource_limits.value
      }
    }

    dynamic "auto_provisioning_defaults" {
      for_each = local.auto ? ["this"] : []

      content {
        service_account   = google_service_account.nodes.email
        oauth_scopes      = local.scopes
        image_type        = "COS_CONTAINERD"
        disk_type         = "pd-balanced"
        disk_size         = max(var.node_limits.disk_gib, 50)
        boot_disk_kms_key = var.kms_key

        shielded_instance_config {
          enable_secure_boot          = true
          enable_integrity_monitoring = true
        }
        management {
          auto_repair  = true
          auto_upgrade = true
        }
        upgrade_settings {
          strategy        = "SURGE"
          max_surge       = 1
          max_unavailable = 0
        }
      }
    }
  }

  dynamic "node_pool_auto_config" {
    for_each = local.auto ? ["this"] : []

    content {
      node_kubelet_config {
        insecure_kubelet_readonly_port_enabled = "FALSE"
      }
    }
  }

  # ---- add-ons

  addons_config {
    dns_cache_config {
      enabled = true
    }
    gce_persistent_disk_csi_driver_config {
      enabled = true
    }
    horizontal_pod_autoscaling {
      disabled = false
    }
    http_load_balancing {
      disabled = false
    }
    network_policy_config {
      # Dataplane V2 has policies of its own.
      disabled = true
    }
  }

  # ---- watch

  cost_management_config {
    enabled = true
  }
  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"]
  }
  # DCGM: how busy each GPU is, how full and how hot.
  monitoring_config {
    enable_components = ["SYSTEM_COMPONENTS", "DCGM"]
    managed_prometheus {
      enabled = true
    }
  }
  security_posture_config {
    mode               = "BASIC"
    vulnerability_mode = "VULNERABILITY_DISABLED"
  }

  lifecycle {
    # Of the pool that is no more.
    ignore_changes = [node_config, initial_node_count]

    precondition {
      condition     = !local.auto || (var.node_limits.cpu > 0 && var.node_limits.memory_gib > 0)
      error_message = "provisioner: auto_provisioning needs limits; give each pool `nodes: {max: N}` and machines that the catalogue knows."
    }
  }

  # The nodes' rights first: nodes without them never report ready.
  depends_on = [google_project_iam_member.nodes, google_artifact_registry_repository_iam_member.nodes]

  timeouts {
    create = "60m"
    update = "90m"
    delete = "60m"
  }
}

locals {
  auto = var.provisioner == "auto_provisioning"

  # A private endpoint without addresses: all that a VPN, a peering or a machine in the network can come from.
  authorized = var.access.endpoint == "private" && length(var.access.cidrs) == 0 ? ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] : var.access.cidrs
}
