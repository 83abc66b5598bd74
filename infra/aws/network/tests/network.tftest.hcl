mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_subnets" {
    defaults = { ids = ["subnet-1", "subnet-2"] }
  }
}

variables {
  name    = "dungeon"
  region  = "us-east-1"
  account = "111122223333"
  zones   = ["us-east-1b", "us-east-1d"]
  network = { cidr = "10.40.0.0/16" }
}

run "one_way_out" {
  assert {
    condition     = keys(aws_nat_gateway.this) == ["us-east-1b"] && length(aws_route.nat) == 2
    error_message = "Both zones go out by the first zone's gateway."
  }

  assert {
    condition     = aws_subnet.private["us-east-1d"].cidr_block == "10.40.96.0/19" && aws_subnet.public["us-east-1d"].cidr_block == "10.40.195.0/24"
    error_message = "A zone's subnets follow from its letter: d is the fourth."
  }

  assert {
    condition     = aws_subnet.private["us-east-1b"].tags["karpenter.sh/discovery"] == "dungeon" && aws_subnet.public["us-east-1b"].tags["kubernetes.io/role/elb"] == "1"
    error_message = "Karpenter and load balancers find subnets by tags."
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0 && length(aws_vpc_endpoint.s3) == 1
    error_message = "S3's gateway is free; interfaces cost, and a NAT gateway does without."
  }
}

run "a_zone_more_moves_no_subnet" {
  command = plan

  variables {
    zones = ["us-east-1a", "us-east-1b", "us-east-1d"]
  }

  assert {
    condition     = aws_subnet.private["us-east-1d"].cidr_block == "10.40.96.0/19"
    error_message = "Zone d has the subnet that it had."
  }
}

run "a_way_out_of_each_zone" {
  command = plan

  variables {
    network = { cidr = "10.40.0.0/20", nat = "per_zone" }
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 2 && alltrue([for zone, nat in local.nat_of : zone == nat])
    error_message = "Each zone goes out by its own gateway."
  }
}

run "no_way_out" {
  command = plan

  variables {
    network = { cidr = "10.40.0.0/16", nat = "none" }
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_route.nat) == 0
    error_message = "No gateway, no route."
  }

  assert {
    condition     = contains(keys(aws_vpc_endpoint.interface), "eks-auth") && alltrue([for each in aws_vpc_endpoint.interface : each.private_dns_enabled])
    error_message = "Without eks-auth no pod has an identity."
  }
}

run "an_existing_network" {
  variables {
    network = { existing = { network = "vpc-1", subnets = ["subnet-1", "subnet-2"] } }
  }

  assert {
    condition     = length(aws_vpc.this) == 0 && length(aws_subnet.private) == 0 && length(aws_flow_log.this) == 0
    error_message = "Nothing is made in it."
  }

  assert {
    condition     = output.vpc_id == "vpc-1" && output.subnets["us-east-1d"] == tolist(["subnet-1", "subnet-2"])
    error_message = "Its subnets are looked for in each zone."
  }
}

run "a_zone_without_any_of_its_subnets" {
  command = plan

  variables {
    network = { existing = { network = "vpc-1", subnets = ["subnet-1", "subnet-2"] } }
  }

  override_data {
    target = data.aws_subnets.existing
    values = { ids = [] }
  }

  expect_failures = [data.aws_subnets.existing]
}

run "neither_new_nor_existing" {
  command = plan

  variables {
    network = {}
  }

  expect_failures = [var.network]
}

run "a_network_by_its_name" {
  command = plan

  variables {
    network = { existing = { network = "shop", subnets = ["subnet-1", "subnet-2"] } }
  }

  expect_failures = [var.network]
}

run "subnets_by_their_names" {
  command = plan

  variables {
    network = { existing = { network = "vpc-1", subnets = ["private-a", "private-b"] } }
  }

  expect_failures = [var.network]
}

run "too_small" {
  command = plan

  variables {
    network = { cidr = "10.40.0.0/24" }
  }

  expect_failures = [var.network]
}

run "another_regions_zone" {
  command = plan

  variables {
    zones = ["us-east-1a", "eu-west-1a"]
  }

  expect_failures = [var.zones]
}
