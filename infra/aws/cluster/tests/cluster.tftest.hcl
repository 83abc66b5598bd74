mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_eks_addon_version" {
    defaults = { version = "v1.20.0-eksbuild.1" }
  }

  mock_resource "aws_eks_cluster" {
    defaults = {
      arn                   = "arn:aws:eks:us-east-1:111122223333:cluster/dungeon"
      certificate_authority = [{ data = "Y2E=" }]
    }
  }
}

variables {
  name       = "dungeon"
  region     = "us-east-1"
  account    = "111122223333"
  kubernetes = "1.35"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-1", "subnet-2"]
  access     = { endpoint = "public", cidrs = ["203.0.113.7/32"], admins = ["arn:aws:iam::111122223333:role/platform"] }
  system     = { instance_types = ["m7i.large"], nodes = 2 }
  tags       = { team = "stories" }
}

run "a_public_endpoint_for_some" {
  assert {
    condition     = one(aws_eks_cluster.this.vpc_config).endpoint_private_access && one(aws_eks_cluster.this.vpc_config).public_access_cidrs == toset(["203.0.113.7/32"])
    error_message = "Nodes reach the API from within, and the world does not."
  }

  assert {
    condition     = aws_eks_access_policy_association.admin["arn:aws:iam::111122223333:role/platform"].policy_arn == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
    error_message = "Administrators are those of `admins`."
  }

  assert {
    condition     = aws_eks_node_group.system.capacity_type == "ON_DEMAND" && aws_eks_node_group.system.ami_type == "AL2023_x86_64_STANDARD"
    error_message = "Controllers never run on spot."
  }

  assert {
    condition     = alltrue([for spec in aws_launch_template.system.tag_specifications : spec.tags["team"] == "stories"])
    error_message = "What EC2 launches is tagged too."
  }

  assert {
    condition     = aws_eks_addon.before_nodes["vpc-cni"].addon_version == "v1.20.0-eksbuild.1"
    error_message = "Add-ons have the version that AWS names for this Kubernetes."
  }
}

run "a_private_endpoint" {
  command = plan

  variables {
    access = { endpoint = "private", cidrs = [], admins = ["arn:aws:iam::111122223333:role/platform"] }
  }

  assert {
    condition     = one(aws_eks_cluster.this.vpc_config).endpoint_public_access == false
    error_message = "Private is private."
  }
}

run "graviton_has_its_own_image" {
  command = plan

  variables {
    system = { instance_types = ["m7g.large", "c7gn.large"], nodes = 2 }
  }

  assert {
    condition     = aws_eks_node_group.system.ami_type == "AL2023_ARM_64_STANDARD"
    error_message = "m7g is Graviton."
  }
}

run "a_pinned_addon_and_a_key" {
  command = plan

  variables {
    addon_versions = { coredns = "v1.12.0-eksbuild.1" }
    kms_key_arn    = "arn:aws:kms:us-east-1:111122223333:key/k"
  }

  assert {
    condition     = aws_eks_addon.after_nodes["coredns"].addon_version == "v1.12.0-eksbuild.1" && !contains(keys(data.aws_eks_addon_version.this), "coredns")
    error_message = "AWS is not asked for a version that is written down."
  }

  assert {
    condition     = one(one(aws_eks_cluster.this.encryption_config).provider).key_arn == "arn:aws:kms:us-east-1:111122223333:key/k"
    error_message = "The key that was named encrypts secrets."
  }

  assert {
    condition     = data.aws_iam_policy_document.secrets[0].statement[0].resources == toset(["arn:aws:kms:us-east-1:111122223333:key/k"])
    error_message = "The control plane may use that key."
  }
}

run "two_architectures" {
  command = plan

  variables {
    system = { instance_types = ["m7i.large", "m7g.large"], nodes = 2 }
  }

  expect_failures = [aws_eks_node_group.system]
}

run "public_for_all_the_world" {
  command = plan

  variables {
    access = { endpoint = "public", cidrs = [], admins = ["arn:aws:iam::111122223333:role/platform"] }
  }

  expect_failures = [var.access]
}

run "nobody_administers" {
  command = plan

  variables {
    access = { endpoint = "private", cidrs = [], admins = [] }
  }

  expect_failures = [var.access]
}

run "a_session_is_nobody" {
  command = plan

  variables {
    access = { endpoint = "private", cidrs = [], admins = ["arn:aws:sts::111122223333:assumed-role/platform/me"] }
  }

  expect_failures = [var.access]
}

run "a_patch_version" {
  command = plan

  variables {
    kubernetes = "1.35.2"
  }

  expect_failures = [var.kubernetes]
}
