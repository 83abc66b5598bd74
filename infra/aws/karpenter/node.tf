data "aws_iam_policy_document" "node_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

# Apart from the node groups' role: Karpenter may pass this one, and only this one, to what it launches.
resource "aws_iam_role" "node" {
  name               = "${var.name}-karpenter-node"
  description        = "Nodes that Karpenter of ${var.name} launches."
  assume_role_policy = data.aws_iam_policy_document.node_trust.json
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset([
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKSWorkerNodePolicy",
    # A node has no addresses for pods, Pod Identity's agent included, before this right works: so the node has it itself.
    "AmazonEKS_CNI_Policy",
    # The way onto a broken node: recorded sessions, no SSH keys and no open port.
    "AmazonSSMManagedInstanceCore",
  ])

  role       = aws_iam_role.node.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/${each.key}"
}

# Karpenter could make its own. IAM has no private endpoint, so where there is no way out it cannot, and names this one.
resource "aws_iam_instance_profile" "node" {
  name = aws_iam_role.node.name
  role = aws_iam_role.node.name
}

# EKS makes this entry for its own node groups only.
resource "aws_eks_access_entry" "node" {
  cluster_name  = var.cluster_name
  principal_arn = aws_iam_role.node.arn
  type          = "EC2_LINUX"
}
