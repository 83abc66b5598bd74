variable "name" {
  description = "Name of the cluster whose state this is."
  type        = string
}

variable "region" {
  description = "Region of the state."
  type        = string
}

variable "project" {
  description = "Project that holds it."
  type        = string

  validation {
    condition     = can(regex("^([a-z][-a-z0-9.]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id, such as dungeon-prod-1 (gcloud projects list), not its name or number."
  }
}

variable "state" {
  description = "Where the cluster's state is kept."
  type = object({
    bucket  = string
    kms_key = optional(string)
  })
}

variable "tags" {
  description = "Labels of every resource."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key, value in var.tags : can(regex("^[a-z][-_a-z0-9]{0,62}$", key)) && can(regex("^[-_a-z0-9]{0,63}$", value))])
    error_message = "tags: Google's labels have lower-case letters, digits, - and _ only, a letter first, at most 63; not so: ${join(", ", [for key, value in var.tags : "${key}: ${value}" if !(can(regex("^[a-z][-_a-z0-9]{0,62}$", key)) && can(regex("^[-_a-z0-9]{0,63}$", value)))])}."
  }
}
