variable "name" {
  description = "Prefix of every name."
  type        = string
  nullable    = false
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the subnet."
  type        = string
  nullable    = false
}

variable "network" {
  description = "A new network by `cidr` and `nat`, or an `existing` one: its name (of a shared VPC: `projects/HOST/global/networks/NAME`), its subnet, and the names of the subnet's secondary ranges."
  type = object({
    cidr      = optional(string)
    nat       = optional(string, "single")
    flow_logs = optional(bool, true)
    existing = optional(object({
      network        = string
      subnets        = list(string)
      pods_range     = optional(string)
      services_range = optional(string)
    }))
  })
  nullable = false

  validation {
    condition     = (var.network.cidr == null) != (var.network.existing == null)
    error_message = "network: write either `cidr` (a new network) or `existing` (one that is there), not both and not neither."
  }
  validation {
    condition     = var.network.cidr == null || can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.).*/(8|9|1[0-9]|20)$", var.network.cidr))
    error_message = "network.cidr: write a private network from /8 to /20, such as 10.40.0.0/16; each node takes a /24 of its upper half: 128 nodes in a /16."
  }
  validation {
    condition     = contains(["single", "per_zone", "none"], var.network.nat)
    error_message = "network.nat: write single, per_zone or none."
  }
  validation {
    condition     = var.network.existing == null || can(regex("^[a-z]([-a-z0-9]*[a-z0-9])?$|^projects/[^/]+/global/networks/[^/]+$", var.network.existing.network))
    error_message = "network.existing.network: write the network's name, or projects/HOST/global/networks/NAME of a shared VPC."
  }
  validation {
    condition     = var.network.existing == null || try(length(var.network.existing.subnets), 0) == 1
    error_message = "network.existing.subnets: name one subnet, in the cluster's region; a subnet of Google's lies in every zone of it."
  }
  validation {
    condition     = try((var.network.existing.pods_range == null) == (var.network.existing.services_range == null), true)
    error_message = "network.existing: write both `pods_range` and `services_range`, or neither: GKE then adds its own to the subnet."
  }
  validation {
    condition     = var.network.existing == null || !startswith(try(var.network.existing.network, ""), "projects/") || startswith(try(var.network.existing.network, ""), "projects/${var.project}/") || try(var.network.existing.pods_range, null) != null
    error_message = "network.existing: a shared VPC needs `pods_range` and `services_range`, the subnet's secondary ranges: GKE may not add its own to another project's subnet."
  }
}
