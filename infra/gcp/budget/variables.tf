variable "name" {
  description = "Name of the cluster, which its costs carry as the label `workaday-cluster`, and of the budget."
  type        = string
  nullable    = false
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "budget" {
  description = "The month's cost (in the currency that the account is billed in; US dollars for most) and who is told at 50, 80 and 100 percent; none: the billing account's administrators."
  type = object({
    monthly_usd = number
    notify      = list(string)
  })
  nullable = false

  validation {
    condition     = var.budget.monthly_usd > 0
    error_message = "budget.monthly: write more than 0 US dollars."
  }
  validation {
    condition     = length(var.budget.notify) <= 5
    error_message = "budget.notify: Google writes to at most 5 addresses; use a mailing list."
  }
}

variable "labels" {
  description = "Labels of the notification channels."
  type        = map(string)
  default     = {}
  nullable    = false
}
