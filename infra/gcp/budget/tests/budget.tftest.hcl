mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012", billing_account = "012345-6789AB-CDEF01" }
  }
}

variables {
  name    = "dungeon"
  project = "dungeon-prod-1"
  budget  = { monthly_usd = 4000.5, notify = ["ops@dungeon.example"] }
}

run "three_alarms" {
  command = plan

  assert {
    condition     = toset([for rule in google_billing_budget.this.threshold_rules : rule.threshold_percent]) == toset([0.5, 0.8, 1])
    error_message = "At 50, 80 and 100 percent."
  }

  assert {
    condition     = one(one(google_billing_budget.this.amount).specified_amount).units == "4000" && one(one(google_billing_budget.this.amount).specified_amount).nanos == 500000000
    error_message = "Cents count."
  }

  assert {
    condition     = google_billing_budget.this.billing_account == "012345-6789AB-CDEF01" && one(google_billing_budget.this.budget_filter).labels["workaday-cluster"] == "dungeon"
    error_message = "The project's account, and this cluster's cost."
  }

  assert {
    condition     = google_monitoring_notification_channel.this["ops@dungeon.example"].labels["email_address"] == "ops@dungeon.example"
    error_message = "Those who are named are told."
  }
}

run "nobody_named" {
  command = plan

  variables {
    budget = { monthly_usd = 100, notify = [] }
  }

  assert {
    condition     = length(google_billing_budget.this.all_updates_rule) == 0
    error_message = "Google then writes to the account's administrators."
  }
}

run "no_account_pays" {
  command = plan

  override_data {
    target = data.google_project.this
    values = { number = "123456789012", billing_account = "" }
  }

  expect_failures = [google_billing_budget.this]
}

run "nothing" {
  command = plan

  variables {
    budget = { monthly_usd = 0, notify = [] }
  }

  expect_failures = [var.budget]
}

run "too_many_to_tell" {
  command = plan

  variables {
    budget = { monthly_usd = 1, notify = ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x"] }
  }

  expect_failures = [var.budget]
}
