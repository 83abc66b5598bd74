# All wait for the gateway's association: nodes that boot before it have no way out, and AKS gives up on them.
output "system_subnet_id" {
  description = "Subnet of the system pool."
  value       = var.network.existing == null ? azurerm_subnet.this["system"].id : local.existing_subnets[var.network.existing.subnets[0]]
  depends_on  = [azurerm_subnet_nat_gateway_association.this, azurerm_nat_gateway_public_ip_association.this, azurerm_subnet_network_security_group_association.this]
}

output "node_subnet_id" {
  description = "Subnet of all other pools."
  value       = var.network.existing == null ? azurerm_subnet.this["nodes"].id : local.existing_subnets[reverse(var.network.existing.subnets)[0]]
  depends_on  = [azurerm_subnet_nat_gateway_association.this, azurerm_nat_gateway_public_ip_association.this, azurerm_subnet_network_security_group_association.this]
}

output "subnet_ids" {
  description = "Every subnet, by its name."
  value       = var.network.existing == null ? { for name, subnet in azurerm_subnet.this : name => subnet.id } : local.existing_subnets
  depends_on  = [azurerm_subnet_nat_gateway_association.this, azurerm_nat_gateway_public_ip_association.this, azurerm_subnet_network_security_group_association.this]
}

output "egress" {
  description = "AKS's `outbound_type`. Without a gateway of ours, nodes leave through the cluster's load balancer."
  value       = var.network.existing != null ? var.network.existing.egress : var.network.nat == "none" ? "loadBalancer" : "userAssignedNATGateway"
}

output "egress_cidrs" {
  description = "The gateway's own address: nodes reach a public API from it, so it must be among those let in."
  value       = [for ip in azurerm_public_ip.nat : "${ip.ip_address}/32"]
}
