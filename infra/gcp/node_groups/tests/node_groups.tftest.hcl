mock_provider "google" {}

variables {
  project              = "dungeon-prod-1"
  region               = "us-central1"
  cluster_name         = "dungeon"
  kubernetes           = "1.35"
  node_service_account = "dungeon-nodes@dungeon-prod-1.iam.gserviceaccount.com"
  labels               = { team = "stories" }

  node_groups = {
    gpu-spot = {
      pool           = "gpu"
      pool_name      = "gpu-spot"
      capacity       = "spot"
      instance_types = ["g2-standard-8"]
      min            = 0
      max            = 8
      zones          = ["us-central1-a", "us-central1-b"]
      disk_gib       = 200
      gpu            = { type = "nvidia-l4", count = 1 }
      image          = "cos"
      labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "spot" }
      taints = [
        { key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" },
        { key = "cloud.google.com/gke-spot", value = "true", effect = "NoSchedule" },
      ]
    }
    gpu-on-demand = {
      pool           = "gpu"
      pool_name      = "gpu-on-demand"
      capacity       = "on-demand"
      instance_types = ["g2-standard-8"]
      min            = 5
      max            = 8
      zones          = ["us-central1-a", "us-central1-b"]
      disk_gib       = 200
      gpu            = { type = "nvidia-l4", count = 1 }
      image          = "cos"
      labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "on-demand" }
      taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
    }
  }
}

run "spot" {
  command = plan

  assert {
    condition     = one(google_container_node_pool.this["gpu-spot"].node_config).spot && one(google_container_node_pool.this["gpu-spot"].autoscaling).location_policy == "ANY"
    error_message = "Spot nodes come from wherever there is one."
  }

  assert {
    condition     = join(" ", [for taint in one(google_container_node_pool.this["gpu-spot"].node_config).taint : "${taint.key}=${taint.value}:${taint.effect}"]) == "nvidia.com/gpu=present:NO_SCHEDULE cloud.google.com/gke-spot=true:NO_SCHEDULE"
    error_message = "Both taints, in Google's spelling."
  }

  assert {
    condition     = one(one(google_container_node_pool.this["gpu-spot"].node_config).kubelet_config).shutdown_grace_period_seconds == 120
    error_message = "Two minutes from notice to end."
  }

  assert {
    condition     = one(one(google_container_node_pool.this["gpu-spot"].node_config).guest_accelerator).type == "nvidia-l4"
    error_message = "Its GPU."
  }
}

run "on_demand" {
  command = plan

  assert {
    condition     = one(google_container_node_pool.this["gpu-on-demand"].autoscaling).location_policy == "BALANCED" && one(google_container_node_pool.this["gpu-on-demand"].autoscaling).total_min_node_count == 5
    error_message = "A zone's failure takes its share and no more."
  }

  assert {
    condition     = google_container_node_pool.this["gpu-on-demand"].initial_node_count == 2
    error_message = "Two a zone at once, the fifth when a pod asks."
  }

  assert {
    condition     = one(google_container_node_pool.this["gpu-on-demand"].upgrade_settings).max_surge == 1
    error_message = "Upgrades leave no gap."
  }
}

run "every_node" {
  command = plan

  assert {
    condition     = alltrue([for pool in google_container_node_pool.this : one(one(pool.node_config).workload_metadata_config).mode == "GKE_METADATA" && one(pool.network_config).enable_private_nodes && one(one(pool.node_config).shielded_instance_config).enable_secure_boot])
    error_message = "Pods are not the node, nodes are private, and boot what is signed."
  }

  assert {
    condition     = one(google_container_node_pool.this["gpu-spot"].node_config).resource_labels == tomap({ team = "stories", pool = "gpu", capacity = "spot" })
    error_message = "Machines say whose they are."
  }
}

run "before_long_notices" {
  command = plan

  variables {
    kubernetes = "1.34"
  }

  assert {
    condition     = one(one(google_container_node_pool.this["gpu-spot"].node_config).gcfs_config).enabled && one(one(google_container_node_pool.this["gpu-on-demand"].node_config).kubelet_config).insecure_kubelet_readonly_port_enabled == "FALSE"
    error_message = "The rest stays."
  }
}

