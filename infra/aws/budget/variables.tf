variable "name" {
  description = "Name of the budget."
  type        = string
}

variable "monthly_usd" {
  description = "US dollars a month."
  type        = number

  validation {
    condition     = var.monthly_usd > 0
    error_message = "budget.monthly must be more than 0 dollars."
  }
}

variable "notify" {
  description = "E-mail addresses that are told; at most ten."
  type        = list(string)

  validation {
    condition     = length(var.notify) > 0 && length(var.notify) <= 10
    error_message = "budget.notify must name from 1 to 10 e-mail addresses: AWS takes no alarm that nobody hears, and no more."
  }
}

variable "cost_tag" {
  description = "Count only what has this tag; null: all of the account. Activate it as a cost allocation tag first: before that nothing has it, and no alarm ever comes."
  type = object({
    key   = string
    value = string
  })
  default = null
}
