mock_provider "azurerm" {
  mock_resource "azurerm_proximity_placement_group" {
    defaults = {
      id = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Compute/proximityPlacementGroups/dungeon"
    }
  }
}

variables {
  name                       = "dungeon"
  region                     = "westeurope"
  subscription               = "00000000-0000-0000-0000-000000000001"
  resource_group             = "dungeon"
  cluster_id                 = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.ContainerService/managedClusters/dungeon"
  control_plane_principal_id = "66666666-7777-8888-9999-aaaaaaaaaaaa"
  subnet_id                  = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Network/virtualNetworks/dungeon/subnets/nodes"
  kubernetes                 = "1.35"
  node_groups = {
    gpu-spot = {
      pool           = "gpu"
      pool_name      = "gpuspot"
      capacity       = "spot"
      instance_types = ["Standard_NC4as_T4_v3"]
      min            = 0
      max            = 4
      zones          = ["1", "2"]
      disk_gib       = 200
      gpu            = { type = "T4", count = 1 }
      image          = "ubuntu"
      labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "spot", "kubernetes.azure.com/scalesetpriority" = "spot" }
      taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }, { key = "kubernetes.azure.com/scalesetpriority", value = "spot", effect = "NoSchedule" }]
    }
    gpu-on-demand = {
      pool           = "gpu"
      pool_name      = "gpuondemand"
      capacity       = "on-demand"
      instance_types = ["Standard_NC4as_T4_v3"]
      min            = 1
      max            = 4
      zones          = ["1", "2"]
      disk_gib       = 200
      gpu            = { type = "T4", count = 1 }
      image          = "ubuntu"
      labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
      taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
    }
  }
}

run "spot_beside_on_demand" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["gpu-spot"].priority == "Spot" && azurerm_kubernetes_cluster_node_pool.this["gpu-spot"].eviction_policy == "Delete" && azurerm_kubernetes_cluster_node_pool.this["gpu-spot"].spot_max_price == -1
    error_message = "Evicted nodes go, and never for their price."
  }

  assert {
    condition     = length(azurerm_kubernetes_cluster_node_pool.this["gpu-spot"].upgrade_settings) == 0 && azurerm_kubernetes_cluster_node_pool.this["gpu-on-demand"].upgrade_settings[0].max_surge == "1"
    error_message = "Azure refuses a surge on spot."
  }

  assert {
    condition     = contains(azurerm_kubernetes_cluster_node_pool.this["gpu-spot"].node_taints, "kubernetes.azure.com/scalesetpriority=spot:NoSchedule")
    error_message = "What Azure puts on spot nodes is declared."
  }

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["gpu-on-demand"].priority == "Regular" && azurerm_kubernetes_cluster_node_pool.this["gpu-on-demand"].eviction_policy == null
    error_message = "On demand is not evicted."
  }

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["gpu-on-demand"].host_encryption_enabled && azurerm_kubernetes_cluster_node_pool.this["gpu-on-demand"].gpu_driver == "Install" && azurerm_kubernetes_cluster_node_pool.this["gpu-on-demand"].os_sku == "Ubuntu"
    error_message = "The image brings the driver, and disks are encrypted on the host."
  }
}

run "a_price_of_ones_own" {
  command = plan

  variables {
    node_groups = {
      gpu-spot = {
        pool           = "gpu"
        pool_name      = "gpuspot"
        capacity       = "spot"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "spot", "kubernetes.azure.com/scalesetpriority" = "spot" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }, { key = "kubernetes.azure.com/scalesetpriority", value = "spot", effect = "NoSchedule" }]
        max_price      = 0.4
      }
    }
  }

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["gpu-spot"].spot_max_price == 0.4
    error_message = "The most to pay is the file's."
  }
}

