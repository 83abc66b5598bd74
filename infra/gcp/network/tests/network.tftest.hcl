mock_provider "google" {}

variables {
  name    = "dungeon"
  project = "dungeon-prod-1"
  region  = "europe-west4"
  network = { cidr = "10.40.0.0/16" }
}

run "a_new_network" {
  command = plan

  assert {
    condition = (
      google_compute_subnetwork.this["this"].ip_cidr_range == "10.40.0.0/18" &&
      join(" ", [for range in google_compute_subnetwork.this["this"].secondary_ip_range : range.ip_cidr_range]) == "10.40.128.0/17 10.40.64.0/20"
    )
    error_message = "Nodes, pods and services share the network out, and none lies in another."
  }

  assert {
    condition     = google_compute_subnetwork.this["this"].private_ip_google_access && google_compute_network.this["this"].auto_create_subnetworks == false
    error_message = "Weights come over Google's own network."
  }

  assert {
    condition     = length(google_compute_subnetwork.this["this"].log_config) == 1
    error_message = "Flows are logged."
  }

  assert {
    condition     = google_compute_firewall.webhooks["this"].source_ranges == toset(["10.40.0.0/18"])
    error_message = "Webhooks are called from within the subnet, and from nowhere else."
  }

  assert {
    condition     = google_compute_router_nat.this["this"].source_subnetwork_ip_ranges_to_nat == "LIST_OF_SUBNETWORKS"
    error_message = "The way out is the cluster's alone."
  }

  assert {
    condition     = output.most_nodes == 128
    error_message = "Each node has a /24 of the pods' range."
  }

  assert {
    condition     = output.pods_range == "pods" && output.services_range == "services"
    error_message = "The cluster is told the ranges by name."
  }
}

run "per_zone_is_single" {
  command = plan

  variables {
    network = { cidr = "10.40.0.0/16", nat = "per_zone" }
  }

  assert {
    condition     = length(google_compute_router_nat.this) == 1
    error_message = "Cloud NAT lies in every zone."
  }
}

run "no_way_out" {
  command = plan

  variables {
    network = { cidr = "192.168.0.0/20", nat = "none", flow_logs = false }
  }

  assert {
    condition     = length(google_compute_router_nat.this) == 0 && length(google_compute_router.this) == 0
    error_message = "None is none."
  }

  assert {
    condition     = google_compute_subnetwork.this["this"].secondary_ip_range[0].ip_cidr_range == "192.168.8.0/21" && length(google_compute_subnetwork.this["this"].log_config) == 0
    error_message = "Small networks are shared out too."
  }
}

run "a_network_that_is_there" {
  command = plan

  variables {
    network = { existing = { network = "hub", subnets = ["models"] } }
  }

  assert {
    condition     = length(google_compute_network.this) + length(google_compute_subnetwork.this) + length(google_compute_router_nat.this) + length(google_compute_firewall.webhooks) == 0
    error_message = "Nothing of it is changed."
  }

  assert {
    condition     = output.subnetwork == "projects/dungeon-prod-1/regions/europe-west4/subnetworks/models" && output.network == "projects/dungeon-prod-1/global/networks/hub"
    error_message = "Names become whole paths."
  }

  assert {
    condition     = output.pods_range == null
    error_message = "GKE adds the ranges."
  }
}

run "a_shared_vpc" {
  command = plan

  variables {
    network = { existing = { network = "projects/host-1/global/networks/hub", subnets = ["models"], pods_range = "p", services_range = "s" } }
  }

  assert {
    condition     = output.subnetwork == "projects/host-1/regions/europe-west4/subnetworks/models" && output.pods_range == "p"
    error_message = "The subnet lies in the host project."
  }
}

run "a_shared_vpc_without_ranges" {
  command = plan

  variables {
    network = { existing = { network = "projects/host-1/global/networks/hub", subnets = ["models"] } }
  }

  expect_failures = [var.network]
}

run "one_range_of_two" {
  command = plan

  variables {
    network = { existing = { network = "hub", subnets = ["models"], pods_range = "p" } }
  }

  expect_failures = [var.network]
}

run "two_subnets" {
  command = plan

  variables {
    network = { existing = { network = "hub", subnets = ["a", "b"] } }
  }

  expect_failures = [var.network]
}

run "new_and_existing" {
  command = plan

  variables {
    network = { cidr = "10.0.0.0/16", existing = { network = "hub", subnets = ["models"] } }
  }

  expect_failures = [var.network]
}

run "a_public_range" {
  command = plan

  variables {
    network = { cidr = "203.0.113.0/20" }
  }

  expect_failures = [var.network]
}

run "too_small" {
  command = plan

  variables {
    network = { cidr = "10.0.0.0/24" }
  }

  expect_failures = [var.network]
}

run "an_unknown_nat" {
  command = plan

  variables {
    network = { cidr = "10.0.0.0/16", nat = "two" }
  }

  expect_failures = [var.network]
}
