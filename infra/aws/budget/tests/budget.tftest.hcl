mock_provider "aws" {}

variables {
  name        = "dungeon"
  monthly_usd = 4000
  notify      = ["ops@dungeon.example"]
}

run "alarms" {
  assert {
    condition     = toset([for each in aws_budgets_budget.this.notification : each.threshold if each.notification_type == "ACTUAL"]) == toset([50, 80, 100])
    error_message = "At half, at most of it and at all of it."
  }

  assert {
    condition     = length(aws_budgets_budget.this.cost_filter) == 0
    error_message = "All of the account: a tag that nobody activated would count nothing."
  }
}

run "by_tag" {
  command = plan

  variables {
    cost_tag = { key = "project", value = "dungeon" }
  }

  assert {
    condition     = one(aws_budgets_budget.this.cost_filter).values == tolist(["user:project$dungeon"])
    error_message = "Only what has the tag."
  }
}

run "an_alarm_that_nobody_hears" {
  command = plan

  variables {
    notify = []
  }

  expect_failures = [var.notify]
}
