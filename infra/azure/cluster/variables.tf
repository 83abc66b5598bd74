variable "name" {
  description = "Name of the cluster, and prefix of every other name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{0,38}[a-z0-9]$", var.name))
    error_message = "name: write 2 to 40 lower-case letters, digits and hyphens, a letter first and no hyphen last."
  }
}

variable "region" {
  description = "Azure region."
  type        = string
  nullable    = false
}

variable "resource_group" {
  description = "The cluster's resource group: its name and id."
  type        = object({ name = string, id = string })
  nullable    = false
}

variable "zones" {
  description = "Zones of the system pool: `1`, `2`, `3`; empty in a region without zones."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for zone in var.zones : contains(["1", "2", "3"], zone)])
    error_message = "zones: Azure calls them \"1\", \"2\" and \"3\"."
  }
}

variable "kubernetes" {
  description = "Kubernetes version, such as `1.35`: its patches come by themselves."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes))
    error_message = "kubernetes: write the minor version, such as 1.35; the cluster takes the newest patch of it."
  }
}

variable "access" {
  description = "Who reaches and who administers the API. `cidrs`: for a public endpoint. `admins`: object ids of Entra groups."
  type = object({
    endpoint = string
    cidrs    = list(string)
    admins   = list(string)
  })
  nullable = false

  validation {
    condition     = contains(["public", "private"], var.access.endpoint)
    error_message = "access.endpoint: write public or private."
  }
  validation {
    condition     = var.access.endpoint == "private" || length(var.access.cidrs) > 0
    error_message = "access.cidrs: a public endpoint without them is open to the world; write the networks that may reach it, or `endpoint: private`."
  }
  validation {
    condition     = alltrue([for cidr in var.access.cidrs : can(cidrhost(cidr, 0)) && !strcontains(cidr, ":")])
    error_message = "access.cidrs: AKS takes IPv4 networks, such as 203.0.113.7/32; not so: ${join(", ", [for cidr in var.access.cidrs : cidr if !can(cidrhost(cidr, 0)) || strcontains(cidr, ":")])}."
  }
  validation {
    condition     = length(var.access.admins) > 0
    error_message = "access.admins: without one nobody could enter, since local accounts are off; write the object id of an Entra group (az ad group show -g NAME --query id)."
  }
  validation {
    condition     = alltrue([for id in var.access.admins : can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", id))])
    error_message = "access.admins: write object ids of Entra groups, such as 00000000-0000-0000-0000-000000000000 (az ad group show -g NAME --query id)."
  }
}

variable "egress" {
  description = "How nodes leave: AKS's `outbound_type`; and the addresses that they then have."
  type = object({
    type  = string
    cidrs = optional(list(string), [])
  })
  nullable = false
}

variable "subnet_id" {
  description = "Subnet of the system pool."
  type        = string
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets that the cluster's nodes join, by name."
  type        = map(string)
  nullable    = false
}

variable "registry_id" {
  description = "Container registry that the nodes pull from."
  type        = string
  nullable    = false
}

variable "system" {
  description = "The pool where controllers run: its machine, of which AKS takes the first, and how many."
  type = object({
    instance_types = list(string)
    nodes          = number
  })
  nullable = false

  validation {
    condition     = length(var.system.instance_types) > 0
    error_message = "system.instances: name a VM size, such as Standard_D4ds_v5."
  }
  validation {
    condition     = var.system.nodes >= 1 && var.system.nodes <= 1000
    error_message = "system.nodes: write 1 to 1000; two survive the loss of one."
  }
}

variable "provisioner" {
  description = "Who adds nodes: `node_pools` (the pools' own autoscaler) or `auto_provisioning` (AKS's Karpenter)."
  type        = string
  default     = "node_pools"
  nullable    = false

  validation {
    condition     = contains(["node_pools", "auto_provisioning"], var.provisioner)
    error_message = "provisioner: write node_pools or auto_provisioning."
  }
}

variable "deletion_protection" {
  description = "Whether Azure refuses to delete the cluster."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
