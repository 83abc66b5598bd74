locals {
  # A node is not ready before it has a network, and Pod Identity must answer from the first pod on.
  addons_before_nodes = {
    "eks-pod-identity-agent" = {}
    "kube-proxy"             = {}
    # Without it, Kubernetes takes NetworkPolicies and nobody keeps them.
    "vpc-cni" = { enableNetworkPolicy = "true" }
  }

  # These run in pods: EKS calls them degraded, and gives up, where there is no node for them. The monitoring agent tells
  # node repair of what kubelet does not see, such as a GPU that no longer answers.
  addons_after_nodes = toset(["aws-ebs-csi-driver", "coredns", "eks-node-monitoring-agent"])
}

# AWS's default for the cluster's Kubernetes version: so an upgrade of one upgrades the other, in the same plan. The latest
# is newer than what AWS has tested; a version written down here would be refused by the next Kubernetes version.
data "aws_eks_addon_version" "this" {
  for_each = setsubtract(
    setunion(keys(local.addons_before_nodes), local.addons_after_nodes),
    keys(var.addon_versions),
  )

  addon_name         = each.key
  kubernetes_version = var.kubernetes
}

locals {
  addon_versions = merge({ for name, addon in data.aws_eks_addon_version.this : name => addon.version }, var.addon_versions)
}

resource "aws_eks_addon" "before_nodes" {
  for_each = local.addons_before_nodes

  cluster_name         = aws_eks_cluster.this.name
  addon_name           = each.key
  addon_version        = local.addon_versions[each.key]
  configuration_values = length(each.value) == 0 ? null : jsonencode(each.value)

  # What the add-on sets is set here; changes made by hand go with the next update.
  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"
}

resource "aws_eks_addon" "after_nodes" {
  for_each = local.addons_after_nodes

  cluster_name  = aws_eks_cluster.this.name
  addon_name    = each.key
  addon_version = local.addon_versions[each.key]

  resolve_conflicts_on_create = "OVERWRITE"
  resolve_conflicts_on_update = "OVERWRITE"

  dynamic "pod_identity_association" {
    for_each = each.key == "aws-ebs-csi-driver" ? [aws_iam_role.ebs_csi.arn] : []

    content {
      role_arn        = pod_identity_association.value
      service_account = "ebs-csi-controller-sa"
    }
  }

  depends_on = [
    aws_eks_addon.before_nodes,
    aws_eks_node_group.system,
    aws_iam_role_policy_attachment.ebs_csi,
  ]
}
