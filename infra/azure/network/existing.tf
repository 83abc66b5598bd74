locals {
  existing_id = var.network.existing == null ? null : (
    startswith(var.network.existing.network, "/") ? var.network.existing.network : join("", [
      "/subscriptions/${var.subscription}/resourceGroups/${split("/", var.network.existing.network)[0]}",
      "/providers/Microsoft.Network/virtualNetworks/${split("/", var.network.existing.network)[1]}",
    ])
  )
  # By name, without asking Azure: a plan needs no rights on a network that another team owns, beyond joining it.
  existing_subnets = var.network.existing == null ? {} : { for name in var.network.existing.subnets : name => "${local.existing_id}/subnets/${name}" }
}
