mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_resource "aws_eks_node_group" {
    defaults = { resources = [{ autoscaling_groups = [{ name = "eks-gpu" }], remote_access_security_group_id = "" }] }
  }
}

variables {
  name          = "dungeon"
  region        = "us-east-1"
  account       = "111122223333"
  cluster_name  = "dungeon"
  kubernetes    = "1.35"
  node_role_arn = "arn:aws:iam::111122223333:role/dungeon-node"
  subnets       = { us-east-1a = ["subnet-a"], us-east-1b = ["subnet-b"] }
  tags          = { team = "stories" }

  groups = {
    gpu-spot = {
      pool           = "gpu"
      capacity       = "spot"
      instance_types = ["g6.xlarge", "g6.2xlarge", "g6.4xlarge"]
      min            = 0
      max            = 8
      zones          = ["us-east-1a", "us-east-1b"]
      disk_gib       = 200
      gpu            = { type = "L4", count = 1, share = "none", driver = "cloud" }
      image          = "al2023"
      local_storage  = true
      labels         = { "workaday.dev/pool" = "gpu", "workaday.dev/capacity" = "spot" }
      taints = [
        { key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" },
        { key = "workaday.dev/capacity", value = "spot", effect = "NoSchedule" },
      ]
    }
  }
}

run "spot" {
  assert {
    condition     = aws_eks_node_group.this["gpu-spot"].capacity_type == "SPOT" && aws_eks_node_group.this["gpu-spot"].ami_type == "AL2023_x86_64_NVIDIA"
    error_message = "Spot nodes with NVIDIA's image."
  }

  assert {
    condition     = { for tag in aws_autoscaling_group_tag.this : tag.tag[0].key => tag.tag[0].value }["k8s.io/cluster-autoscaler/node-template/taint/workaday.dev/capacity"] == "spot:NoSchedule"
    error_message = "A group at zero tells the autoscaler of its taints."
  }

  assert {
    condition     = aws_autoscaling_group_tag.this["gpu-spot/resources/nvidia.com/gpu"].tag[0].value == "1"
    error_message = "A group at zero tells the autoscaler of its GPUs."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this["gpu-spot"].user_data), "strategy: RAID0")
    error_message = "Pods live on the instance's own disks where asked."
  }

  assert {
    condition     = one(aws_launch_template.this["gpu-spot"].metadata_options).http_put_response_hop_limit == 1
    error_message = "Pods do not reach the node's credentials."
  }

  assert {
    condition     = aws_eks_pod_identity_association.autoscaler[0].service_account == "cluster-autoscaler"
    error_message = "The autoscaler has its role."
  }
}

