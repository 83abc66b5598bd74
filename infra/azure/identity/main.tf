resource "azurerm_user_assigned_identity" "this" {
  for_each = var.models

  name                = "${var.name}-${each.key}"
  resource_group_name = var.resource_group
  location            = var.region
  tags                = merge(var.tags, { model = each.key })
}

# Exactly this service account of exactly this cluster becomes the identity; there is no secret.
resource "azurerm_federated_identity_credential" "this" {
  for_each = var.models

  name                      = "kubernetes"
  user_assigned_identity_id = azurerm_user_assigned_identity.this[each.key].id
  issuer                    = var.oidc_issuer_url
  subject                   = "system:serviceaccount:${each.value.namespace}:${each.value.service_account}"
  audience                  = ["api://AzureADTokenExchange"]
}