run "parts_by_the_operator" {
  command = plan

  variables {
    node_groups = {
      parted = {
        pool           = "gpu"
        pool_name      = "parted"
        capacity       = "on-demand"
        instance_types = ["Standard_NC24ads_A100_v4"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "A100", count = 1, share = "mig", partition = "2g.20gb", driver = "operator" }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["parted"].gpu_instance == "MIG2g" && azurerm_kubernetes_cluster_node_pool.this["parted"].gpu_driver == "None"
    error_message = "The profile is Azure's, the driver the operator's."
  }
}

run "reserved_and_close_together" {
  command = plan

  variables {
    node_groups = {
      gpu-reserved = {
        pool           = "gpu"
        pool_name      = "gpureserved"
        capacity       = "reserved"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "reserved" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
        placement      = "compact"
        reservation    = { id = "machines/h100" }
      }
    }
  }

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["gpu-reserved"].capacity_reservation_group_id == "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/machines/providers/Microsoft.Compute/capacityReservationGroups/h100"
    error_message = "GROUP/NAME is made whole."
  }

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["gpu-reserved"].upgrade_settings[0].max_surge == null && azurerm_kubernetes_cluster_node_pool.this["gpu-reserved"].upgrade_settings[0].max_unavailable == "1"
    error_message = "A reservation has no machine to spare."
  }

  assert {
    condition     = azurerm_role_assignment.reservation["gpu-reserved"].role_definition_name == "Contributor" && length(azurerm_proximity_placement_group.this) == 1
    error_message = "The cluster may use the reservation."
  }
}

run "cpus" {
  command = plan

  variables {
    node_groups = {
      cpu-on-demand = {
        pool           = "gpu"
        pool_name      = "cpu"
        capacity       = "on-demand"
        instance_types = ["Standard_D8s_v5"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        image          = "azurelinux"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = []
      }
    }
  }

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.this["cpu-on-demand"].gpu_driver == null && azurerm_kubernetes_cluster_node_pool.this["cpu-on-demand"].os_sku == "AzureLinux"
    error_message = "No GPUs, no driver."
  }
}

run "spot_without_its_taint" {
  command = plan

  variables {
    node_groups = {
      gpu-spot = {
        pool           = "gpu"
        pool_name      = "gpuspot"
        capacity       = "spot"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "spot", "kubernetes.azure.com/scalesetpriority" = "spot" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [azurerm_kubernetes_cluster_node_pool.this]
}

run "spot_without_its_label" {
  command = plan

  variables {
    node_groups = {
      gpu-spot = {
        pool           = "gpu"
        pool_name      = "gpuspot"
        capacity       = "spot"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "spot" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }, { key = "kubernetes.azure.com/scalesetpriority", value = "spot", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [azurerm_kubernetes_cluster_node_pool.this]
}

run "gpus_without_a_taint" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = []
      }
    }
  }

  expect_failures = [azurerm_kubernetes_cluster_node_pool.this]
}

run "a_label_that_lies" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/capacity" = "spot" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [azurerm_kubernetes_cluster_node_pool.this]
}

run "reserved_without_a_reservation" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "reserved"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "reserved" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [azurerm_kubernetes_cluster_node_pool.this]
}

run "a_capacity_block" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "reserved"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "reserved" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
        reservation    = { id = "machines/h100", block = true }
      }
    }
  }

  expect_failures = [azurerm_kubernetes_cluster_node_pool.this]
}

run "a_reservation_by_name_alone" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "reserved"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "reserved" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
        reservation    = { id = "h100" }
      }
    }
  }

  expect_failures = [azurerm_role_assignment.reservation]
}

run "a_price_on_demand" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
        max_price      = 0.4
      }
    }
  }

  expect_failures = [azurerm_kubernetes_cluster_node_pool.this]
}

run "compact_in_two_zones" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
        placement      = "compact"
      }
    }
  }

  expect_failures = [azurerm_kubernetes_cluster_node_pool.this]
}

run "mig_without_a_part" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "A100", count = 1, share = "mig" }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [azurerm_kubernetes_cluster_node_pool.this]
}

run "a_long_name" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu-on-demand"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "two_of_one_name" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
      other = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "the_controllers_name" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "system"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "two_sizes_in_one_pool" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3", "Standard_NC8as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "more_least_than_most" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 5
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "an_image_of_another_cloud" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 200
        gpu            = { type = "T4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "a_disk_too_small" {
  command = plan

  variables {
    node_groups = {
      gpu = {
        pool           = "gpu"
        pool_name      = "gpu"
        capacity       = "on-demand"
        instance_types = ["Standard_NC4as_T4_v3"]
        min            = 0
        max            = 4
        zones          = ["1", "2"]
        disk_gib       = 10
        gpu            = { type = "T4", count = 1 }
        image          = "ubuntu"
        labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}
