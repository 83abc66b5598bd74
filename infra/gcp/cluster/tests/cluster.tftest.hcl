mock_provider "google" {
  mock_resource "google_service_account" {
    defaults = {
      email  = "dungeon-nodes@dungeon-prod-1.iam.gserviceaccount.com"
      member = "serviceAccount:dungeon-nodes@dungeon-prod-1.iam.gserviceaccount.com"
    }
  }
}

variables {
  name           = "dungeon"
  project        = "dungeon-prod-1"
  region         = "europe-west4"
  zones          = ["europe-west4-a", "europe-west4-b", "europe-west4-c"]
  kubernetes     = "1.35"
  network        = "projects/dungeon-prod-1/global/networks/dungeon-network"
  subnetwork     = "projects/dungeon-prod-1/regions/europe-west4/subnetworks/dungeon-nodes"
  pods_range     = "pods"
  services_range = "services"
  access         = { endpoint = "public", cidrs = ["203.0.113.7/32"], admins = ["group:platform@dungeon.example"] }
  system         = { instance_types = ["e2-standard-4"], nodes = 2 }
  registry       = { name = "dungeon", location = "europe-west4" }
  labels         = { team = "stories" }
}

run "a_public_endpoint_for_some" {
  command = plan

  assert {
    condition     = join(" ", [for block in one(google_container_cluster.this.master_authorized_networks_config).cidr_blocks : block.cidr_block]) == "203.0.113.7/32"
    error_message = "The world does not reach the API."
  }

  assert {
    condition = (
      one(google_container_cluster.this.private_cluster_config).enable_private_nodes &&
      one(google_container_cluster.this.private_cluster_config).enable_private_endpoint == false &&
      one(one(google_container_cluster.this.control_plane_endpoints_config).dns_endpoint_config).allow_external_traffic == false
    )
    error_message = "Nodes are private, and the DNS endpoint is no way round."
  }

  assert {
    condition     = google_project_iam_member.admins["group:platform@dungeon.example"].role == "roles/container.admin"
    error_message = "Administrators are those of `admins`."
  }

  assert {
    condition     = one(google_container_cluster.this.workload_identity_config).workload_pool == "dungeon-prod-1.svc.id.goog" && google_container_cluster.this.datapath_provider == "ADVANCED_DATAPATH"
    error_message = "Pods have identities, and Dataplane V2 between them."
  }

  assert {
    condition     = google_container_cluster.this.deletion_protection && google_container_cluster.this.remove_default_node_pool
    error_message = "Not deleted by accident, and no pool of defaults."
  }

  assert {
    condition     = one(google_container_cluster.this.monitoring_config).enable_components == tolist(["SYSTEM_COMPONENTS", "DCGM"])
    error_message = "GPUs are watched."
  }

  assert {
    condition     = one(one(one(google_container_cluster.this.maintenance_policy).maintenance_exclusion).exclusion_options).scope == "NO_MINOR_UPGRADES"
    error_message = "The minor version is project.yaml's."
  }
}

run "the_system_pool" {
  command = plan

  assert {
    condition     = google_container_node_pool.system.node_locations == toset(["europe-west4-a", "europe-west4-b"]) && google_container_node_pool.system.node_count == 1
    error_message = "Two nodes are two zones with one each."
  }

  assert {
    condition     = one(google_container_node_pool.system.node_config).spot == false && one(one(google_container_node_pool.system.node_config).workload_metadata_config).mode == "GKE_METADATA"
    error_message = "Never spot, and pods are not the node."
  }

  assert {
    condition     = one(google_container_node_pool.system.node_config).resource_labels["team"] == "stories"
    error_message = "Machines carry the labels."
  }

  assert {
    condition     = google_project_iam_member.nodes.role == "roles/container.defaultNodeServiceAccount" && google_artifact_registry_repository_iam_member.nodes.role == "roles/artifactregistry.reader"
    error_message = "Nodes write logs and pull images."
  }
}

run "six_nodes_in_three_zones" {
  command = plan

  variables {
    system = { instance_types = ["n4-standard-4"], nodes = 6 }
  }

  assert {
    condition     = length(google_container_node_pool.system.node_locations) == 3 && google_container_node_pool.system.node_count == 2
    error_message = "Two a zone."
  }

  assert {
    condition     = one(google_container_node_pool.system.node_config).disk_type == "hyperdisk-balanced"
    error_message = "N4 takes no persistent disk."
  }
}