run "a_shared_gpu_on_bottlerocket" {
  command = plan

  variables {
    groups = {
      shared-on-demand = {
        pool           = "shared"
        capacity       = "on-demand"
        instance_types = ["g5g.xlarge"]
        min            = 1
        max            = 2
        zones          = ["us-east-1a"]
        disk_gib       = 100
        gpu            = { type = "T4g", count = 2, share = "time_slicing", clients = 4, driver = "cloud" }
        image          = "bottlerocket"
        labels         = { "workaday.dev/pool" = "shared", "workaday.dev/capacity" = "on-demand" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
    autoscaler = true
  }

  assert {
    condition     = aws_eks_node_group.this["shared-on-demand"].ami_type == "BOTTLEROCKET_ARM_64_NVIDIA"
    error_message = "g5g is Graviton with a GPU."
  }

  assert {
    condition     = aws_autoscaling_group_tag.this["shared-on-demand/resources/nvidia.com/gpu"].tag[0].value == "8"
    error_message = "Two cards for four pods each."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this["shared-on-demand"].user_data), "replicas = 4")
    error_message = "Bottlerocket's device plugin shares."
  }

  assert {
    condition     = length(aws_launch_template.this["shared-on-demand"].block_device_mappings) == 2
    error_message = "Bottlerocket has a second disk for images and pods."
  }
}

run "a_capacity_block_close_together" {
  command = plan

  variables {
    groups = {
      block-reserved = {
        pool           = "block"
        capacity       = "reserved"
        instance_types = ["p5.48xlarge"]
        min            = 0
        max            = 2
        zones          = ["us-east-1b"]
        disk_gib       = 500
        gpu            = { type = "H100", count = 8, share = "none", driver = "cloud" }
        image          = "al2023"
        placement      = "compact"
        reservation    = { id = "cr-1", block = true }
        labels         = { "workaday.dev/pool" = "block", "workaday.dev/capacity" = "reserved" }
        taints         = [{ key = "nvidia.com/gpu", value = "present", effect = "NoSchedule" }]
      }
    }
    autoscaler = false
  }

  assert {
    condition     = aws_eks_node_group.this["block-reserved"].capacity_type == "CAPACITY_BLOCK" && aws_launch_template.this["block-reserved"].instance_type == "p5.48xlarge"
    error_message = "The template says the block's type."
  }

  assert {
    condition     = one(aws_launch_template.this["block-reserved"].instance_market_options).market_type == "capacity-block"
    error_message = "Bought from the block."
  }

  assert {
    condition     = one(aws_launch_template.this["block-reserved"].placement).group_name == "dungeon-block-reserved"
    error_message = "Close together."
  }

  assert {
    condition     = length(aws_autoscaling_group_tag.this) == 0 && length(aws_iam_role.autoscaler) == 0
    error_message = "Without an autoscaler there are neither hints nor a role."
  }
}

run "spot_without_its_taint" {
  command = plan

  variables {
    groups = {
      gpu-spot = {
        pool           = "gpu"
        capacity       = "spot"
        instance_types = ["m7i.large"]
        min            = 0
        max            = 8
        zones          = ["us-east-1a"]
        disk_gib       = 200
        image          = "al2023"
        labels         = { "workaday.dev/capacity" = "spot" }
        taints         = []
      }
    }
  }

  expect_failures = [aws_launch_template.this]
}

run "a_gpu_without_its_taint" {
  command = plan

  variables {
    groups = {
      gpu-on-demand = {
        pool           = "gpu"
        capacity       = "on-demand"
        instance_types = ["g6.xlarge"]
        min            = 0
        max            = 8
        zones          = ["us-east-1a"]
        disk_gib       = 200
        gpu            = { type = "L4", count = 1, share = "none", driver = "cloud" }
        image          = "al2023"
        labels         = {}
        taints         = []
      }
    }
  }

  expect_failures = [aws_launch_template.this]
}

run "a_block_in_two_zones" {
  command = plan

  variables {
    groups = {
      block-reserved = {
        pool           = "block"
        capacity       = "reserved"
        instance_types = ["p5.48xlarge"]
        min            = 0
        max            = 2
        zones          = ["us-east-1a", "us-east-1b"]
        disk_gib       = 500
        image          = "al2023"
        reservation    = { id = "cr-1", block = true }
        labels         = {}
        taints         = []
      }
    }
  }

  expect_failures = [aws_launch_template.this]
}

run "a_zone_without_a_subnet" {
  command = plan

  variables {
    groups = {
      cpu-on-demand = {
        pool           = "cpu"
        capacity       = "on-demand"
        instance_types = ["m7i.large"]
        min            = 0
        max            = 2
        zones          = ["us-east-1f"]
        disk_gib       = 50
        image          = "al2023"
        labels         = {}
        taints         = []
      }
    }
  }

  expect_failures = [aws_launch_template.this]
}

run "a_bid" {
  command = plan

  variables {
    groups = {
      cpu-spot = {
        pool           = "cpu"
        capacity       = "spot"
        instance_types = ["m7i.large"]
        min            = 0
        max            = 2
        zones          = ["us-east-1a"]
        disk_gib       = 50
        image          = "al2023"
        max_price      = 0.05
        labels         = { "workaday.dev/capacity" = "spot" }
        taints         = [{ key = "workaday.dev/capacity", value = "spot", effect = "NoSchedule" }]
      }
    }
  }

  expect_failures = [aws_launch_template.this]
}

run "an_image_of_another_cloud" {
  command = plan

  variables {
    groups = {
      cpu-on-demand = {
        pool           = "cpu"
        capacity       = "on-demand"
        instance_types = ["m7i.large"]
        min            = 0
        max            = 2
        zones          = ["us-east-1a"]
        disk_gib       = 50
        image          = "cos"
        labels         = {}
        taints         = []
      }
    }
  }

  expect_failures = [var.groups]
}
