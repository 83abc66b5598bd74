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

variable "cluster_name" {
  description = "Cluster that the pools are part of."
  type        = string
  nullable    = false
}

variable "kubernetes" {
  description = "Kubernetes version, the cluster's."
  type        = string
  nullable    = false
}

variable "most_nodes" {
  description = "How many nodes, those of the system left out, the network has room for; null is not known."
  type        = number
  default     = null
}

variable "node_service_account" {
  description = "Service account of the nodes."
  type        = string
  nullable    = false
}

variable "node_groups" {
  description = "Node pools by their name in the project; `pool_name` is what GKE calls them. One machine type each."
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
    condition     = alltrue([for group in var.node_groups : can(regex("^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$", group.pool_name))])
    error_message = "node_groups: GKE takes pool names of up to 40 lower-case letters, digits and dashes, a letter first; not so: ${join(", ", [for name, group in var.node_groups : "${name} (${group.pool_name})" if !can(regex("^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$", group.pool_name))])}."
  }
  validation {
    condition     = length(distinct([for group in var.node_groups : group.pool_name])) == length(var.node_groups)
    error_message = "node_groups: two have the same pool_name; GKE needs one each."
  }
  validation {
    condition     = !anytrue([for group in var.node_groups : group.pool_name == "system"])
    error_message = "node_groups: `system` is the name of the pool where controllers run; call the pool another name."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : length(group.instance_types) == 1])
    error_message = "node_groups: a GKE pool has one machine type; make a group for each of: ${join(", ", [for name, group in var.node_groups : name if length(group.instance_types) != 1])}."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : contains(["on-demand", "spot", "reserved"], group.capacity)])
    error_message = "node_groups: capacity is on-demand, spot or reserved."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : group.min >= 0 && group.max >= 1 && group.min <= group.max && group.max <= 1000])
    error_message = "node_groups: GKE takes 0 to 1000 nodes a zone of a pool, min not above max; not so: ${join(", ", [for name, group in var.node_groups : name if !(group.min >= 0 && group.max >= 1 && group.min <= group.max && group.max <= 1000)])}."
  }
  validation {
    # The groups of a pool are bounded by the pool: its largest counts.
    condition     = length(var.node_groups) == 0 || sum(concat([0], [for pool in distinct([for group in var.node_groups : group.pool]) : max([for group in var.node_groups : group.max if group.pool == pool]...)])) <= coalesce(var.most_nodes, 15000)
    error_message = "node_groups: together they may grow beyond the ${coalesce(var.most_nodes, 15000)} nodes that the network has addresses for; write a larger `network.cidr` (each node takes a /24 of its upper half), or fewer `nodes`."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : length(group.zones) > 0 && alltrue([for zone in group.zones : startswith(zone, "${var.region}-")])])
    error_message = "node_groups: zones are those of the cluster's region; not so: ${join(", ", [for name, group in var.node_groups : name if length(group.zones) == 0 || anytrue([for zone in group.zones : !startswith(zone, "${var.region}-")])])}."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : contains(["cos", "ubuntu"], group.image)])
    error_message = "node_groups: image is cos or ubuntu on Google Cloud."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : group.disk_gib >= 20 && group.disk_gib <= 65536])
    error_message = "node_groups: GKE takes boot disks of 20 GiB to 64 TiB; not so: ${join(", ", [for name, group in var.node_groups : name if group.disk_gib < 20 || group.disk_gib > 65536])}."
  }
  validation {
    condition     = alltrue([for group in var.node_groups : alltrue([for taint in group.taints : contains(["NoSchedule", "PreferNoSchedule", "NoExecute"], taint.effect)])])
    error_message = "node_groups: a taint's effect is NoSchedule, PreferNoSchedule or NoExecute."
  }
}

variable "kms_key" {
  description = "Key that encrypts the nodes' disks, in the same region; null: Google's own. Compute Engine's service agent needs it first."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels of machines and disks, which the provider's `default_labels` do not reach."
  type        = map(string)
  default     = {}
  nullable    = false
}
