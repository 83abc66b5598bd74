# Weights and image layers come from S3: past the NAT gateway each gigabyte would cost, and this costs nothing.
resource "aws_vpc_endpoint" "s3" {
  count = local.own ? 1 : 0

  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [for table in aws_route_table.private : table.id]

  tags = { Name = "${var.name}-s3" }
}

locals {
  # What nodes, Karpenter or the cluster autoscaler, Pod Identity and the add-ons call. IAM, Route 53 and the price list
  # have no endpoint in most regions: Karpenter takes our instance profile and its built-in prices instead.
  services = local.own && var.network.nat == "none" ? toset([
    "autoscaling",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "logs",
    "sqs",
    "ssm",
    "sts",
  ]) : toset([])
}

resource "aws_security_group" "endpoints" {
  count = length(local.services) > 0 ? 1 : 0

  name = "${var.name}-endpoints"
  # EC2 takes no apostrophe here.
  description = "Interfaces of AWS services in this network: HTTPS from within it only."
  vpc_id      = aws_vpc.this[0].id

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = length(local.services) > 0 ? 1 : 0

  security_group_id = aws_security_group.endpoints[0].id
  description       = "nodes and pods"
  cidr_ipv4         = var.network.cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443

  tags = { Name = "${var.name}-endpoints" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.services

  vpc_id              = aws_vpc.this[0].id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true

  tags = { Name = "${var.name}-${each.key}" }
}
