variable "name" {
  description = "Name of the cluster whose state this is."
  type        = string
}

variable "region" {
  description = "Azure region of the state."
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

variable "state" {
  description = "Where the cluster's state is kept."
  type = object({
    resource_group  = string
    storage_account = string
    container       = string
    redundancy      = optional(string, "ZRS")
  })
}

variable "cidrs" {
  description = "Networks that may reach the state; empty: any that Entra lets in."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
