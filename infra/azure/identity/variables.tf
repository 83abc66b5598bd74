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
  description = "Resource group of the identities."
  type        = string
  nullable    = false
}

variable "oidc_issuer_url" {
  description = "Issuer of the cluster's service account tokens."
  type        = string
  nullable    = false
}

variable "subscription" {
  description = "Subscription id."
  type        = string
  nullable    = false
}

variable "storage" {
  description = "Storage account that this tree makes, in the same resource group, and the container of the weights."
  type        = object({ account = string, container = string })
  nullable    = false
}

variable "models" {
  description = "Models by name: their service account, and the weights that they alone may read: `bucket` is an account, or ACCOUNT/CONTAINER."
  type = map(object({
    namespace       = string
    service_account = string
    weights         = optional(object({ bucket = string, prefix = string }))
  }))
  nullable = false

  validation {
    condition     = alltrue([for model in var.models : can(regex("^[A-Za-z0-9][-A-Za-z0-9._/]*$|^$", try(model.weights.prefix, "")))])
    error_message = "models: the path of weights has letters, digits, `-`, `.`, `_` and `/` only; not so: ${join(", ", [for name, model in var.models : name if !can(regex("^[A-Za-z0-9][-A-Za-z0-9._/]*$|^$", try(model.weights.prefix, "")))])}."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
