mock_provider "azurerm" {
  mock_resource "azurerm_user_assigned_identity" {
    defaults = {
      id           = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.ManagedIdentity/userAssignedIdentities/dungeon-story"
      principal_id = "66666666-7777-8888-9999-aaaaaaaaaaaa"
      client_id    = "77777777-7777-8888-9999-aaaaaaaaaaaa"
    }
  }
}

variables {
  name            = "dungeon"
  region          = "westeurope"
  subscription    = "00000000-0000-0000-0000-000000000001"
  resource_group  = "dungeon"
  oidc_issuer_url = "https://westeurope.oic.prod-aks.azure.com/tenant/issuer/"
  storage         = { account = "dungeonweights", container = "weights" }
  models = {
    story      = { namespace = "stories", service_account = "story", weights = { bucket = "dungeonweights", prefix = "story/" } }
    tagger     = { namespace = "stories", service_account = "tagger", weights = { bucket = "dungeonweights/old", prefix = "" } }
    classifier = { namespace = "stories", service_account = "classifier" }
  }
}

run "each_reads_its_own" {
  assert {
    condition     = azurerm_federated_identity_credential.this["story"].subject == "system:serviceaccount:stories:story" && length(azurerm_federated_identity_credential.this) == 3
    error_message = "Each service account is one identity."
  }
  assert {
    condition     = azurerm_role_assignment.weights["story"].scope == "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/dungeon/providers/Microsoft.Storage/storageAccounts/dungeonweights/blobServices/default/containers/weights"
    error_message = "The container is the scope, not the account."
  }
  assert {
    condition     = strcontains(azurerm_role_assignment.weights["story"].condition, "blobs:path] StringStartsWith 'story/'") && strcontains(azurerm_role_assignment.weights["story"].condition, "blobs:prefix] StringStartsWith 'story/'")
    error_message = "Reading and listing are both held to the folder."
  }
  assert {
    condition     = azurerm_role_assignment.weights["tagger"].condition == null && endswith(azurerm_role_assignment.weights["tagger"].scope, "/containers/old")
    error_message = "A whole container needs no condition."
  }
  assert {
    condition     = keys(azurerm_role_assignment.weights) == ["story", "tagger"]
    error_message = "A model without weights has no right."
  }
  assert {
    condition     = output.client_ids["story"] == "77777777-7777-8888-9999-aaaaaaaaaaaa"
    error_message = "Charts need the client id."
  }
}

run "weights_of_another_owner" {
  command = plan

  variables {
    models = {
      story = { namespace = "stories", service_account = "story", weights = { bucket = "elsewhere/models", prefix = "story" } }
    }
  }

  assert {
    condition     = length(azurerm_role_assignment.weights) == 0
    error_message = "No right can be given on an account whose group is unknown."
  }

  expect_failures = [check.weights_elsewhere]
}

run "a_folder_that_ends_the_condition" {
  command = plan

  variables {
    models = {
      story = { namespace = "stories", service_account = "story", weights = { bucket = "dungeonweights", prefix = "a' OR 'b" } }
    }
  }

  expect_failures = [var.models]
}
