locals {
  # What a node may do is what its service account may; scopes are the older way to say so.
  scopes = ["https://www.googleapis.com/auth/cloud-platform"]

  # Service accounts have 6 to 30 characters.
  account_id = length(var.name) <= 24 ? "${var.name}-nodes" : "${substr(var.name, 0, 17)}-${substr(sha256(var.name), 0, 6)}-nodes"

  # These take no persistent disk.
  hyperdisk_only = "^(a3-ultragpu|a4|c4|c4a|c4d|g4|n4|n4d)-"

  # GKE counts nodes by zone. As many zones as share them out evenly.
  spreads      = [for zones in range(1, min(var.system.nodes, length(var.zones)) + 1) : zones if var.system.nodes % zones == 0]
  system_zones = slice(var.zones, 0, max(local.spreads...))
}

resource "google_service_account" "nodes" {
  account_id   = local.account_id
  project      = var.project
  display_name = "${var.name}: nodes"
  description  = "what nodes do on their own behalf: logs, metrics, pulling images; models have identities of their own"
}

# Logs, metrics and their own metadata: Google's role for exactly this.
resource "google_project_iam_member" "nodes" {
  project = var.project
  role    = "roles/container.defaultNodeServiceAccount"
  member  = google_service_account.nodes.member
}

resource "google_artifact_registry_repository_iam_member" "nodes" {
  project    = var.project
  location   = var.registry.location
  repository = var.registry.name
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.nodes.member
}

# Where controllers run. Never spot.
resource "google_container_node_pool" "system" {
  name     = "system"
  project  = var.project
  location = var.region
  cluster  = google_container_cluster.this.name

  node_locations = local.system_zones
  node_count     = var.system.nodes / length(local.system_zones)

  node_config {
    machine_type      = var.system.instance_types[0]
    spot              = false
    service_account   = google_service_account.nodes.email
    oauth_scopes      = local.scopes
    image_type        = "COS_CONTAINERD"
    disk_type         = can(regex(local.hyperdisk_only, var.system.instance_types[0])) ? "hyperdisk-balanced" : "pd-balanced"
    disk_size_gb      = 50
    boot_disk_kms_key = var.kms_key

    metadata = {
      disable-legacy-endpoints = "true"
    }
    labels = {
      "workaday.dev/pool"     = "system"
      "workaday.dev/capacity" = "on-demand"
    }
    resource_labels = merge(var.labels, { pool = "system", capacity = "on-demand" })

    shielded_instance_config {
      enable_secure_boot          = true
      enable_integrity_monitoring = true
    }
    workload_metadata_config {
      mode = "GKE_METADATA"
    }
    kubelet_config {
      insecure_kubelet_readonly_port_enabled = "FALSE"
    }
    gvnic {
      enabled = true
    }
    gcfs_config {
      enabled = true
    }
  }

  network_config {
    enable_private_nodes = true
  }

  management {
    auto_repair  = true
    auto_upgrade = true
  }

  upgrade_settings {
    max_surge       = 1
    max_unavailable = 0
  }
}
