variable "region" {
  description = "Azure region of the state, such as `westeurope`."
  type        = string
  nullable    = false
}

variable "state" {
  description = "Where the state is kept. `redundancy` is how often the account keeps each blob: `LRS` in regions without zones."
  type = object({
    resource_group  = string
    storage_account = string
    container       = string
    redundancy      = optional(string, "ZRS")
  })
  nullable = false

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.state.storage_account))
    error_message = "state.storage_account: write 3 to 24 lower-case letters and digits; Azure takes no others."
  }
  validation {
    condition     = contains(["LRS", "ZRS", "GRS", "GZRS"], var.state.redundancy)
    error_message = "state.redundancy: write LRS, ZRS, GRS or GZRS."
  }
}

variable "cidrs" {
  description = "Networks that may reach the state beside Azure's own services; empty: any that Entra lets in."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
