# All wait for the NAT: nodes that boot before it cannot pull what is not in Google's registries.
output "network" {
  description = "Network of the cluster."
  value       = var.network.existing == null ? google_compute_network.this["this"].id : local.existing_network
  depends_on  = [google_compute_router_nat.this]
}

output "subnetwork" {
  description = "Subnet of the nodes."
  value       = var.network.existing == null ? google_compute_subnetwork.this["this"].id : local.existing_subnetwork
  depends_on  = [google_compute_router_nat.this, google_compute_firewall.webhooks]
}

output "pods_range" {
  description = "Name of the pods' secondary range; null: GKE adds one to the subnet."
  value       = var.network.existing == null ? "pods" : var.network.existing.pods_range
}

output "services_range" {
  description = "Name of the services' secondary range; null: GKE adds one to the subnet."
  value       = var.network.existing == null ? "services" : var.network.existing.services_range
}

output "most_nodes" {
  description = "How many nodes the pods' range has room for, a /24 each; null: an existing network's are its owner's to count."
  value       = var.network.existing == null ? pow(2, 24 - tonumber(split("/", local.ranges.pods)[1])) : null
}
