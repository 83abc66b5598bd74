terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45"
    }
  }
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = merge(var.tags, { workaday-cluster = var.name })

  # Budgets are asked for on behalf of a project: this one, whoever asks.
  user_project_override = true
  billing_project       = var.project
}
