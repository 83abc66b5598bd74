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
  description = "Resource group of the proximity placement groups."
  type        = string
  nullable    = false
}

variable "subscription" {
  description = "Subscription id: of reservations written as GROUP/NAME."
  type        = string
  nullable    = false
}

variable "control_plane_principal_id" {
  description = "Principal of the cluster's own identity, which takes machines from reservations."
  type        = string
  nullable    = false
}

variable "cluster_id" {
  description = "Cluster that the pools are part of."
  type        = string
  nullable    = false
}

variable "subnet_id" {
  description = "Subnet of the nodes."
  type        = string
  nullable    = false
}

variable "kubernetes" {
  description = "Kubernetes version, the cluster's."
  type        = string
  nullable    = false
}

variable "node_groups" {
  description = "Node pools by their name in the project; `pool_name` is what AKS calls them. One VM size each."
  type = map(object({
    pool           = string
    pool_name      = string
    capacity       = string
    instance_types = list(string)
    min            = number
    max            = number
    zones          = list(string)
    disk_gib       = number
    gpu = optional(object({
      type      = string
      count     = number
      share     = optional(string, "none")
      clients   = optional(number)
      partition = optional(string)
      driver    = optional(string, "cloud")
    }))
    image     = string
    placement = optional(string)
    reservation = optional(object({
      id    = string
      block = optional(bool, false)
    }))
    max_price = optional(number)
    labels    = map(string)
    taints    = list(object({ key = string, value = string, effect = string }))
  }))
  nullable = false

  validation {
    condition     = alltrue([for group in var.node_groups : can(regex("^[a-z][a-z0-9]{0,11}$", group.pool_name))])
    error_message = "node_groups: AKS takes pool names of 1 to 12 lower-case letters and digits, a letter first; not so: ${join(", ", [for name, group in var.node_groups : "${name} (${group.pool_name})" if !can(regex("^[a-z][a-z0-9]{0,11}$", group.pool_name))])}."
  }
  validation {
    condition     = length(distinct([for group in var.node_groups : group.pool_name])) == length(var.node_groups)
    error_message = "node_groups: two have the same pool_name; AKS needs one each."
  }
  validation {
    condition     = !anytrue([for group in var.node_groups : group.pool_name == "system"])
    error_message = "node_groups: `system` is the name of the pool where controllers run; call the pool another name."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : length(group.instance_types) == 1])
    error_message = "node_groups: an AKS pool has one VM size; make a group for each of: ${join(", ", [for name, group in var.node_groups : name if length(group.instance_types) != 1])}."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : contains(["on-demand", "spot", "reserved"], group.capacity)])
    error_message = "node_groups: capacity is on-demand, spot or reserved."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : group.min >= 0 && group.max >= 1 && group.min <= group.max && group.max <= 1000])
    error_message = "node_groups: AKS takes 0 to 1000 nodes a pool, min not above max; not so: ${join(", ", [for name, group in var.node_groups : name if !(group.min >= 0 && group.max >= 1 && group.min <= group.max && group.max <= 1000)])}."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : contains(["azurelinux", "ubuntu"], group.image)])
    error_message = "node_groups: image is azurelinux or ubuntu on Azure."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : group.disk_gib >= 30 && group.disk_gib <= 2048])
    error_message = "node_groups: AKS takes OS disks of 30 to 2048 GiB; not so: ${join(", ", [for name, group in var.node_groups : name if group.disk_gib < 30 || group.disk_gib > 2048])}."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
