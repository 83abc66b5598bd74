variable "name" {
  description = "Name of the cluster, and prefix of every other name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{0,39}$", var.name))
    error_message = "name must have up to 40 lower-case letters, digits and hyphens; with an environment's name, that is counted too."
  }
}

variable "region" {
  description = "Region, such as us-east-1."
  type        = string
}

variable "zones" {
  description = "Zones by name."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 2 || var.network.existing != null
    error_message = "zones must name at least two: EKS keeps its control plane in two zones. A pool can still be held to one."
  }
}

variable "kubernetes" {
  description = "Kubernetes version, such as \"1.35\"."
  type        = string
}

variable "account" {
  description = "Account that holds everything, twelve digits; any other is refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "account must be the twelve digits of an AWS account, such as 111122223333."
  }
}

variable "network" {
  description = "A new network by `cidr` and `nat` (single, per_zone or none), or an existing VPC with private subnets; see modules/aws/network."
  type = object({
    cidr = optional(string)
    nat  = optional(string, "single")
    existing = optional(object({
      network = string
      subnets = list(string)
    }))
  })
}

variable "access" {
  description = "Who reaches the API: `endpoint` is private, or public for `cidrs`; `admins` are IAM roles or users."
  type = object({
    endpoint = string
    cidrs    = list(string)
    admins   = list(string)
  })
}

variable "system" {
  description = "Nodes for controllers: on demand, never spot."
  type = object({
    instance_types = list(string)
    nodes          = number
  })
}

# tflint-ignore: terraform_unused_declarations # only node groups ask, and they are not always there
variable "provisioner" {
  description = "Who adds nodes: karpenter or node_groups."
  type        = string

  validation {
    condition     = contains(["karpenter", "node_groups"], var.provisioner)
    error_message = "provisioner must be karpenter or node_groups."
  }
}

variable "node_groups" {
  description = "Node groups by name; see modules/aws/node_groups."
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
  default = {}
}

variable "models" {
  description = "Who the models are, and the one folder of a bucket that each may read; see modules/aws/identity."
  type = map(object({
    namespace       = string
    service_account = string
    weights = optional(object({
      bucket = string
      prefix = string
    }))
  }))
}

variable "weights" {
  description = "The bucket that is made for weights."
  type = object({
    bucket = string
  })
}

variable "registry" {
  description = "Prefix of the image repositories' names."
  type = object({
    name = string
  })
}

# tflint-ignore: terraform_unused_declarations # where the gateway has no name, nothing writes one
variable "dns" {
  description = "The gateway's name, and the hosted zone that it lies in."
  type = object({
    zone = string
    host = string
  })
  default = null
}

# tflint-ignore: terraform_unused_declarations # no budget, no alarm
variable "budget" {
  description = "An alarm at 50, 80 and 100 percent of so many dollars a month."
  type = object({
    monthly_usd = number
    notify      = list(string)
  })
  default = null
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}

  validation {
    condition = length(var.tags) <= 40 && alltrue([
      for key, value in var.tags : length(key) <= 128 && length(value) <= 256 && !startswith(lower(key), "aws:")
    ])
    error_message = "tags: AWS takes keys of at most 128 characters, none of which begins with aws:, and values of at most 256; at most 40 here, for a resource has 50 with those of its own."
  }
}

variable "deletion_protection" {
  description = "Whether the cluster, and buckets and repositories with something in them, refuse to be deleted."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "Key of one's own for Kubernetes' objects, weights and images; null: AWS's own keys. Decide at the beginning: to change it is to replace the cluster and the repositories."
  type        = string
  default     = null
}

variable "addon_versions" {
  description = "Exact versions of EKS add-ons by name; of those not named, AWS's default for the Kubernetes version."
  type        = map(string)
  default     = {}
}