run "shared_parted_reserved" {
  command = plan

  variables {
    node_groups = {
      shared-on-demand = {
        pool   = "shared", pool_name = "shared-on-demand", capacity = "on-demand", instance_types = ["n1-standard-8"], min = 0, max = 2, zones = ["us-central1-a"], disk_gib = 100
        gpu    = { type = "nvidia-tesla-t4", count = 2, share = "time_slicing", clients = 4 }
        image  = "cos"
        labels = { "workaday.dev/capacity" = "on-demand" }
        taints = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
      own-on-demand = {
        pool   = "own", pool_name = "own-on-demand", capacity = "on-demand", instance_types = ["n1-standard-8"], min = 0, max = 2, zones = ["us-central1-a"], disk_gib = 100
        gpu    = { type = "nvidia-tesla-t4", count = 1, share = "time_slicing", clients = 4, driver = "operator" }
        image  = "ubuntu"
        labels = { "workaday.dev/capacity" = "on-demand" }
        taints = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
      parted-on-demand = {
        pool   = "parted", pool_name = "parted-on-demand", capacity = "on-demand", instance_types = ["a2-ultragpu-1g"], min = 0, max = 2, zones = ["us-central1-a"], disk_gib = 100
        gpu    = { type = "nvidia-a100-80gb", count = 1, share = "mig", partition = "1g.10gb" }
        image  = "cos"
        labels = { "workaday.dev/capacity" = "on-demand" }
        taints = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
      together-reserved = {
        pool        = "together", pool_name = "together-reserved", capacity = "reserved", instance_types = ["a3-ultragpu-8g"], min = 0, max = 2, zones = ["us-central1-a"], disk_gib = 100
        gpu         = { type = "nvidia-h200-141gb", count = 8 }
        image       = "cos"
        placement   = "compact"
        reservation = { id = "h200" }
        labels      = { "workaday.dev/capacity" = "reserved" }
        taints      = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  assert {
    condition     = one(one(one(google_container_node_pool.this["shared-on-demand"].node_config).guest_accelerator).gpu_sharing_config).max_shared_clients_per_gpu == 4
    error_message = "Four pods a GPU."
  }

  assert {
    condition = (
      one(one(one(google_container_node_pool.this["own-on-demand"].node_config).guest_accelerator).gpu_driver_installation_config).gpu_driver_version == "INSTALLATION_DISABLED" &&
      one(google_container_node_pool.this["own-on-demand"].node_config).labels["gke-no-default-nvidia-gpu-device-plugin"] == "true" &&
      one(one(google_container_node_pool.this["own-on-demand"].node_config).shielded_instance_config).enable_secure_boot == false
    ) && length(one(one(google_container_node_pool.this["own-on-demand"].node_config).guest_accelerator).gpu_sharing_config) == 0
    error_message = "The operator brings driver and plugin, which nobody signed."
  }

  assert {
    condition     = one(one(google_container_node_pool.this["parted-on-demand"].node_config).guest_accelerator).gpu_partition_size == "1g.10gb" && one(one(google_container_node_pool.this["parted-on-demand"].node_config).ephemeral_storage_local_ssd_config).local_ssd_count == 1
    error_message = "Cut into parts; the machine's own disk is used."
  }

  assert {
    condition = (
      one(one(google_container_node_pool.this["together-reserved"].node_config).reservation_affinity).values == toset(["h200"]) &&
      one(google_container_node_pool.this["together-reserved"].placement_policy).type == "COMPACT" &&
      one(google_container_node_pool.this["together-reserved"].upgrade_settings).max_surge == 0 &&
      one(google_container_node_pool.this["together-reserved"].node_config).disk_type == "hyperdisk-balanced"
    )
    error_message = "From the reservation, close together, and without a machine to spare."
  }
}

run "spot_without_its_taint" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "spot"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "spot" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "a_label_that_says_otherwise" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "spot" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "gpus_for_anyone" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = []
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "reserved_without_a_reservation" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "reserved"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "reserved" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "amazons_capacity_block" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "reserved"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "reserved" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
        reservation    = { id = "h100", block = true }
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "a_reservation_that_is_an_address" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "reserved"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "reserved" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
        reservation    = { id = "https://h100" }
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "a_bid" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
        max_price      = 0.4
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "compact_in_two_zones" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a", "us-central1-b"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
        placement      = "compact"
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "mig_without_a_partition" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-tesla-a100", count = 1, share = "mig" }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "an_l4_cut_into_parts" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1, share = "mig", partition = "1g.5gb" }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "time_slicing_for_one" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1, share = "time_slicing" }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "the_operator_on_googles_image" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1, driver = "operator" }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [google_container_node_pool.this["gpu-x"]]
}

run "a_pool_called_system" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "system"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "two_machine_types" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8", "g2-standard-12"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "a_zone_elsewhere" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["europe-west4-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "amazons_image" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "al2023"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "more_at_least_than_at_most" {
  command = plan

  variables {
    node_groups = {
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 3
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 100
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
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
      gpu-x = {
        pool           = "gpu"
        pool_name      = "gpu-x"
        capacity       = "on-demand"
        instance_types = ["g2-standard-8"]
        min            = 0
        max            = 2
        zones          = ["us-central1-a"]
        disk_gib       = 10
        gpu            = { type = "nvidia-l4", count = 1 }
        image          = "cos"
        labels         = { "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [var.node_groups]
}

run "more_nodes_than_addresses" {
  command = plan

  variables {
    most_nodes = 6
  }

  expect_failures = [var.node_groups]
}

run "as_many_nodes_as_addresses" {
  command = plan

  variables {
    most_nodes = 8
  }

  assert {
    condition     = length(google_container_node_pool.this) == 2
    error_message = "Spot and fallback of one pool share its nodes."
  }
}
