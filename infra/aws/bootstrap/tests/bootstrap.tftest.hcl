mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

# Planned only: what is made cannot be deleted again, and that is the point of it.
run "a_closed_bucket" {
  command = plan

  variables {
    bucket = "dungeon-state-abcd2345"
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "A bad write is undone by the version before it."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.this.restrict_public_buckets && aws_s3_bucket_public_access_block.this.block_public_policy
    error_message = "Nothing about a state is public."
  }

  assert {
    condition     = one(aws_s3_bucket_lifecycle_configuration.this.rule[0].noncurrent_version_expiration).newer_noncurrent_versions == 20
    error_message = "The last twenty states stay, however old."
  }

  assert {
    condition     = aws_s3_bucket.this.bucket == "dungeon-state-abcd2345"
    error_message = "The backend is told this name."
  }
}

run "a_name_that_s3_refuses" {
  command = plan

  variables {
    bucket = "Dungeon_State"
  }

  expect_failures = [var.bucket]
}
