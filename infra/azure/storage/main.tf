locals {
  # Storage takes neither private addresses nor /31 and /32: those are written as single addresses.
  public_cidrs = [for cidr in var.cidrs : cidr if cidr != "0.0.0.0/0" && !can(regex("^(10|127)\\.|^192\\.168\\.|^172\\.(1[6-9]|2[0-9]|3[01])\\.", cidr))]
  ip_rules     = flatten([for cidr in local.public_cidrs : endswith(cidr, "/31") ? [cidrhost(cidr, 0), cidrhost(cidr, 1)] : [trimsuffix(cidr, "/32")]])
}

resource "azurerm_storage_account" "this" {
  #checkov:skip=CKV_AZURE_33: there are no queues; the logging it asks for is of the queue service
  #checkov:skip=CKV_AZURE_59: closed by network_rules: the nodes' subnets and the addresses that are written in the file
  #checkov:skip=CKV2_AZURE_1: Microsoft's key and a second layer of encryption; `customer_managed_key` is the place for one's own
  #checkov:skip=CKV2_AZURE_33: nodes come through the service endpoint, at no price and for existing networks too
  name                = var.weights.bucket
  resource_group_name = var.resource_group
  location            = var.region

  account_tier             = "Standard"
  account_replication_type = var.weights.redundancy
  account_kind             = "StorageV2"
  access_tier              = "Hot"

  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  infrastructure_encryption_enabled = true
  # Entra only: a key would read every model's weights, whoever holds it.
  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  local_user_enabled               = false
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false
  public_network_access_enabled    = true

  # Weights are pushed again, not edited: a week to take back a deletion, and no versions of gigabytes. There is no lock: it
  # would also keep each model's right to read from being taken away. Azure restores a deleted account for fourteen days.
  blob_properties {
    delete_retention_policy {
      days = 7
    }
    container_delete_retention_policy {
      days = 30
    }
  }

  network_rules {
    default_action             = contains(var.cidrs, "0.0.0.0/0") ? "Allow" : "Deny"
    bypass                     = ["AzureServices"]
    ip_rules                   = local.ip_rules
    virtual_network_subnet_ids = distinct(values(var.subnet_ids))
  }

  sas_policy {
    expiration_period = "00.01:00:00"
  }

  tags = var.tags
}

resource "azurerm_storage_container" "this" {
  #checkov:skip=CKV2_AZURE_21: a log line a read of each part of gigabytes costs more than the weights; the account's metrics stay
  name                  = "weights"
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}
