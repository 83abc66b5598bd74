locals {
  own   = var.network.existing == null
  zones = local.own ? toset(var.zones) : toset([])

  # By the zone's letter, not by its place in the list: a zone more or less moves no other zone's subnets.
  # Six zones at most: an eighth of the network each for nodes and pods, a 256th for load balancers.
  number  = { for zone in local.zones : zone => index(["a", "b", "c", "d", "e", "f"], substr(zone, -1, 1)) }
  private = { for zone, number in local.number : zone => cidrsubnet(var.network.cidr, 3, number) }
  public  = { for zone, number in local.number : zone => cidrsubnet(var.network.cidr, 8, 192 + number) }
}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:flow_logs.tf logs it; checkov does not follow the index
  count = local.own ? 1 : 0

  cidr_block = var.network.cidr

  # Private endpoints, EKS's own included, are found by names that only the VPC's resolver knows.
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = var.name }
}

# Anything launched without a security group gets the default one, which lets all of its members talk: it lets nobody.
resource "aws_default_security_group" "this" {
  count = local.own ? 1 : 0

  vpc_id = aws_vpc.this[0].id

  tags = { Name = "${var.name}-default-closed" }
}
