variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the bucket and the repository: the cluster's, or each pull pays for the way."
  type        = string
  nullable    = false
}

variable "weights" {
  description = "Bucket of the models' weights; unique in the world."
  type        = object({ bucket = string })
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][-_a-z0-9]{1,61}[a-z0-9]$", var.weights.bucket))
    error_message = "weights.bucket: write 3 to 63 lower-case letters, digits, dashes and underscores; a dot needs a domain that is yours."
  }
}

variable "registry" {
  description = "Image repository."
  type        = object({ name = string })
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", var.registry.name))
    error_message = "registry.name: write up to 63 lower-case letters, digits and dashes, a letter first."
  }
}

variable "kept_images" {
  description = "How many images of each model stay, tagged or not."
  type        = number
  default     = 100
  nullable    = false
}

variable "kms_key" {
  description = "Key that encrypts weights and images, in the same region; null: Google's own. Google's service agents of both need it first."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the bucket and the repository."
  type        = bool
  default     = true
  nullable    = false
}
