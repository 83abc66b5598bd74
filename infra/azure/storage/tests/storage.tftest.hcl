mock_provider "azurerm" {
  mock_resource "azurerm_storage_account" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Storage/storageAccounts/dungeonweights"
    }
  }
  mock_resource "azurerm_container_registry" {
    defaults = {
      id           = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.ContainerRegistry/registries/dungeon"
      login_server = "dungeon.azurecr.io"
    }
  }
}

variables {
  region         = "westeurope"
  resource_group = "dungeon"
  weights        = { bucket = "dungeonweights" }
  registry       = { name = "dungeonimages" }
  cidrs          = ["203.0.113.7/32"]
  subnet_ids = {
    nodes = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/virtualNetworks/dungeon/subnets/nodes"
  }
}

run "weights_are_closed" {
  assert {
    condition     = azurerm_storage_account.this.network_rules[0].default_action == "Deny" && azurerm_storage_account.this.network_rules[0].ip_rules == toset(["203.0.113.7"])
    error_message = "The written addresses and the nodes' subnets, nobody else."
  }
  assert {
    condition     = !azurerm_storage_account.this.shared_access_key_enabled && azurerm_storage_container.this.container_access_type == "private"
    error_message = "Entra alone opens it."
  }
  assert {
    condition     = length(azurerm_management_lock.registry) == 1
    error_message = "Images are protected unless one says otherwise."
  }
  assert {
    condition     = output.weights_uri == "https://dungeonweights.blob.core.windows.net/weights"
    error_message = "KServe reads weights by this address."
  }
}

run "a_world_that_was_asked_in" {
  command = plan

  variables {
    cidrs               = ["0.0.0.0/0"]
    deletion_protection = false
  }

  assert {
    condition     = azurerm_storage_account.this.network_rules[0].default_action == "Allow" && length(azurerm_management_lock.registry) == 0
    error_message = "Who opens the API to the world opens the weights' network too; Entra still asks who comes."
  }
}

run "a_registry_that_azure_refuses" {
  command = plan

  variables {
    registry = { name = "dungeon-images" }
  }

  expect_failures = [var.registry]
}
