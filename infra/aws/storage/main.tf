# What models are made of, and outlives every node: weights (weights.tf; access.tf says who gets at them) and images (images.tf).

data "aws_partition" "current" {}
