variable "name" {
  description = "Prefix of every name."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Azure region."
  type        = string
  nullable    = false
}

variable "resource_group" {
  description = "Resource group of a new network."
  type        = string
  nullable    = false
}

variable "subscription" {
  description = "Subscription id: of an existing network written as GROUP/NAME, and part of the flow logs' storage account's name."
  type        = string
  nullable    = false
}

variable "network" {
  description = "A new network by `cidr` and `nat`, or an `existing` one: `GROUP/NAME` or its resource id, its subnets, and how nodes leave them."
  type = object({
    cidr      = optional(string)
    nat       = optional(string, "single")
    flow_logs = optional(bool, true)
    existing = optional(object({
      network = string
      subnets = list(string)
      egress  = optional(string, "loadBalancer")
    }))
  })
  nullable = false

  validation {
    condition     = (var.network.cidr == null) != (var.network.existing == null)
    error_message = "network: write either `cidr` (a new network) or `existing` (one that is there), not both and not neither."
  }
  validation {
    condition     = var.network.cidr == null || can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.).*/(8|9|1[0-9]|2[0-2])$", var.network.cidr))
    error_message = "network.cidr: write a private network from /8 to /22, such as 10.40.0.0/16; pods and services have 100.64.0.0/10 to themselves."
  }
  validation {
    condition     = contains(["single", "per_zone", "none"], var.network.nat)
    error_message = "network.nat: write single, per_zone or none."
  }
  validation {
    condition     = var.network.existing == null || can(regex("^[^/]+/[^/]+$|^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\\.Network/virtualNetworks/[^/]+$", var.network.existing.network))
    error_message = "network.existing.network: write the virtual network as GROUP/NAME or as its whole resource id; Azure finds none by its name alone."
  }
  validation {
    condition     = try(length(var.network.existing.subnets), 1) > 0
    error_message = "network.existing.subnets: name at least one subnet; the first is for the system pool, the last for all others."
  }
  validation {
    condition     = contains(["loadBalancer", "userAssignedNATGateway", "userDefinedRouting"], try(var.network.existing.egress, "loadBalancer"))
    error_message = "network.existing.egress: write loadBalancer, userAssignedNATGateway (the subnets have one) or userDefinedRouting (their route table leads out)."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
