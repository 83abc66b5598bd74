terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.28"
    }
  }
}

provider "aws" {
  region = var.region

  # Credentials of another account end here, and not in another account's cluster.
  allowed_account_ids = [var.account]

  default_tags {
    tags = merge(var.tags, { workaday-cluster = var.name })
  }
}
