resource "azurerm_kubernetes_cluster" "this" {
  #checkov:skip=CKV_AZURE_4: control plane logs go to the workspace by a diagnostic setting (monitoring.tf); the agent for pods' logs is not wanted
  #checkov:skip=CKV_AZURE_115: `access.endpoint` says so; public needs addresses, and never /0
  #checkov:skip=CKV_AZURE_116: Azure Policy is assigned for a whole subscription by those who own it
  #checkov:skip=CKV_AZURE_117: disks are encrypted with Microsoft's keys and on the host; a key of one's own needs a vault
  #checkov:skip=CKV_AZURE_172: no secrets come from a vault by the CSI driver
  #checkov:skip=CKV_AZURE_226: ephemeral OS disks need a VM size with a large enough cache, which is the user's choice
  name                = var.name
  resource_group_name = var.resource_group.name
  location            = var.region
  dns_prefix          = var.name
  # Left to AKS, its name is put together from three others and may be too long.
  node_resource_group = "${var.name}-nodes"
  kubernetes_version  = var.kubernetes
  # Free has no uptime agreement, and throttles the API of a larger cluster.
  sku_tier = "Standard"

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.control_plane.id]
  }

  kubelet_identity {
    client_id                 = azurerm_user_assigned_identity.kubelet.client_id
    object_id                 = azurerm_user_assigned_identity.kubelet.principal_id
    user_assigned_identity_id = azurerm_user_assigned_identity.kubelet.id
  }

  # ---- who comes in

  # A local account is a certificate that nobody can take back.
  local_account_disabled            = true
  role_based_access_control_enabled = true
  azure_active_directory_role_based_access_control {
    azure_rbac_enabled     = true
    admin_group_object_ids = var.access.admins
  }

  oidc_issuer_enabled       = true
  workload_identity_enabled = true

  # `az aks command invoke` comes in by Azure's own API, past every network rule.
  run_command_enabled = false

  private_cluster_enabled             = var.access.endpoint == "private"
  private_dns_zone_id                 = var.access.endpoint == "private" ? "System" : null
  private_cluster_public_fqdn_enabled = false

  # Only who writes 0.0.0.0/0 has an API without ranges.
  dynamic "api_server_access_profile" {
    for_each = var.access.endpoint == "public" && !contains(var.access.cidrs, "0.0.0.0/0") ? ["this"] : []

    content {
      authorized_ip_ranges = concat(var.access.cidrs, var.egress.cidrs)
    }
  }

  # ---- network: pods on an overlay, so a node takes one address of the subnet and not one a pod

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    load_balancer_sku   = "standard"
    outbound_type       = var.egress.type
    # Shared address space (RFC 6598): it collides with no private network that this one may be peered with.
    pod_cidr       = "100.64.0.0/11"
    service_cidr   = "100.96.0.0/16"
    dns_service_ip = "100.96.0.10"
  }

  # ---- upkeep

  automatic_upgrade_channel    = "patch"
  node_os_upgrade_channel      = "NodeImage"
  image_cleaner_enabled        = true
  image_cleaner_interval_hours = 168

  maintenance_window_auto_upgrade {
    frequency   = "Weekly"
    interval    = 1
    day_of_week = "Sunday"
    start_time  = "02:00"
    utc_offset  = "+00:00"
    duration    = 4
  }

  maintenance_window_node_os {
    frequency   = "Weekly"
    interval    = 1
    day_of_week = "Sunday"
    start_time  = "06:00"
    utc_offset  = "+00:00"
    duration    = 4
  }

  # ---- nodes

  default_node_pool {
    name           = "system"
    vm_size        = var.system.instance_types[0]
    node_count     = var.system.nodes
    zones          = var.zones
    vnet_subnet_id = var.subnet_id
    os_sku         = "AzureLinux"
    max_pods       = 110
    # Models stay out; controllers tolerate CriticalAddonsOnly.
    only_critical_addons_enabled = true
    host_encryption_enabled      = true
    node_public_ip_enabled       = false
    orchestrator_version         = var.kubernetes
    # Another machine or disk: a pool of this name holds the controllers meanwhile, and the cluster stays.
    temporary_name_for_rotation = "systemtmp"

    upgrade_settings {
      max_surge                     = "33%"
      drain_timeout_in_minutes      = 30
      node_soak_duration_in_minutes = 0
    }

    tags = var.tags
  }

  node_provisioning_profile {
    mode = var.provisioner == "auto_provisioning" ? "Auto" : "Manual"
    # AKS's own NodePools would take any machine in the catalogue; the chart's take those of the pools.
    default_node_pools = var.provisioner == "auto_provisioning" ? "None" : null
  }

  dynamic "auto_scaler_profile" {
    for_each = var.provisioner == "node_pools" ? ["this"] : []

    content {
      # Reserved before spot before on demand, then the cheaper type: the ConfigMap cluster-autoscaler-priority-expander
      # in kube-system says so. It is the fallback: a spot pool that gets no machine is passed over for a while.
      expander                   = "priority"
      max_node_provisioning_time = "10m"
      # A model's pod has an emptyDir (shared memory), and its node should still go when it is idle.
      skip_nodes_with_local_storage    = false
      skip_nodes_with_system_pods      = true
      scale_down_unneeded              = "10m"
      scale_down_utilization_threshold = "0.5"
      # As long as the longest drain of a model server.
      max_graceful_termination_sec = "600"
      balance_similar_node_groups  = false
    }
  }

  tags = var.tags

  lifecycle {
    precondition {
      condition     = length(var.zones) <= 1 || var.system.nodes >= 2
      error_message = "system: one node cannot be in ${length(var.zones)} zones; write at least 2 nodes, or one zone."
    }
  }

  # Without these AKS cannot join the subnet, use the kubelet's identity or, when it is deleted, clean up after itself.
  depends_on = [azurerm_role_assignment.subnet, azurerm_role_assignment.kubelet_identity]
}

# After everything else, so that `deletion_protection: false` takes it away first.
resource "azurerm_management_lock" "this" {
  for_each = toset(var.deletion_protection ? ["this"] : [])

  name       = "deletion-protection"
  scope      = azurerm_kubernetes_cluster.this.id
  lock_level = "CanNotDelete"
  notes      = "deletion_protection is on in project.yaml; it also keeps node pools from being deleted"
}
