locals {
  thresholds = ["50", "80", "100"]
}

# GPUs are in the nodes' group, all else in the cluster's: one budget over both, so that none is half blind.
resource "azurerm_consumption_budget_subscription" "this" {
  name            = var.name
  subscription_id = "/subscriptions/${var.subscription}"
  amount          = var.budget.monthly_usd
  time_grain      = "Monthly"

  filter {
    dimension {
      name   = "ResourceGroupName"
      values = var.resource_groups
    }
  }

  time_period {
    # Azure wants the first of a month, and not a past one when the budget is made.
    start_date = formatdate("YYYY-MM-01'T'00:00:00Z", plantimestamp())
  }

  dynamic "notification" {
    for_each = toset(local.thresholds)

    content {
      operator       = "GreaterThanOrEqualTo"
      threshold      = tonumber(notification.value)
      threshold_type = "Actual"
      contact_emails = length(var.budget.notify) > 0 ? var.budget.notify : null
      contact_roles  = length(var.budget.notify) > 0 ? null : ["Owner"]
    }
  }

  lifecycle {
    # A new month is no change.
    ignore_changes = [time_period]
  }
}
