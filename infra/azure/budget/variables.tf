variable "name" {
  description = "Name of the budget."
  type        = string
  nullable    = false
}

variable "subscription" {
  description = "Subscription id."
  type        = string
  nullable    = false
}

variable "resource_groups" {
  description = "Names of the resource groups that are watched, as one."
  type        = list(string)
  nullable    = false
}

variable "budget" {
  description = "The month's cost (in the currency that the account is billed in; US dollars for most) and who is told at 50, 80 and 100 percent; none: the owners."
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
    condition     = length(var.budget.notify) <= 50
    error_message = "budget.notify: Azure writes to at most 50 addresses; use a mailing list."
  }
}
