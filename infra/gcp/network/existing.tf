locals {
  # By name, without asking Google: a plan needs no rights on a network that another team owns, beyond using it.
  existing_network = var.network.existing == null ? null : (
    strcontains(var.network.existing.network, "/") ? var.network.existing.network : "projects/${var.project}/global/networks/${var.network.existing.network}"
  )
  # The subnet lies where the network does: in a shared VPC that is the host project.
  existing_subnetwork = var.network.existing == null ? null : (
    strcontains(var.network.existing.subnets[0], "/") ? var.network.existing.subnets[0] : join("/", [
      "projects", split("/", local.existing_network)[1], "regions", var.region, "subnetworks", var.network.existing.subnets[0],
    ])
  )
}
