mock_provider "azurerm" {
  mock_resource "azurerm_kubernetes_cluster" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.ContainerService/managedClusters/dungeon"
    }
  }
  mock_resource "azurerm_user_assigned_identity" {
    defaults = {
      id           = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.ManagedIdentity/userAssignedIdentities/dungeon"
      principal_id = "66666666-7777-8888-9999-aaaaaaaaaaaa"
      client_id    = "77777777-7777-8888-9999-aaaaaaaaaaaa"
    }
  }
  mock_resource "azurerm_log_analytics_workspace" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.OperationalInsights/workspaces/dungeon-logs"
    }
  }
}

variables {
  name   = "dungeon"
  region = "westeurope"
  resource_group = {
    name = "dungeon"
    id   = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon"
  }
  zones      = ["1", "2", "3"]
  kubernetes = "1.35"
  access     = { endpoint = "public", cidrs = ["203.0.113.7/32"], admins = ["11111111-2222-3333-4444-555555555555"] }
  egress     = { type = "userAssignedNATGateway", cidrs = ["203.0.113.99/32"] }
  subnet_id  = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/virtualNetworks/dungeon/subnets/system"
  subnet_ids = {
    system = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/virtualNetworks/dungeon/subnets/system"
    nodes  = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/virtualNetworks/dungeon/subnets/nodes"
  }
  registry_id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.ContainerRegistry/registries/dungeon"
  system      = { instance_types = ["Standard_D4ds_v5"], nodes = 2 }
}

run "public_for_those_who_are_written" {
  assert {
    condition     = azurerm_kubernetes_cluster.this.api_server_access_profile[0].authorized_ip_ranges == toset(["203.0.113.7/32", "203.0.113.99/32"])
    error_message = "The file's networks, and the nodes by their gateway."
  }
  assert {
    condition     = azurerm_kubernetes_cluster.this.local_account_disabled && azurerm_kubernetes_cluster.this.azure_active_directory_role_based_access_control[0].azure_rbac_enabled && !azurerm_kubernetes_cluster.this.run_command_enabled
    error_message = "Entra alone lets people in."
  }
  assert {
    condition     = azurerm_kubernetes_cluster.this.node_provisioning_profile[0].mode == "Manual" && azurerm_kubernetes_cluster.this.auto_scaler_profile[0].expander == "priority"
    error_message = "Pools grow by the autoscaler, in order."
  }
  assert {
    condition     = length(azurerm_role_assignment.subnet) == 2 && azurerm_role_assignment.pull.role_definition_name == "AcrPull"
    error_message = "Rights are there before the cluster is."
  }
  assert {
    condition     = length(azurerm_management_lock.this) == 1
    error_message = "The cluster is protected unless one says otherwise."
  }
}

run "private" {
  command = plan

  variables {
    access              = { endpoint = "private", cidrs = [], admins = ["11111111-2222-3333-4444-555555555555"] }
    deletion_protection = false
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.private_cluster_enabled && azurerm_kubernetes_cluster.this.private_dns_zone_id == "System" && length(azurerm_kubernetes_cluster.this.api_server_access_profile) == 0
    error_message = "The endpoint has no public address, so no ranges."
  }
  assert {
    condition     = length(azurerm_management_lock.this) == 0
    error_message = "No lock where none is wanted."
  }
}

run "nodes_by_karpenter" {
  command = plan

  variables {
    provisioner = "auto_provisioning"
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.node_provisioning_profile[0].mode == "Auto" && azurerm_kubernetes_cluster.this.node_provisioning_profile[0].default_node_pools == "None" && length(azurerm_kubernetes_cluster.this.auto_scaler_profile) == 0
    error_message = "AKS's Karpenter, with the chart's NodePools and without the autoscaler."
  }
}

run "open_by_accident" {
  command = plan

  variables {
    access = { endpoint = "public", cidrs = [], admins = ["11111111-2222-3333-4444-555555555555"] }
  }

  expect_failures = [var.access]
}

run "a_door_without_a_key" {
  command = plan

  variables {
    access = { endpoint = "public", cidrs = ["203.0.113.7/32"], admins = [] }
  }

  expect_failures = [var.access]
}

run "an_admin_by_name" {
  command = plan

  variables {
    access = { endpoint = "public", cidrs = ["203.0.113.7/32"], admins = ["platform"] }
  }

  expect_failures = [var.access]
}

run "one_controller_node_in_three_zones" {
  command = plan

  variables {
    system = { instance_types = ["Standard_D4ds_v5"], nodes = 1 }
  }

  expect_failures = [azurerm_kubernetes_cluster.this]
}

run "a_patch_version" {
  command = plan

  variables {
    kubernetes = "1.35.2"
  }

  expect_failures = [var.kubernetes]
}
