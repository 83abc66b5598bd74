resource "azurerm_resource_group" "this" {
  name     = var.state.resource_group
  location = var.region
  tags     = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

locals {
  # Storage takes neither private addresses nor /31 and /32: those are written as single addresses.
  public_cidrs = [for cidr in var.cidrs : cidr if cidr != "0.0.0.0/0" && !can(regex("^(10|127)\\.|^192\\.168\\.|^172\\.(1[6-9]|2[0-9]|3[01])\\.", cidr))]
  ip_rules     = flatten([for cidr in local.public_cidrs : endswith(cidr, "/31") ? [cidrhost(cidr, 0), cidrhost(cidr, 1)] : [trimsuffix(cidr, "/32")]])
}

# State holds what a cluster is made of, so: no keys that could leak, only Entra; every version kept, deleted ones too.
resource "azurerm_storage_account" "this" {
  #checkov:skip=CKV_AZURE_33: there are no queues; the logging it asks for is of the queue service
  #checkov:skip=CKV_AZURE_35: denied as soon as addresses are written; runners of no fixed address come in by Entra alone
  #checkov:skip=CKV_AZURE_59: see CKV_AZURE_35
  #checkov:skip=CKV2_AZURE_1: Microsoft's key and a second layer of encryption; a key of one's own would need a vault before there is a state
  #checkov:skip=CKV2_AZURE_33: a private endpoint would need a network before there is a state
  name                = var.state.storage_account
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location

  account_tier             = "Standard"
  account_replication_type = var.state.redundancy
  account_kind             = "StorageV2"

  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  infrastructure_encryption_enabled = true
  shared_access_key_enabled         = false
  default_to_oauth_authentication   = true
  local_user_enabled                = false
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  public_network_access_enabled     = true

  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = 30
    }
    container_delete_retention_policy {
      days = 30
    }
  }

  network_rules {
    default_action = length(local.ip_rules) > 0 && !contains(var.cidrs, "0.0.0.0/0") ? "Deny" : "Allow"
    bypass         = ["AzureServices"]
    ip_rules       = local.ip_rules
  }

  # The policy only says how long a signature may live, should someone allow keys again.
  sas_policy {
    expiration_period = "00.01:00:00"
  }

  tags = var.tags

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_storage_container" "this" {
  #checkov:skip=CKV2_AZURE_21: reads are logged by Entra's sign-ins and the account's activity log; blob logs cost more than the state
  name                  = var.state.container
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"

  lifecycle {
    prevent_destroy = true
  }
}

data "azurerm_client_config" "this" {}

# The account has no keys: who makes it must be let in by role, or the very first `init` of the cluster is refused.
resource "azurerm_role_assignment" "this" {
  scope                = azurerm_storage_account.this.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = data.azurerm_client_config.this.object_id
  description          = "reads and writes Terraform's state"
}
