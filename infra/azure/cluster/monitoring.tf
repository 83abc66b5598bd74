resource "azurerm_log_analytics_workspace" "this" {
  name                = "${var.name}-logs"
  resource_group_name = var.resource_group.name
  location            = var.region
  sku                 = "PerGB2018"
  retention_in_days   = 30
  # A gigabyte is 2.30 to 2.99 USD: a controller in a loop should not cost more than the GPUs.
  daily_quota_gb               = 5
  local_authentication_enabled = false
  tags                         = var.tags
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  name                           = "control-plane"
  target_resource_id             = azurerm_kubernetes_cluster.this.id
  log_analytics_workspace_id     = azurerm_log_analytics_workspace.this.id
  log_analytics_destination_type = "Dedicated"

  # kube-audit without reads, which are most of it: who changed what; guard: who was let in; why nodes came or did not.
  dynamic "enabled_log" {
    for_each = toset(["kube-audit-admin", "guard", "cluster-autoscaler"])

    content {
      category = enabled_log.value
    }
  }
}
