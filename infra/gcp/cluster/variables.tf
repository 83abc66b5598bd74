variable "name" {
  description = "Name of the cluster, and prefix of every other name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$", var.name))
    error_message = "name: GKE takes up to 40 lower-case letters, digits and dashes, a letter first."
  }
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the cluster."
  type        = string
  nullable    = false
}

variable "zones" {
  description = "Zones of the cluster's nodes, in the region."
  type        = list(string)
  nullable    = false

  validation {
    condition     = length(var.zones) > 0 && alltrue([for zone in var.zones : startswith(zone, "${var.region}-")])
    error_message = "zones: write zones of ${var.region}, such as ${var.region}-b."
  }
}

variable "kubernetes" {
  description = "Kubernetes version, such as `1.35`: its patches come by themselves."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^1\\.[0-9]+$", var.kubernetes))
    error_message = "kubernetes: write the minor version, such as 1.35."
  }
}

variable "release_channel" {
  description = "How soon patches come: `RAPID`, `REGULAR`, `STABLE` or `EXTENDED`."
  type        = string
  default     = "REGULAR"
  nullable    = false

  validation {
    condition     = contains(["RAPID", "REGULAR", "STABLE", "EXTENDED"], var.release_channel)
    error_message = "release_channel: write RAPID, REGULAR, STABLE or EXTENDED."
  }
}

variable "minor_upgrades" {
  description = "Who raises the minor version: `by_file` (control plane by `kubernetes`, nodes when they are asked to, all at the end of support) or `by_channel` (GKE, which also brings nodes to the control plane's)."
  type        = string
  default     = "by_file"
  nullable    = false

  validation {
    condition     = contains(["by_file", "by_channel"], var.minor_upgrades)
    error_message = "minor_upgrades: write by_file or by_channel."
  }
}

variable "dns_endpoint" {
  description = "Whether the API is also reached by its DNS name from every address, behind IAM alone: a way to a private endpoint without a VPN."
  type        = bool
  default     = false
  nullable    = false
}

variable "network" {
  description = "Network of the cluster."
  type        = string
  nullable    = false
}

variable "subnetwork" {
  description = "Subnet of the nodes."
  type        = string
  nullable    = false
}

variable "pods_range" {
  description = "Name of the subnet's range for pods; null: GKE adds one."
  type        = string
  default     = null
}

variable "services_range" {
  description = "Name of the subnet's range for services; null: GKE adds one."
  type        = string
  default     = null
}

variable "access" {
  description = "Who reaches and who administers the API. `cidrs`: who may reach it; a private endpoint without any takes private addresses. `admins`: members of IAM, such as `group:platform@example.com`."
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
    condition     = var.access.endpoint != "public" || length(var.access.cidrs) > 0
    error_message = "access: a public endpoint needs `cidrs`, the networks that may reach it."
  }
  validation {
    condition     = length(var.access.admins) > 0
    error_message = "access.admins: name at least one, such as group:platform@example.com; without any, only the project's owners can use the cluster."
  }
  validation {
    condition     = alltrue([for member in var.access.admins : can(regex("^(user|group|serviceAccount|principal|principalSet):.+$", member))])
    error_message = "access.admins: write members of IAM, such as group:platform@example.com; not so: ${join(", ", [for member in var.access.admins : member if !can(regex("^(user|group|serviceAccount|principal|principalSet):.+$", member))])}."
  }
  validation {
    condition     = alltrue([for cidr in var.access.cidrs : can(cidrhost(cidr, 0))])
    error_message = "access.cidrs: write networks such as 203.0.113.7/32."
  }
}

variable "system" {
  description = "The pool where controllers run: its machine, of which GKE takes the first, and how many."
  type = object({
    instance_types = list(string)
    nodes          = number
  })
  nullable = false

  validation {
    condition     = length(var.system.instance_types) > 0 && var.system.nodes >= 1
    error_message = "system: write at least one instance type and one node."
  }
  validation {
    condition     = var.system.nodes < 2 || length(var.zones) < 2 || anytrue([for zones in range(2, min(var.system.nodes, length(var.zones)) + 1) : var.system.nodes % zones == 0])
    error_message = "system: ${var.system.nodes} nodes cannot be spread evenly over ${length(var.zones)} zones; write a multiple of ${join(" or ", range(2, length(var.zones) + 1))}."
  }
}

variable "registry" {
  description = "Repository from which nodes pull: its name and region."
  type        = object({ name = string, location = string })
  nullable    = false
}

variable "provisioner" {
  description = "Who adds nodes: `node_pools` (the pools' own autoscaler) or `auto_provisioning` (GKE makes pools)."
  type        = string
  default     = "node_pools"
  nullable    = false

  validation {
    condition     = contains(["node_pools", "auto_provisioning"], var.provisioner)
    error_message = "provisioner: write node_pools or auto_provisioning on Google Cloud."
  }
}

variable "gpu_limits" {
  description = "Most GPUs that auto-provisioning may add, by accelerator, such as `nvidia-l4`."
  type        = map(number)
  default     = {}
  nullable    = false
}

variable "node_limits" {
  description = "Where auto-provisioning stops: the most CPUs and GiB of memory of all nodes together, the system's included. `disk_gib` is the boot disk of its nodes."
  type        = object({ cpu = number, memory_gib = number, disk_gib = optional(number, 100) })
  default     = { cpu = 0, memory_gib = 0 }
  nullable    = false
}

variable "kms_key" {
  description = "Key that encrypts Kubernetes' secrets and the nodes' disks, in the same region; null: Google's own. The service agents of GKE and Compute Engine need it first."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the cluster."
  type        = bool
  default     = true
  nullable    = false
}

variable "labels" {
  description = "Labels of machines and disks, which the provider's `default_labels` do not reach."
  type        = map(string)
  default     = {}
  nullable    = false
}
