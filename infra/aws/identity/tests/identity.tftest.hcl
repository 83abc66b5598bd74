mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name         = "dungeon"
  region       = "us-east-1"
  account      = "111122223333"
  cluster_name = "dungeon"

  models = {
    story      = { namespace = "stories", service_account = "story", weights = { bucket = "models", prefix = "/gpt2-xl/" } }
    whole      = { namespace = "stories", service_account = "whole", weights = { bucket = "own", prefix = "" } }
    classifier = { namespace = "stories", service_account = "classifier" }
  }
}

run "each_reads_its_own" {
  assert {
    condition     = keys(aws_iam_role.this) == ["classifier", "story", "whole"] && keys(aws_iam_role_policy.weights) == ["story", "whole"]
    error_message = "Every model is somebody; who has no weights may do nothing."
  }

  assert {
    condition     = data.aws_iam_policy_document.weights["story"].statement[0].resources == toset(["arn:aws:s3:::models/gpt2-xl", "arn:aws:s3:::models/gpt2-xl/*"])
    error_message = "One folder, whatever slashes it was written with."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.weights["story"].statement[1].condition).values == tolist(["gpt2-xl", "gpt2-xl/*"])
    error_message = "And only its list."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.weights["whole"].statement[1].condition) == 0
    error_message = "A bucket of its own is listed as a whole."
  }

  assert {
    condition     = aws_eks_pod_identity_association.this["story"].service_account == "story" && aws_iam_role.this["story"].name == "dungeon-model-story"
    error_message = "Pods of the service account, and no others."
  }
}

run "a_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/k"
  }

  assert {
    condition     = data.aws_iam_policy_document.weights["story"].statement[2].actions == toset(["kms:Decrypt"])
    error_message = "Encrypted weights are decrypted."
  }
}

run "long_names_stay_apart" {
  command = plan

  variables {
    models = {
      a-model-with-a-name-that-is-so-long-that-iam-takes-none-of-it-1 = { namespace = "s", service_account = "one" }
      a-model-with-a-name-that-is-so-long-that-iam-takes-none-of-it-2 = { namespace = "s", service_account = "two" }
    }
  }

  assert {
    condition     = length(toset(values(local.role_names))) == 2 && alltrue([for name in values(local.role_names) : length(name) == 64])
    error_message = "Cut to 64 characters, and still two."
  }
}

run "a_shared_service_account" {
  command = plan

  variables {
    models = {
      story      = { namespace = "stories", service_account = "default" }
      classifier = { namespace = "stories", service_account = "default" }
    }
  }

  expect_failures = [var.models]
}
