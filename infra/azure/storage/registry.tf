resource "azurerm_container_registry" "this" {
  #checkov:skip=CKV_AZURE_139: closing it to the world needs Premium, 1.67 USD a day; pulls and pushes need Entra either way
  #checkov:skip=CKV_AZURE_164: content trust is retired; images are pinned by digest
  #checkov:skip=CKV_AZURE_165: one region's cluster pulls from one region's registry
  #checkov:skip=CKV_AZURE_166: quarantine is Premium, and needs a scanner that lets images go
  #checkov:skip=CKV_AZURE_167: clearing untagged images is Premium; the tree names images by digest, which it would delete
  #checkov:skip=CKV_AZURE_233: Standard and Basic are zone-redundant where the region is; the argument is Premium's
  #checkov:skip=CKV_AZURE_237: dedicated data endpoints are Premium
  name                = var.registry.name
  resource_group_name = var.resource_group
  location            = var.region

  # 100 GiB, 0.667 USD a day: a torch image is 5 GiB, so Basic's 10 would be full with two.
  sku = "Standard"

  admin_enabled          = false
  anonymous_pull_enabled = false

  tags = var.tags
}

resource "azurerm_management_lock" "registry" {
  for_each = toset(var.deletion_protection ? ["this"] : [])

  name       = "deletion-protection"
  scope      = azurerm_container_registry.this.id
  lock_level = "CanNotDelete"
  notes      = "deletion_protection is on in project.yaml"
}
