# Nodes and pods. Nothing here has a public address.
resource "aws_subnet" "private" {
  for_each = local.private

  vpc_id            = aws_vpc.this[0].id
  availability_zone = each.key
  cidr_block        = each.value

  tags = {
    Name                              = "${var.name}-private-${each.key}"
    "kubernetes.io/role/internal-elb" = "1"
    "karpenter.sh/discovery"          = var.name
  }
}

# Load balancers and NAT gateways only.
resource "aws_subnet" "public" {
  for_each = local.public

  vpc_id            = aws_vpc.this[0].id
  availability_zone = each.key
  cidr_block        = each.value

  tags = {
    Name                     = "${var.name}-public-${each.key}"
    "kubernetes.io/role/elb" = "1"
  }
}

# In an existing network, which subnet lies in which zone is asked for zone by zone: node groups are bound to zones.
data "aws_subnets" "existing" {
  for_each = local.own ? toset([]) : toset(var.zones)

  filter {
    name   = "vpc-id"
    values = [var.network.existing.network]
  }

  filter {
    name   = "subnet-id"
    values = var.network.existing.subnets
  }

  filter {
    name   = "availability-zone"
    values = [each.key]
  }

  lifecycle {
    postcondition {
      condition     = length(self.ids) > 0
      error_message = "network: none of the subnets of ${var.network.existing.network} lies in ${each.key}; name one that does under `platform.network.subnets`, or only zones that have one under `zones`."
    }
  }
}
