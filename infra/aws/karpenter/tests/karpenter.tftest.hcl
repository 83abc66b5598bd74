mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name              = "dungeon"
  region            = "us-east-1"
  account           = "111122223333"
  cluster_name      = "dungeon"
  security_group_id = "sg-1"
}

run "hears_and_launches" {
  assert {
    condition     = length(aws_cloudwatch_event_target.this) == 5 && aws_sqs_queue.this.message_retention_seconds == 300
    error_message = "Five kinds of events reach the queue."
  }

  assert {
    condition     = output.queue == "dungeon-karpenter" && output.node_role == "dungeon-karpenter-node" && aws_iam_instance_profile.node.name == "dungeon-karpenter-node"
    error_message = "Names that the charts know without asking."
  }

  assert {
    condition     = aws_eks_access_entry.node.type == "EC2_LINUX"
    error_message = "Its nodes may join."
  }

  assert {
    condition     = aws_eks_pod_identity_association.this.namespace == "kube-system" && aws_eks_pod_identity_association.this.service_account == "karpenter"
    error_message = "The chart's own service account."
  }

  assert {
    condition     = aws_ec2_tag.security_group.value == "dungeon"
    error_message = "Node classes find the security group by its tag."
  }
}

run "rights" {
  command = plan

  assert {
    condition     = data.aws_iam_policy_document.profiles.statement[0].resources == toset(["arn:aws:iam::111122223333:role/dungeon-karpenter-node"])
    error_message = "It may pass one role."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.instances.statement :
      anytrue([for condition in statement.condition : endswith(condition.variable, "kubernetes.io/cluster/dungeon")])
      if statement.sid != "LaunchFromWhatExists"
    ])
    error_message = "What it makes, changes and ends carries the cluster's tag."
  }
}
