variable "name" {
  description = "Name of the cluster, and prefix of every other name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][-a-z0-9]{0,39}$", var.name))
    error_message = "name must have up to 40 lower-case letters, digits and hyphens: the longest name made from it is an IAM role's, which ends at 64."
  }
}

variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "account" {
  description = "Account of the cluster, twelve digits."
  type        = string
}

variable "kubernetes" {
  description = "Kubernetes version, such as \"1.35\"."
  type        = string

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes))
    error_message = "kubernetes must be a minor version such as \"1.35\": EKS chooses the patch."
  }
}

variable "vpc_id" {
  description = "VPC of the subnets; another one is another cluster."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in at least two zones, for the control plane's interfaces and the system's nodes."
  type        = list(string)
}

variable "access" {
  description = "Who reaches the API: `endpoint` is private, or public for `cidrs`; `admins` are IAM roles or users."
  type = object({
    endpoint = string
    cidrs    = list(string)
    admins   = list(string)
  })

  validation {
    condition     = contains(["public", "private"], var.access.endpoint)
    error_message = "access.endpoint must be public or private."
  }

  validation {
    condition     = var.access.endpoint == "private" || length(var.access.cidrs) > 0
    error_message = "access.cidrs must name the networks that may reach a public endpoint, such as 203.0.113.7/32: EKS opens it to all the world otherwise."
  }

  validation {
    condition     = alltrue([for cidr in var.access.cidrs : can(cidrhost(cidr, 0))])
    error_message = "access.cidrs must be networks such as 203.0.113.7/32."
  }

  validation {
    condition     = length(var.access.admins) > 0
    error_message = "access.admins must name at least one IAM role or user: whoever makes the cluster is no administrator of it unless named."
  }

  validation {
    condition     = alltrue([for admin in var.access.admins : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/.+$", admin))])
    error_message = "access.admins must be ARNs of IAM roles or users, such as arn:aws:iam::111122223333:role/platform; those of sessions (assumed-role) name nobody."
  }
}

variable "system" {
  description = "Nodes for controllers: on demand, never spot."
  type = object({
    instance_types = list(string)
    nodes          = number
  })

  validation {
    condition     = length(var.system.instance_types) > 0 && var.system.nodes >= 1
    error_message = "system must have at least one instance type and one node; two nodes survive the loss of one."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts Kubernetes' objects at rest; null: EKS's own key, which already encrypts all of them. Once set it stays: to change it is to replace the cluster."
  type        = string
  default     = null
}

variable "addon_versions" {
  description = "Exact versions of EKS add-ons by name; of those not named, AWS's default for the Kubernetes version."
  type        = map(string)
  default     = {}
}

variable "log_days" {
  description = "How many days the control plane's logs are kept."
  type        = number
  default     = 90
}

variable "tags" {
  description = "Tags of what EC2 makes from a launch template, where the provider's default tags do not reach."
  type        = map(string)
  default     = {}
}

variable "deletion_protection" {
  description = "Whether EKS refuses to delete the cluster."
  type        = bool
  default     = true
}
