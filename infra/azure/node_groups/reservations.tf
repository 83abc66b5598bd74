locals {
  # GROUP/NAME, or a whole id: of a reservation that another subscription shares.
  reservations = { for name, group in var.node_groups : name => startswith(group.reservation.id, "/") ? group.reservation.id : join("", [
    "/subscriptions/${var.subscription}/resourceGroups/${split("/", group.reservation.id)[0]}",
    "/providers/Microsoft.Compute/capacityReservationGroups/${try(split("/", group.reservation.id)[1], "")}",
  ]) if group.reservation != null && group.capacity == "reserved" }
}

# Without it AKS makes the pool all the same, on machines that nobody reserved.
resource "azurerm_role_assignment" "reservation" {
  for_each = local.reservations

  scope                = each.value
  role_definition_name = "Contributor"
  principal_id         = var.control_plane_principal_id
  principal_type       = "ServicePrincipal"
  description          = "node group ${each.key} takes its machines from the reservation"

  lifecycle {
    precondition {
      condition     = can(regex("^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.Compute/capacityReservationGroups/[^/]+$", each.value))
      error_message = "node group ${each.key}: write the reservation as GROUP/NAME of a capacity reservation group, or as its whole resource id."
    }
  }
}
