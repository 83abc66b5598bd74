# The gateway's Service finds it by name: service.beta.kubernetes.io/azure-pip-name, and azure-load-balancer-resource-group.
resource "azurerm_public_ip" "this" {
  name                = "${var.name}-gateway"
  resource_group_name = var.resource_group.name
  location            = var.region
  allocation_method   = "Static"
  sku                 = "Standard"
  # An address is in one zone or in all of a region's three; Azure takes no two.
  zones = length(var.zones) > 1 ? ["1", "2", "3"] : var.zones
  tags  = var.tags
}

# Azure's controller looks for the address among all of its group, and joins it.
resource "azurerm_role_assignment" "this" {
  scope                = var.resource_group.id
  role_definition_name = "Network Contributor"
  principal_id         = var.control_plane_principal_id
  principal_type       = "ServicePrincipal"
  description          = "the cluster's load balancer takes the gateway's address"
}

data "azurerm_dns_zone" "this" {
  name = var.dns.zone
}

resource "azurerm_dns_a_record" "this" {
  name                = var.dns.host == var.dns.zone ? "@" : trimsuffix(var.dns.host, ".${var.dns.zone}")
  zone_name           = data.azurerm_dns_zone.this.name
  resource_group_name = data.azurerm_dns_zone.this.resource_group_name
  ttl                 = 300
  # An alias: the record follows the address, and goes when it goes.
  target_resource_id = azurerm_public_ip.this.id
  tags               = var.tags
}
