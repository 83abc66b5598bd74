# The gateway's Service finds it by name: networking.gke.io/load-balancer-ip-addresses.
resource "google_compute_address" "this" {
  name         = "${var.name}-gateway"
  project      = var.project
  region       = var.region
  address_type = "EXTERNAL"
  network_tier = "PREMIUM"
}

# A zone has a name of its own in Google Cloud; the file says the domain, as on every cloud.
data "google_dns_managed_zones" "this" {
  project = var.project
}

locals {
  zones = [for each in data.google_dns_managed_zones.this.managed_zones : each.name if each.dns_name == "${var.dns.zone}." && each.visibility == "public"]
}

resource "google_dns_record_set" "this" {
  project      = var.project
  managed_zone = coalesce(var.dns.managed_zone, try(local.zones[0], null), replace(var.dns.zone, ".", "-"))
  name         = "${var.dns.host}."
  type         = "A"
  ttl          = 300
  rrdatas      = [google_compute_address.this.address]
}
