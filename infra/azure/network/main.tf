locals {
  new = toset(var.network.existing == null ? ["this"] : [])

  subnets = var.network.existing != null ? {} : {
    nodes  = cidrsubnet(var.network.cidr, 1, 0)
    system = cidrsubnet(var.network.cidr, 4, 8)
  }
}

resource "azurerm_virtual_network" "this" {
  for_each = local.new

  name                = "${var.name}-network"
  resource_group_name = var.resource_group
  location            = var.region
  address_space       = [var.network.cidr]
  tags                = var.tags
}

# Pods have addresses of the overlay's, so subnets hold nodes only. The system pool is apart: rules on one do not touch the other.
resource "azurerm_subnet" "this" {
  for_each = local.subnets

  name                 = each.key
  resource_group_name  = var.resource_group
  virtual_network_name = azurerm_virtual_network.this["this"].name
  address_prefixes     = [each.value]

  # Nothing leaves but by the way that is written down below.
  default_outbound_access_enabled = false

  # Weights come over Azure's own network, and the storage account lets these subnets in by their identity.
  service_endpoint {
    service = "Microsoft.Storage"
  }
}

# AKS writes its own rules on the nodes' interfaces. This one is for a platform team's: empty, nothing but Azure's defaults.
resource "azurerm_network_security_group" "this" {
  for_each = local.new

  name                = "${var.name}-nodes"
  resource_group_name = var.resource_group
  location            = var.region
  tags                = var.tags
}

resource "azurerm_subnet_network_security_group_association" "this" {
  for_each = azurerm_subnet.this

  subnet_id                 = each.value.id
  network_security_group_id = azurerm_network_security_group.this["this"].id
}
