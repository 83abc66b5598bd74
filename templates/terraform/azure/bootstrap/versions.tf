terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}

provider "azurerm" {
  subscription_id = var.subscription
  # The state's account has no keys.
  storage_use_azuread = true

  resource_providers_to_register = ["Microsoft.Storage"]

  features {}
}
