variable "bucket" {
  description = "Name of the bucket that keeps Terraform's state; unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "state.bucket must have 3 to 63 lower-case letters, digits, dots and hyphens, as S3 wants it."
  }
}

variable "old_states" {
  description = "How long replaced states are kept: at least this many of them, and each for at least this many days."
  type = object({
    count = optional(number, 20)
    days  = optional(number, 90)
  })
  default = {}
}
