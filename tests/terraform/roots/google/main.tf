terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45"
    }
  }
  backend "gcs" {}
}

provider "google" {
  project        = "shop-42"
  region         = "europe-west4"
  default_labels = { project = "shop" }
}

variable "machine" {
  type    = string
  default = "g2-standard-8"
}

variable "max" {
  type    = number
  default = 8
}

data "google_client_config" "this" {}

data "google_project" "this" {}

resource "google_compute_network" "this" {
  name                    = "shop"
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "this" {
  name          = "shop"
  network       = google_compute_network.this.id
  ip_cidr_range = "10.0.0.0/20"

  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = "10.4.0.0/14"
  }
}

resource "google_service_account" "nodes" {
  account_id = "shop-nodes"
}

resource "google_project_iam_member" "logs" {
  project = data.google_project.this.project_id
  role    = "roles/logging.logWriter"
  member  = google_service_account.nodes.member
}

resource "google_container_cluster" "this" {
  name                     = "shop"
  location                 = data.google_client_config.this.region
  network                  = google_compute_network.this.id
  subnetwork               = google_compute_subnetwork.this.id
  remove_default_node_pool = true
  initial_node_count       = 1
  datapath_provider        = "ADVANCED_DATAPATH"

  ip_allocation_policy {
    cluster_secondary_range_name = "pods"
  }

  workload_identity_config {
    workload_pool = "${data.google_project.this.project_id}.svc.id.goog"
  }
}

resource "google_container_node_pool" "spot" {
  name    = "spot"
  cluster = google_container_cluster.this.id

  autoscaling {
    total_min_node_count = 0
    total_max_node_count = var.max
    location_policy      = "ANY"
  }

  node_config {
    machine_type    = var.machine
    spot            = true
    service_account = google_service_account.nodes.email

    guest_accelerator {
      type  = "nvidia-l4"
      count = 1
      gpu_driver_installation_config {
        gpu_driver_version = "LATEST"
      }
    }

    taint {
      key    = "nvidia.com/gpu"
      value  = "present"
      effect = "NO_SCHEDULE"
    }
  }
}
