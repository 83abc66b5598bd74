mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  project       = "dungeon-prod-1"
  workload_pool = "dungeon-prod-1.svc.id.goog"

  models = {
    story = {
      namespace       = "dungeon"
      service_account = "story"
      weights         = { bucket = "dungeon-weights-abcd2345", prefix = "story" }
    }
    classifier = {
      namespace       = "dungeon"
      service_account = "classifier"
    }
  }
}

run "its_own_weights" {
  command = plan

  assert {
    condition     = keys(google_storage_bucket_iam_member.weights) == ["story"]
    error_message = "Who has no weights reads none."
  }

  assert {
    condition     = google_storage_bucket_iam_member.weights["story"].member == "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/dungeon-prod-1.svc.id.goog/subject/ns/dungeon/sa/story"
    error_message = "Exactly this service account."
  }

  assert {
    condition     = google_storage_bucket_iam_member.weights["story"].role == "roles/storage.objectViewer"
    error_message = "Reading, and nothing else."
  }

  assert {
    condition     = strcontains(one(google_storage_bucket_iam_member.weights["story"].condition).expression, "startsWith(\"projects/_/buckets/dungeon-weights-abcd2345/objects/story/\")")
    error_message = "Its own folder, and not that of a model whose name begins alike."
  }

  assert {
    condition     = strcontains(one(google_storage_bucket_iam_member.weights["story"].condition).expression, "objectListPrefix\", \"\").startsWith(\"story/\")")
    error_message = "It lists its own folder only."
  }
}

run "a_whole_bucket" {
  command = plan

  variables {
    models = {
      story = { namespace = "dungeon", service_account = "story", weights = { bucket = "dungeon-models", prefix = "" } }
    }
  }

  assert {
    condition     = length(google_storage_bucket_iam_member.weights["story"].condition) == 0
    error_message = "A bucket of its own needs no condition."
  }
}

run "a_path_that_ends_the_condition" {
  command = plan

  variables {
    models = {
      story = { namespace = "dungeon", service_account = "story", weights = { bucket = "dungeon-models", prefix = "a\") || true || (\"" } }
    }
  }

  expect_failures = [var.models]
}
