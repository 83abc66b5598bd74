mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  bucket   = "dungeon-weights-abcd2345"
  registry = "dungeon"
  images   = ["story", "classifier"]
}

run "closed_and_kept" {
  assert {
    condition     = aws_s3_bucket.weights.force_destroy == false && aws_ecr_repository.this["story"].force_delete == false
    error_message = "What is not empty is not deleted."
  }

  assert {
    condition     = aws_ecr_repository.this["story"].name == "dungeon/story" && aws_ecr_repository.this["story"].image_tag_mutability == "IMMUTABLE"
    error_message = "A model's tags stay what they are."
  }

  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.weights.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "Encrypted with S3's own key."
  }

  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.this["story"].policy).rules[1].selection.countNumber == 100
    error_message = "A hundred images stay."
  }
}

run "a_key_of_ones_own" {
  command = plan

  variables {
    kms_key_arn         = "arn:aws:kms:us-east-1:111122223333:key/k"
    deletion_protection = false
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.weights.rule).bucket_key_enabled && one(aws_ecr_repository.this["story"].encryption_configuration).encryption_type == "KMS"
    error_message = "Weights and images are encrypted with it."
  }

  assert {
    condition     = aws_s3_bucket.weights.force_destroy && aws_ecr_repository.this["story"].force_delete
    error_message = "Without protection, `destroy` leaves nothing behind."
  }
}

run "a_prefix_that_ecr_refuses" {
  command = plan

  variables {
    registry = "Dungeon"
  }

  expect_failures = [var.registry]
}

run "too_few_images" {
  command = plan

  variables {
    kept_images = 1
  }

  expect_failures = [var.kept_images]
}
