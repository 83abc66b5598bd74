mock_provider "azurerm" {
  mock_resource "azurerm_subnet" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/virtualNetworks/dungeon-network/subnets/nodes"
    }
  }
  mock_resource "azurerm_virtual_network" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/virtualNetworks/dungeon-network"
    }
  }
  mock_resource "azurerm_network_security_group" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/networkSecurityGroups/dungeon-nodes"
    }
  }
  mock_resource "azurerm_nat_gateway" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/natGateways/dungeon-nat"
    }
  }
  mock_resource "azurerm_public_ip" {
    defaults = {
      id         = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/publicIPAddresses/dungeon-nat"
      ip_address = "203.0.113.99"
    }
  }
  mock_resource "azurerm_storage_account" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Storage/storageAccounts/dungeonlogs"
    }
  }
}

variables {
  name           = "dungeon"
  region         = "westeurope"
  subscription   = "00000000-0000-0000-0000-000000000001"
  resource_group = "dungeon"
  network        = { cidr = "10.40.0.0/16" }
}

run "one_way_out" {
  assert {
    condition     = azurerm_subnet.this["nodes"].address_prefixes == tolist(["10.40.0.0/17"]) && azurerm_subnet.this["system"].address_prefixes == tolist(["10.40.128.0/20"])
    error_message = "Nodes have half of the network, controllers a sixteenth."
  }
  assert {
    condition     = azurerm_nat_gateway.this["this"].sku_name == "Standard" && output.egress == "userAssignedNATGateway" && output.egress_cidrs == ["203.0.113.99/32"]
    error_message = "Nodes leave by the gateway, whose address the API must let in."
  }
  assert {
    condition     = length(azurerm_storage_account.flow_logs["this"].name) <= 24 && can(regex("^[a-z0-9]+$", azurerm_storage_account.flow_logs["this"].name))
    error_message = "Azure takes 24 letters and digits."
  }
  assert {
    condition     = azurerm_storage_account.flow_logs["this"].network_rules[0].default_action == "Deny"
    error_message = "The account that has keys is closed to every network."
  }
}

run "a_way_out_that_survives_a_zone" {
  command = plan

  variables {
    network = { cidr = "10.40.0.0/20", nat = "per_zone" }
  }

  assert {
    condition     = azurerm_nat_gateway.this["this"].sku_name == "StandardV2" && azurerm_public_ip.nat["this"].sku == "StandardV2" && azurerm_nat_gateway.this["this"].zones == null
    error_message = "One gateway that lies in every zone, and its address too."
  }
}

run "the_load_balancers_way_out" {
  command = plan

  variables {
    network = { cidr = "10.40.0.0/16", nat = "none", flow_logs = false }
  }

  assert {
    condition     = length(azurerm_nat_gateway.this) == 0 && output.egress == "loadBalancer" && output.egress_cidrs == []
    error_message = "Without a gateway nodes leave by the cluster's load balancer."
  }
  assert {
    condition     = length(azurerm_network_watcher_flow_log.this) == 0
    error_message = "Who has the watcher's logs elsewhere turns these off."
  }
}

run "a_network_of_another_team" {
  command = plan

  variables {
    network = { existing = { network = "hub/spoke", subnets = ["controllers", "models"], egress = "userDefinedRouting" } }
  }

  assert {
    condition     = length(azurerm_virtual_network.this) == 0 && length(azurerm_network_watcher_flow_log.this) == 0
    error_message = "Nothing of an existing network is changed."
  }
  assert {
    condition     = output.system_subnet_id == "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/hub/providers/Microsoft.Network/virtualNetworks/spoke/subnets/controllers" && endswith(output.node_subnet_id, "/subnets/models")
    error_message = "The first subnet is the system pool's, the last all others'."
  }
  assert {
    condition     = output.egress == "userDefinedRouting"
    error_message = "Its owner says how nodes leave."
  }
}

run "a_network_of_another_subscription" {
  command = plan

  variables {
    network = { existing = { network = "/subscriptions/00000000-0000-0000-0000-000000000002/resourceGroups/hub/providers/Microsoft.Network/virtualNetworks/spoke", subnets = ["models"] } }
  }

  assert {
    condition     = output.system_subnet_id == output.node_subnet_id && startswith(output.node_subnet_id, "/subscriptions/00000000-0000-0000-0000-000000000002/")
    error_message = "A whole id may be another subscription's; one subnet serves both."
  }
}

run "a_name_alone" {
  command = plan

  variables {
    network = { existing = { network = "spoke", subnets = ["models"] } }
  }

  expect_failures = [var.network]
}

run "a_network_in_the_pods_addresses" {
  command = plan

  variables {
    network = { cidr = "100.70.0.0/16" }
  }

  expect_failures = [var.network]
}

run "neither_new_nor_existing" {
  command = plan

  variables {
    network = {}
  }

  expect_failures = [var.network]
}
