locals {
  flow_logs = toset(var.network.existing == null && var.network.flow_logs ? ["this"] : [])
  # Storage accounts share one space of names with all the world: a hash of what only this owner has.
  flow_logs_account = "${substr(replace(lower(var.name), "/[^a-z0-9]/", ""), 0, 12)}logs${substr(sha256("${var.subscription}/${var.name}"), 0, 8)}"
}

resource "azurerm_storage_account" "flow_logs" {
  #checkov:skip=CKV_AZURE_33: there are no queues; the logging it asks for is of the queue service
  #checkov:skip=CKV_AZURE_59: closed by network_rules: only Azure's own services come in
  #checkov:skip=CKV_AZURE_206: logs of ninety days are not worth a second copy
  #checkov:skip=CKV2_AZURE_1: Microsoft's key and a second layer of encryption; nothing but addresses and counts
  #checkov:skip=CKV2_AZURE_33: Azure's flow log service is the only writer, and it does not come through private endpoints
  #checkov:skip=CKV2_AZURE_40: the flow log service writes with the account's key: this is why these logs lie in an account of their own
  for_each = local.flow_logs

  name                = local.flow_logs_account
  resource_group_name = var.resource_group
  location            = var.region

  account_tier             = "Standard"
  account_replication_type = "LRS"
  account_kind             = "StorageV2"

  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  infrastructure_encryption_enabled = true
  # The flow log service writes with the account's key; nothing else lies here.
  shared_access_key_enabled        = true
  local_user_enabled               = false
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false

  blob_properties {
    delete_retention_policy {
      days = 7
    }
  }

  network_rules {
    default_action = "Deny"
    bypass         = ["AzureServices", "Logging"]
  }

  sas_policy {
    expiration_period = "00.01:00:00"
  }

  tags = var.tags
}

# Azure makes one watcher a region, in a group of this name, with the first network in it.
resource "azurerm_network_watcher_flow_log" "this" {
  for_each = local.flow_logs

  name                 = "${var.name}-network"
  network_watcher_name = "NetworkWatcher_${var.region}"
  resource_group_name  = "NetworkWatcherRG"
  location             = var.region
  target_resource_id   = azurerm_virtual_network.this["this"].id
  storage_account_id   = azurerm_storage_account.flow_logs[each.key].id
  enabled              = true
  version              = 2

  retention_policy {
    enabled = true
    days    = 90
  }

  tags = var.tags
}
