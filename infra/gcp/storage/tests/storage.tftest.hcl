mock_provider "google" {}

variables {
  project  = "dungeon-prod-1"
  region   = "europe-west4"
  weights  = { bucket = "dungeon-weights-abcd2345" }
  registry = { name = "dungeon" }
}

run "closed_and_kept" {
  command = plan

  assert {
    condition     = google_storage_bucket.weights.public_access_prevention == "enforced" && google_storage_bucket.weights.uniform_bucket_level_access
    error_message = "Conditions hold, and nothing is public."
  }

  assert {
    condition     = google_storage_bucket.weights.deletion_policy == "PREVENT" && google_artifact_registry_repository.this.deletion_policy == "PREVENT" && google_storage_bucket.weights.force_destroy == false
    error_message = "Neither is deleted by accident."
  }

  assert {
    condition     = one(google_artifact_registry_repository.this.docker_config).immutable_tags
    error_message = "A model's tags stay what they are."
  }

  assert {
    condition     = anytrue([for policy in google_artifact_registry_repository.this.cleanup_policies : policy.action == "KEEP" && try(one(policy.most_recent_versions).keep_count, 0) == 100])
    error_message = "A hundred images of each model stay."
  }

  assert {
    condition     = output.registry_uri == "europe-west4-docker.pkg.dev/dungeon-prod-1/dungeon"
    error_message = "Where images are pushed is known beforehand."
  }
}

run "a_key_and_no_protection" {
  command = plan

  variables {
    kms_key             = "projects/p/locations/europe-west4/keyRings/r/cryptoKeys/k"
    deletion_protection = false
  }

  assert {
    condition     = one(google_storage_bucket.weights.encryption).default_kms_key_name == var.kms_key && google_artifact_registry_repository.this.kms_key_name == var.kms_key
    error_message = "Weights and images are encrypted with it."
  }

  assert {
    condition     = google_storage_bucket.weights.force_destroy && google_storage_bucket.weights.deletion_policy == "DELETE"
    error_message = "Without protection, `destroy` leaves nothing behind."
  }
}

run "a_bucket_that_google_refuses" {
  command = plan

  variables {
    weights = { bucket = "Weights" }
  }

  expect_failures = [var.weights]
}

run "a_repository_that_google_refuses" {
  command = plan

  variables {
    registry = { name = "1st" }
  }

  expect_failures = [var.registry]
}
