mock_provider "azurerm" {
  mock_resource "azurerm_public_ip" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/publicIPAddresses/dungeon-gateway"
    }
  }
  mock_data "azurerm_dns_zone" {
    defaults = { resource_group_name = "dns" }
  }
}

variables {
  name   = "dungeon"
  region = "westeurope"
  zones  = ["1", "2", "3"]
  resource_group = {
    name = "dungeon"
    id   = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon"
  }
  control_plane_principal_id = "66666666-7777-8888-9999-aaaaaaaaaaaa"
  dns                        = { zone = "dungeon.example", host = "api.eu.dungeon.example" }
}

run "a_host_in_the_zone" {
  assert {
    condition     = azurerm_dns_a_record.this.name == "api.eu" && azurerm_dns_a_record.this.resource_group_name == "dns"
    error_message = "The record lies in the zone's own group, under the rest of the host's name."
  }
  assert {
    condition     = azurerm_public_ip.this.name == "dungeon-gateway" && azurerm_public_ip.this.zones == toset(["1", "2", "3"])
    error_message = "Charts know the address by this name."
  }
}

run "two_zones" {
  command = plan

  variables {
    zones = ["1", "2"]
  }

  assert {
    condition     = azurerm_public_ip.this.zones == toset(["1", "2", "3"])
    error_message = "An address is in one zone or in all."
  }
}

run "the_zone_itself" {
  command = plan

  variables {
    dns = { zone = "dungeon.example", host = "dungeon.example" }
  }

  assert {
    condition     = azurerm_dns_a_record.this.name == "@"
    error_message = "Azure calls the zone's own record @."
  }
}

run "a_host_elsewhere" {
  command = plan

  variables {
    dns = { zone = "dungeon.example", host = "api.otherdungeon.example" }
  }

  expect_failures = [var.dns]
}
