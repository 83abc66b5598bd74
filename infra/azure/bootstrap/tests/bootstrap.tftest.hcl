mock_provider "azurerm" {
  mock_resource "azurerm_storage_account" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon-state/providers/Microsoft.Storage/storageAccounts/dungeonstate"
    }
  }
  mock_data "azurerm_client_config" {
    defaults = { object_id = "11111111-2222-3333-4444-555555555555" }
  }
}

variables {
  region = "westeurope"
  state = {
    resource_group  = "dungeon-state"
    storage_account = "dungeonstate"
    container       = "state"
  }
  tags = { team = "stories" }
}

run "state_is_kept_safe" {
  # What must not be destroyed cannot be taken away after a test.
  command = plan

  assert {
    condition     = !azurerm_storage_account.this.shared_access_key_enabled && azurerm_storage_account.this.infrastructure_encryption_enabled && azurerm_storage_account.this.min_tls_version == "TLS1_2"
    error_message = "State is read by Entra alone, and encrypted twice."
  }
  assert {
    condition     = azurerm_storage_account.this.blob_properties[0].versioning_enabled && azurerm_storage_account.this.blob_properties[0].delete_retention_policy[0].days == 30
    error_message = "A broken state is taken back to an earlier version."
  }
  assert {
    condition     = azurerm_role_assignment.this.principal_id == "11111111-2222-3333-4444-555555555555" && azurerm_role_assignment.this.role_definition_name == "Storage Blob Data Contributor"
    error_message = "Who makes the account can use it."
  }
  assert {
    condition     = azurerm_storage_account.this.network_rules[0].default_action == "Allow"
    error_message = "Without addresses nobody is shut out."
  }
}

run "written_addresses_close_it" {
  command = plan

  variables {
    cidrs = ["203.0.113.7/32", "198.51.100.0/24", "192.0.2.2/31", "10.0.0.0/8"]
  }

  assert {
    condition     = azurerm_storage_account.this.network_rules[0].default_action == "Deny" && azurerm_storage_account.this.network_rules[0].ip_rules == toset(["203.0.113.7", "198.51.100.0/24", "192.0.2.2", "192.0.2.3"])
    error_message = "Storage takes public networks only, and /31 and /32 as single addresses."
  }
}

run "the_world_is_no_address" {
  command = plan

  variables {
    cidrs = ["0.0.0.0/0"]
  }

  assert {
    condition     = azurerm_storage_account.this.network_rules[0].default_action == "Allow" && length(azurerm_storage_account.this.network_rules[0].ip_rules) == 0
    error_message = "Storage refuses 0.0.0.0/0 as a rule."
  }
}

run "a_name_that_azure_refuses" {
  command = plan

  variables {
    state = {
      resource_group  = "dungeon-state"
      storage_account = "dungeon-state"
      container       = "state"
    }
  }

  expect_failures = [var.state]
}
