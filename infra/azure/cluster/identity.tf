# Two identities of our own, so that every right is given before the cluster is made and none is lost when it is made anew.
resource "azurerm_user_assigned_identity" "control_plane" {
  name                = "${var.name}-control-plane"
  resource_group_name = var.resource_group.name
  location            = var.region
  tags                = var.tags
}

resource "azurerm_user_assigned_identity" "kubelet" {
  name                = "${var.name}-kubelet"
  resource_group_name = var.resource_group.name
  location            = var.region
  tags                = var.tags
}

resource "azurerm_role_assignment" "subnet" {
  for_each = var.subnet_ids

  scope                = each.value
  role_definition_name = "Network Contributor"
  principal_id         = azurerm_user_assigned_identity.control_plane.principal_id
  principal_type       = "ServicePrincipal"
  description          = "the cluster's nodes and internal load balancers join the subnet"
}

resource "azurerm_role_assignment" "kubelet_identity" {
  scope                = azurerm_user_assigned_identity.kubelet.id
  role_definition_name = "Managed Identity Operator"
  principal_id         = azurerm_user_assigned_identity.control_plane.principal_id
  principal_type       = "ServicePrincipal"
  description          = "the control plane gives its nodes the kubelet's identity"
}

resource "azurerm_role_assignment" "pull" {
  scope                = var.registry_id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.kubelet.principal_id
  principal_type       = "ServicePrincipal"
  description          = "nodes pull images"
}

# The rights in the cluster come with the group; this is the right to fetch a kubeconfig. On the resource group, since the
# lock on the cluster would keep an administrator from being taken away again.
resource "azurerm_role_assignment" "admins" {
  for_each = toset(var.access.admins)

  scope                = var.resource_group.id
  role_definition_name = "Azure Kubernetes Service Cluster User Role"
  principal_id         = each.value
  principal_type       = "Group"
  description          = "administrators fetch the kubeconfig"
}
