variable "name" {
  description = "Name of the cluster, and prefix of every other name."
  type        = string
}

variable "region" {
  description = "Azure region, such as `westeurope`."
  type        = string
}

variable "subscription" {
  description = "Subscription that holds it."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", var.subscription))
    error_message = "subscription must be a subscription id, such as 00000000-0000-0000-0000-000000000000 (az account show --query id)."
  }
}

variable "resource_group" {
  description = "Resource group of the cluster, made here."
  type        = string

  validation {
    condition     = can(regex("^[-A-Za-z0-9._()]{0,89}[-A-Za-z0-9_()]$", var.resource_group))
    error_message = "resource_group: write up to 90 letters, digits and -._(), no dot last."
  }
}

variable "zones" {
  description = "Zones: `1`, `2`, `3`; empty in a region without zones."
  type        = list(string)
}

variable "kubernetes" {
  description = "Kubernetes version, such as `1.35`: its patches come by themselves."
  type        = string
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
}

variable "access" {
  description = "Who reaches and who administers the API. `cidrs`: for a public endpoint. `admins`: object ids of Entra groups."
  type = object({
    endpoint = string
    cidrs    = list(string)
    admins   = list(string)
  })
}

variable "system" {
  description = "The pool where controllers run: its machine, of which AKS takes the first, and how many."
  type = object({
    instance_types = list(string)
    nodes          = number
  })
}

variable "provisioner" {
  description = "Who adds nodes: `node_pools` (the pools' own autoscaler) or `auto_provisioning` (AKS's Karpenter)."
  type        = string
  default     = "node_pools"
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
  default = {}
}

variable "models" {
  description = "Models by name: their service account, and the weights that they alone may read: `bucket` is an account, or ACCOUNT/CONTAINER."
  type = map(object({
    namespace       = string
    service_account = string
    weights         = optional(object({ bucket = string, prefix = string }))
  }))
  default = {}
}

variable "weights" {
  description = "Storage account of the models' weights. `redundancy`: `LRS` in regions without zones."
  type = object({
    bucket     = string
    redundancy = optional(string, "ZRS")
  })
}

variable "registry" {
  description = "Container registry of the models' images."
  type        = object({ name = string })
}

variable "dns" {
  description = "The gateway's host name and the public DNS zone, in this subscription, that holds it."
  type        = object({ zone = string, host = string })
  default     = null
}

variable "budget" {
  description = "The month's cost and who is told at 50, 80 and 100 percent."
  type        = object({ monthly_usd = number, notify = list(string) })
  default     = null
}

variable "deletion_protection" {
  description = "Whether Azure refuses to delete the cluster and the registry."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
