locals {
  thresholds = ["0.5", "0.8", "1"]

  whole = floor(var.budget.monthly_usd)
}

# Budgets belong to the account that pays, which only the project knows.
data "google_project" "this" {
  project_id = var.project
}

resource "google_monitoring_notification_channel" "this" {
  for_each = toset(var.budget.notify)

  project      = var.project
  display_name = "${var.name}: cost, to ${each.value}"
  type         = "email"
  labels = {
    email_address = each.value
  }
  user_labels = var.labels
}

resource "google_billing_budget" "this" {
  billing_account = data.google_project.this.billing_account
  display_name    = var.name
  ownership_scope = "ALL_USERS"

  budget_filter {
    projects        = ["projects/${data.google_project.this.number}"]
    calendar_period = "MONTH"
    # Google takes one label only: the cluster's, which its fee, nodes, disks, bucket, images and address carry.
    labels = {
      workaday-cluster = var.name
    }
  }

  amount {
    # Without a currency: the account's own.
    specified_amount {
      units = tostring(local.whole)
      nanos = floor((var.budget.monthly_usd - local.whole) * 1000000000)
    }
  }

  dynamic "threshold_rules" {
    for_each = toset(local.thresholds)

    content {
      threshold_percent = tonumber(threshold_rules.value)
      spend_basis       = "CURRENT_SPEND"
    }
  }

  # Without this Google writes to who administers the billing account.
  dynamic "all_updates_rule" {
    for_each = length(var.budget.notify) > 0 ? ["this"] : []

    content {
      monitoring_notification_channels = [for each in google_monitoring_notification_channel.this : each.id]
      disable_default_iam_recipients   = true
    }
  }

  lifecycle {
    precondition {
      condition     = data.google_project.this.billing_account != ""
      error_message = "platform.budget: project ${var.project} has no billing account, or you may not see it; link one, or take `budget` out."
    }
  }
}
