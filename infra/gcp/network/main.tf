locals {
  new = toset(var.network.existing == null ? ["this"] : [])

  # Half is for pods: GKE gives each node a /24 of it, for its 110 pods.
  ranges = var.network.existing != null ? null : {
    nodes    = cidrsubnet(var.network.cidr, 2, 0)
    services = cidrsubnet(var.network.cidr, 4, 4)
    pods     = cidrsubnet(var.network.cidr, 1, 1)
  }
}

resource "google_compute_network" "this" {
  for_each = local.new

  name                    = "${var.name}-network"
  project                 = var.project
  auto_create_subnetworks = false
  routing_mode            = "REGIONAL"
}

resource "google_compute_subnetwork" "this" {
  for_each = local.new

  name          = "${var.name}-nodes"
  project       = var.project
  region        = var.region
  network       = google_compute_network.this[each.key].id
  ip_cidr_range = local.ranges.nodes
  stack_type    = "IPV4_ONLY"
  # Weights and images come over Google's own network, past the NAT and its price.
  private_ip_google_access = true

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = local.ranges.pods
  }
  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = local.ranges.services
  }

  dynamic "log_config" {
    for_each = var.network.flow_logs ? ["this"] : []

    content {
      aggregation_interval = "INTERVAL_10_MIN"
      flow_sampling        = 0.1
      metadata             = "EXCLUDE_ALL_METADATA"
    }
  }
}

# The API calls webhooks from an address of the subnet, and GKE's own rules let it reach 443 and 10250 only.
resource "google_compute_firewall" "webhooks" {
  for_each = local.new

  name        = "${var.name}-webhooks"
  project     = var.project
  network     = google_compute_network.this[each.key].id
  description = "the cluster's API calls admission webhooks: KEDA 6443, ingress 8443, KServe and others 9443"
  direction   = "INGRESS"
  priority    = 1000

  source_ranges = [local.ranges.nodes]

  allow {
    protocol = "tcp"
    ports    = ["6443", "8443", "9443"]
  }
}
