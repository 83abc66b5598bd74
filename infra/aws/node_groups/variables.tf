variable "name" {
  description = "Prefix of names: the cluster's name."
  type        = string
}

variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "account" {
  description = "Account of the cluster, twelve digits."
  type        = string
}

variable "cluster_name" {
  description = "The cluster, once nodes can join it."
  type        = string
}

variable "kubernetes" {
  description = "Kubernetes version of the nodes."
  type        = string
}

variable "node_role_arn" {
  description = "ARN of the nodes' role."
  type        = string
}

variable "subnets" {
  description = "Ids of private subnets, by zone."
  type        = map(list(string))
}

variable "groups" {
  description = "Node groups by name: nodes of one pool, one shape and one capacity (on-demand, spot or reserved)."
  type = map(object({
    pool           = string
    capacity       = string
    instance_types = list(string)
    min            = number
    max            = number
    zones          = list(string)
    disk_gib       = number
    gpu = optional(object({
      type      = string
      count     = number
      share     = string
      clients   = optional(number)
      partition = optional(string)
      driver    = string
    }))
    image     = string
    placement = optional(string)
    reservation = optional(object({
      id    = string
      block = bool
    }))
    max_price     = optional(number)
    local_storage = optional(bool, false)
    labels        = map(string)
    taints = list(object({
      key    = string
      value  = string
      effect = string
    }))
  }))

  validation {
    condition     = alltrue([for group in values(var.groups) : contains(["on-demand", "spot", "reserved"], group.capacity)])
    error_message = "node_groups: capacity must be on-demand, spot or reserved."
  }

  validation {
    condition     = alltrue([for group in values(var.groups) : contains(["al2023", "bottlerocket"], group.image)])
    error_message = "node_groups: image must be al2023 or bottlerocket on aws."
  }

  validation {
    condition     = alltrue([for group in values(var.groups) : group.max >= 1 && group.min <= group.max && group.min >= 0])
    error_message = "node_groups: nodes.min must be from 0 to nodes.max, and nodes.max at least 1."
  }

  validation {
    condition = alltrue(flatten([
      for group in values(var.groups) : [
        for taint in group.taints : contains(["NoSchedule", "NoExecute", "PreferNoSchedule"], taint.effect)
      ]
    ]))
    error_message = "node_groups: a taint's effect must be NoSchedule, NoExecute or PreferNoSchedule."
  }
}

variable "autoscaler" {
  description = "Whether the cluster autoscaler adds and removes nodes; it then gets its role."
  type        = bool
  default     = true
}

variable "autoscaler_account" {
  description = "Who the cluster autoscaler is in the cluster."
  type = object({
    namespace = optional(string, "kube-system")
    name      = optional(string, "cluster-autoscaler")
  })
  default = {}
}

variable "tags" {
  description = "Tags of what EC2 makes from a launch template, where the provider's default tags do not reach."
  type        = map(string)
  default     = {}
}
