mock_provider "azurerm" {}

variables {
  name            = "dungeon"
  subscription    = "00000000-0000-0000-0000-000000000001"
  resource_groups = ["dungeon", "dungeon-nodes"]
  budget          = { monthly_usd = 4000, notify = ["ops@dungeon.example"] }
}

run "three_alarms" {
  command = plan

  assert {
    condition     = toset([for each in azurerm_consumption_budget_subscription.this.notification : each.threshold]) == toset([50, 80, 100])
    error_message = "At 50, 80 and 100 percent."
  }
  assert {
    condition     = endswith(azurerm_consumption_budget_subscription.this.time_period[0].start_date, "-01T00:00:00Z")
    error_message = "Azure wants the first of a month."
  }
}

run "nobody_is_named" {
  command = plan

  variables {
    budget = { monthly_usd = 100, notify = [] }
  }

  assert {
    condition     = alltrue([for each in azurerm_consumption_budget_subscription.this.notification : each.contact_roles == tolist(["Owner"])])
    error_message = "An alarm that nobody hears is none: the owners hear it."
  }
}

run "nothing_to_spend" {
  command = plan

  variables {
    budget = { monthly_usd = 0, notify = [] }
  }

  expect_failures = [var.budget]
}
