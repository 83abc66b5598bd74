variable "name" {
  description = "Prefix of names, and the value of the tag by which Karpenter finds subnets: the cluster's name."
  type        = string
}

variable "region" {
  description = "Region, such as us-east-1."
  type        = string
}

variable "account" {
  description = "Account of the network, twelve digits."
  type        = string
}

variable "zones" {
  description = "Zones by name; the first holds a single NAT gateway."
  type        = list(string)

  validation {
    condition     = length(var.zones) > 0 && length(distinct(var.zones)) == length(var.zones)
    error_message = "zones must name at least one zone, each once."
  }

  validation {
    condition     = alltrue([for zone in var.zones : can(regex("^${var.region}[a-f]$", zone))])
    error_message = "zones must be availability zones of ${var.region}, such as ${var.region}a; local zones and wavelength zones have no place for EKS's nodes here."
  }
}

variable "network" {
  description = "A new network by `cidr` (from /16 to /20) and `nat` (single, per_zone or none), or an existing VPC with private subnets."
  type = object({
    cidr = optional(string)
    nat  = optional(string, "single")
    existing = optional(object({
      network = string
      subnets = list(string)
    }))
  })

  validation {
    condition     = (var.network.cidr == null) != (var.network.existing == null)
    error_message = "network must have either a cidr, for a new network, or an existing one."
  }

  validation {
    condition = var.network.cidr == null || (
      can(cidrhost(var.network.cidr, 0)) && can(regex("/(1[6-9]|20)$", var.network.cidr))
    )
    error_message = "network.cidr must be from /16 to /20, such as 10.40.0.0/16: each zone takes an eighth of it."
  }

  validation {
    condition     = var.network.existing == null || can(regex("^vpc-[0-9a-f]+$", var.network.existing.network))
    error_message = "network.vpc must be the VPC's id, such as vpc-0a1b2c3d4e5f60718, not its name."
  }

  validation {
    condition = var.network.existing == null || try(
      alltrue([for each in var.network.existing.subnets : can(regex("^subnet-[0-9a-f]+$", each))]), false
    )
    error_message = "network.subnets must be ids of subnets, such as subnet-0a1b2c3d4e5f60718, not names."
  }

  validation {
    condition     = contains(["single", "per_zone", "none"], var.network.nat)
    error_message = "network.nat must be single, per_zone or none."
  }

  validation {
    condition     = var.network.existing == null || try(length(var.network.existing.subnets), 0) >= 2
    error_message = "network.existing needs at least two subnets, in two zones: EKS puts its control plane's interfaces there."
  }
}

variable "flow_log_days" {
  description = "How many days flow logs are kept."
  type        = number
  default     = 30
}
