variable "name" {
  description = "Name of the cluster whose state this is."
  type        = string
}

variable "region" {
  description = "Region of the bucket."
  type        = string
}

variable "account" {
  description = "Account that holds it, twelve digits; any other is refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "account must be the twelve digits of an AWS account, such as 111122223333."
  }
}

variable "state" {
  description = "Where the cluster's state is kept."
  type = object({
    bucket = string
  })
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
