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
}
