terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
  backend "azurerm" {}
}

provider "azurerm" {
  subscription_id = "00000000-0000-4000-8000-000000000042"
  features {}
}

variable "priority" {
  type    = string
  default = "Spot"
}

variable "max" {
  type    = number
  default = 8
}

data "azurerm_client_config" "this" {}

resource "azurerm_resource_group" "this" {
  name     = "shop"
  location = "westeurope"
}

resource "azurerm_virtual_network" "this" {
  name                = "shop"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  address_space       = ["10.0.0.0/16"]
}

resource "azurerm_subnet" "this" {
  name                 = "nodes"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = ["10.0.0.0/20"]
}

resource "azurerm_user_assigned_identity" "model" {
  name                = "story"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
}

resource "azurerm_kubernetes_cluster" "this" {
  name                = "shop"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  dns_prefix          = "shop"

  default_node_pool {
    name           = "system"
    vm_size        = "Standard_D4s_v5"
    node_count     = 2
    vnet_subnet_id = azurerm_subnet.this.id
    upgrade_settings {
      max_surge = "33%"
    }
  }

  identity {
    type = "SystemAssigned"
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
  }

  node_provisioning_profile {
    mode = "Manual"
  }
}

resource "azurerm_kubernetes_cluster_node_pool" "gpu" {
  name                  = "gpu"
  kubernetes_cluster_id = azurerm_kubernetes_cluster.this.id
  vm_size               = "Standard_NC4as_T4_v3"
  priority              = var.priority
  eviction_policy       = var.priority == "Spot" ? "Delete" : null
  vnet_subnet_id        = azurerm_subnet.this.id
  auto_scaling_enabled  = true
  min_count             = 0
  max_count             = var.max
  node_taints           = ["nvidia.com/gpu=present:NoSchedule"]
}

resource "azurerm_federated_identity_credential" "model" {
  name                      = "story"
  user_assigned_identity_id = azurerm_user_assigned_identity.model.id
  audience                  = ["api://AzureADTokenExchange"]
  issuer                    = azurerm_kubernetes_cluster.this.oidc_issuer_url
  subject                   = "system:serviceaccount:models:story"
}

output "tenant" {
  value = data.azurerm_client_config.this.tenant_id
}
