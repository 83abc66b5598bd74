mock_provider "google" {}

variables {
  project = "dungeon-prod-1"
  region  = "europe-west4"
  state   = { bucket = "dungeon-state-abcd2345" }
}

run "closed_and_kept" {
  command = plan

  assert {
    condition     = google_storage_bucket.this.public_access_prevention == "enforced" && google_storage_bucket.this.uniform_bucket_level_access
    error_message = "Nothing of the state is public, and no object has a list of its own."
  }

  assert {
    condition     = one(google_storage_bucket.this.versioning).enabled && google_storage_bucket.this.force_destroy == false
    error_message = "Every version is kept."
  }

  assert {
    condition     = one(google_storage_bucket.this.soft_delete_policy).retention_duration_seconds == 2592000
    error_message = "What is deleted stays 30 days."
  }

  assert {
    condition     = length(google_storage_bucket.this.encryption) == 0
    error_message = "Google's own key, unless one is named."
  }
}

run "services_stay_on" {
  command = plan

  assert {
    condition     = alltrue([for service in google_project_service.this : service.disable_on_destroy == false])
    error_message = "Others may need them."
  }

  assert {
    condition     = length(setsubtract(["compute.googleapis.com", "container.googleapis.com", "artifactregistry.googleapis.com"], keys(google_project_service.this))) == 0
    error_message = "A cluster needs these."
  }
}

run "a_key_of_ones_own" {
  command = plan

  variables {
    state = { bucket = "dungeon-state-abcd2345", kms_key = "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k" }
  }

  assert {
    condition     = one(google_storage_bucket.this.encryption).default_kms_key_name == "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k"
    error_message = "The state is encrypted with it."
  }
}

run "a_name_that_google_refuses" {
  command = plan

  variables {
    state = { bucket = "Dungeon" }
  }

  expect_failures = [var.state]
}
