variable "bucket" {
  description = "Name of the bucket for models' weights; unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "weights.bucket must have 3 to 63 lower-case letters, digits, dots and hyphens, as S3 wants it."
  }
}

variable "registry" {
  description = "Prefix of the image repositories' names: model `story` has `<registry>/story`."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", var.registry))
    error_message = "registry.name must have lower-case letters and digits, with single dots, hyphens, underscores or slashes between, as ECR wants it."
  }
}

variable "images" {
  description = "What has a repository of its own: models."
  type        = set(string)
}

variable "kept_images" {
  description = "How many images each repository keeps; older ones expire."
  type        = number
  default     = 100

  validation {
    condition     = var.kept_images >= 10
    error_message = "kept_images must be at least 10: an image that a running model needs may not expire."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts weights and images; null: the services' own keys. Decide at the beginning: to change it is to replace the repositories."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether `destroy` refuses a bucket or repository that is not empty."
  type        = bool
  default     = true
}
