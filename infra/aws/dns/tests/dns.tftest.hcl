mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_route53_zone" {
    defaults = { zone_id = "Z1" }
  }
}

variables {
  name         = "dungeon"
  region       = "us-east-1"
  account      = "111122223333"
  cluster_name = "dungeon"
  zone         = "dungeon.example"
  host         = "api.dungeon.example"
}

run "one_name_of_one_zone" {
  assert {
    condition     = data.aws_iam_policy_document.records.statement[0].resources == toset(["arn:aws:route53:::hostedzone/Z1"])
    error_message = "Writing is held to the zone."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.records.statement[0].condition).values == tolist(["*api.dungeon.example"])
    error_message = "And to the gateway's name."
  }

  assert {
    condition     = aws_eks_pod_identity_association.this.namespace == "external-dns"
    error_message = "external-dns, and nobody else."
  }
}

run "another_zones_name" {
  command = plan

  variables {
    host = "api.dungeon.example.com"
  }

  expect_failures = [var.host]
}
