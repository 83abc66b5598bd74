variable "region" {
  description = "Azure region."
  type        = string
  nullable    = false
}

variable "resource_group" {
  description = "Resource group of everything here."
  type        = string
  nullable    = false
}

variable "weights" {
  description = "Storage account of the models' weights. `redundancy`: `LRS` in regions without zones."
  type = object({
    bucket     = string
    redundancy = optional(string, "ZRS")
  })
  nullable = false

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.weights.bucket))
    error_message = "weights.bucket: write 3 to 24 lower-case letters and digits; Azure takes no others."
  }
  validation {
    condition     = contains(["LRS", "ZRS", "GRS", "GZRS"], var.weights.redundancy)
    error_message = "weights.redundancy: write LRS, ZRS, GRS or GZRS."
  }
}

variable "registry" {
  description = "Container registry of the models' images."
  type        = object({ name = string })
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9]{5,50}$", var.registry.name))
    error_message = "registry.name: write 5 to 50 letters and digits; Azure takes no others."
  }
}

variable "cidrs" {
  description = "Networks from which people and pipelines reach the weights; private ones come through their subnet."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "subnet_ids" {
  description = "Subnets whose nodes read weights; each has the `Microsoft.Storage` service endpoint."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "deletion_protection" {
  description = "Whether Azure refuses to delete the registry."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
  nullable    = false
}
