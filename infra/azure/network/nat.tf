locals {
  nat = toset(var.network.existing == null && var.network.nat != "none" ? ["this"] : [])
  # A node pool lies in one subnet and a subnet has one gateway, so a gateway a zone would need a pool a zone. StandardV2 lies
  # in every zone at once: what `per_zone` is asked for.
  nat_sku = var.network.nat == "per_zone" ? "StandardV2" : "Standard"
}

resource "azurerm_public_ip" "nat" {
  for_each = local.nat

  name                = "${var.name}-nat"
  resource_group_name = var.resource_group
  location            = var.region
  allocation_method   = "Static"
  sku                 = local.nat_sku
  tags                = var.tags
}

resource "azurerm_nat_gateway" "this" {
  for_each = local.nat

  name                = "${var.name}-nat"
  resource_group_name = var.resource_group
  location            = var.region
  sku_name            = local.nat_sku
  # Azure drops idle flows in silence; a long one costs nothing but ports.
  idle_timeout_in_minutes = 10
  tags                    = var.tags
}

resource "azurerm_nat_gateway_public_ip_association" "this" {
  for_each = local.nat

  nat_gateway_id       = azurerm_nat_gateway.this[each.key].id
  public_ip_address_id = azurerm_public_ip.nat[each.key].id
}

resource "azurerm_subnet_nat_gateway_association" "this" {
  for_each = length(local.nat) > 0 ? local.subnets : {}

  subnet_id      = azurerm_subnet.this[each.key].id
  nat_gateway_id = azurerm_nat_gateway.this["this"].id
}