run "a_private_endpoint" {
  command = plan

  variables {
    access = { endpoint = "private", cidrs = [], admins = ["group:platform@dungeon.example"] }
  }

  assert {
    condition     = one(google_container_cluster.this.private_cluster_config).enable_private_endpoint
    error_message = "Private is private."
  }

  assert {
    condition     = alltrue([for block in one(google_container_cluster.this.master_authorized_networks_config).cidr_blocks : can(regex("^(10|172|192)\\.", block.cidr_block))])
    error_message = "Only private addresses come in."
  }
}

run "auto_provisioning" {
  command = plan

  variables {
    provisioner = "auto_provisioning"
    gpu_limits  = { nvidia-l4 = 8 }
    node_limits = { cpu = 72, memory_gib = 288, disk_gib = 300 }
  }

  assert {
    condition     = join(" ", sort([for limit in one(google_container_cluster.this.cluster_autoscaling).resource_limits : "${limit.resource_type}=${limit.maximum}"])) == "cpu=72 memory=288 nvidia-l4=8"
    error_message = "It stops where the pools stop."
  }

  assert {
    condition     = one(one(google_container_cluster.this.cluster_autoscaling).auto_provisioning_defaults).disk_size == 300
    error_message = "Its nodes have the disks of the pools."
  }

  assert {
    condition     = one(one(one(google_container_cluster.this.cluster_autoscaling).auto_provisioning_defaults).shielded_instance_config).enable_secure_boot
    error_message = "Its nodes are as safe as the others."
  }
}

run "auto_provisioning_without_limits" {
  command = plan

  variables {
    provisioner = "auto_provisioning"
  }

  expect_failures = [google_container_cluster.this]
}

run "a_key_of_ones_own" {
  command = plan

  variables {
    kms_key = "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k"
  }

  assert {
    condition     = one(google_container_cluster.this.database_encryption).state == "ENCRYPTED" && one(google_container_node_pool.system.node_config).boot_disk_kms_key == var.kms_key
    error_message = "Secrets and disks are encrypted with it."
  }
}

run "a_long_name" {
  command = plan

  variables {
    name = "dungeon-of-the-very-long-name-staging-1"
  }

  assert {
    condition     = length(google_service_account.nodes.account_id) == 30
    error_message = "Service accounts have at most 30 characters."
  }
}

run "public_for_all_the_world" {
  command = plan

  variables {
    access = { endpoint = "public", cidrs = [], admins = ["group:platform@dungeon.example"] }
  }

  expect_failures = [var.access]
}

run "nobody_administers" {
  command = plan

  variables {
    access = { endpoint = "private", cidrs = [], admins = [] }
  }

  expect_failures = [var.access]
}

run "an_address_is_no_member" {
  command = plan

  variables {
    access = { endpoint = "private", cidrs = [], admins = ["platform@dungeon.example"] }
  }

  expect_failures = [var.access]
}

run "five_nodes_in_three_zones" {
  command = plan

  variables {
    system = { instance_types = ["e2-standard-4"], nodes = 5 }
  }

  expect_failures = [var.system]
}

run "zones_of_another_region" {
  command = plan

  variables {
    zones = ["us-central1-a"]
  }

  expect_failures = [var.zones]
}

run "a_patch_version" {
  command = plan

  variables {
    kubernetes = "1.35.2-gke.100"
  }

  expect_failures = [var.kubernetes]
}

run "amazons_provisioner" {
  command = plan

  variables {
    provisioner = "karpenter"
  }

  expect_failures = [var.provisioner]
}

run "google_raises_versions" {
  command = plan

  variables {
    minor_upgrades = "by_channel"
    dns_endpoint   = true
  }

  assert {
    condition     = length(one(google_container_cluster.this.maintenance_policy).maintenance_exclusion) == 0
    error_message = "Nothing holds the channel back."
  }

  assert {
    condition     = one(one(google_container_cluster.this.control_plane_endpoints_config).dns_endpoint_config).allow_external_traffic
    error_message = "By its name from everywhere, for who asks."
  }
}

run "an_unknown_way_to_upgrade" {
  command = plan

  variables {
    minor_upgrades = "never"
  }

  expect_failures = [var.minor_upgrades]
}
