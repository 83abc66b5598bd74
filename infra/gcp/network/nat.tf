locals {
  # Cloud NAT is no machine in a zone but part of the network: `single` lies in every zone of the region as `per_zone` does.
  nat = toset(var.network.existing == null && var.network.nat != "none" ? ["this"] : [])
}

resource "google_compute_router" "this" {
  for_each = local.nat

  name    = "${var.name}-router"
  project = var.project
  region  = var.region
  network = google_compute_network.this["this"].id
}

resource "google_compute_router_nat" "this" {
  for_each = local.nat

  name                   = "${var.name}-nat"
  project                = var.project
  region                 = var.region
  router                 = google_compute_router.this[each.key].name
  nat_ip_allocate_option = "AUTO_ONLY"

  # Only the cluster's own subnet: what else comes into the network asks for its own way out.
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"
  subnetwork {
    name                    = google_compute_subnetwork.this["this"].id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  # A node that pulls many layers at once needs more than the 64 ports that each has by default.
  enable_dynamic_port_allocation      = true
  enable_endpoint_independent_mapping = false
  min_ports_per_vm                    = 128
  max_ports_per_vm                    = 8192

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
