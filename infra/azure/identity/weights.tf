locals {
  # Put together, not asked for: who reads a plan sees what each model may read.
  account_id = "/subscriptions/${var.subscription}/resourceGroups/${var.resource_group}/providers/Microsoft.Storage/storageAccounts/${var.storage.account}"

  blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"

  weights = { for name, model in var.models : name => {
    account   = split("/", model.weights.bucket)[0]
    container = try(split("/", model.weights.bucket)[1], var.storage.container)
    prefix    = trim(model.weights.prefix, "/")
  } if model.weights != null }

  ours   = { for name, weights in local.weights : name => weights if weights.account == var.storage.account }
  others = { for name, weights in local.weights : name => weights if weights.account != var.storage.account }
}

# Models share a container, so the scope alone would let each read all: the condition lets it read its own folder. Listing
# asks with a prefix: the folder's, with or without the slash.
resource "azurerm_role_assignment" "weights" {
  for_each = local.ours

  scope                = "${local.account_id}/blobServices/default/containers/${each.value.container}"
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = azurerm_user_assigned_identity.this[each.key].principal_id
  principal_type       = "ServicePrincipal"
  description          = "model ${each.key} reads its weights"

  condition_version = each.value.prefix == "" ? null : "2.0"
  condition = each.value.prefix == "" ? null : trimspace(<<-EOT
    (
      (
        !(ActionMatches{'${local.blobs}/read'} AND NOT SubOperationMatches{'Blob.List'})
      )
      OR
      (
        @Resource[${local.blobs}:path] StringStartsWith '${each.value.prefix}/'
      )
    )
    AND
    (
      (
        !(ActionMatches{'${local.blobs}/read'} AND SubOperationMatches{'Blob.List'})
      )
      OR
      (
        @Request[${local.blobs}:prefix] StringStartsWith '${each.value.prefix}/'
        OR
        @Request[${local.blobs}:prefix] StringEquals '${each.value.prefix}'
      )
    )
  EOT
  )
}

# An address names an account and not its resource group, and a right cannot be given on less than a whole id.
check "weights_elsewhere" {
  assert {
    condition     = length(local.others) == 0
    error_message = "weights in an account that is not this tree's, so its owner must let the models in (Storage Blob Data Reader on the container): ${join("; ", [for name, weights in local.others : "${var.name}-${name} reads ${weights.account}/${weights.container}/${weights.prefix}"])}."
  }
}
