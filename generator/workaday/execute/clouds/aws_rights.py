"""What Terraform does in an AWS account that a plan cannot do without: a part of the policies in docs/clouds/aws.md.

Each service's first and gravest actions, not all: IAM's simulator answers about each one it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from workaday.blueprint.cloud import KARPENTER, Cloud

# What the policies' conditions ask of a request: who is handed a role, and who makes one for itself.
CONTEXT = {"iam:PassedToService": "eks.amazonaws.com", "iam:AWSServiceName": "eks.amazonaws.com"}
EC2 = (
    "ec2:AllocateAddress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateFlowLogs", "ec2:CreateLaunchTemplate",
    "ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateTags", "ec2:DescribeInstanceTypes",
    "ec2:RunInstances",
)  # fmt: skip
# Only where we make the network.
NETWORK = (
    "ec2:AttachInternetGateway", "ec2:CreateInternetGateway", "ec2:CreateNatGateway", "ec2:CreateSubnet",
    "ec2:CreateVpc", "ec2:CreateVpcEndpoint",
)  # fmt: skip


def rights(cloud: Cloud) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give the actions that a cluster's Terraform needs, with the resource that each is asked for."""
    here = f"{cloud.region}:{cloud.account}"
    yield f"arn:aws:eks:{here}:cluster/{cloud.name}", ("eks:CreateCluster", "eks:DescribeCluster", "eks:CreateAddon")
    yield f"arn:aws:iam::{cloud.account}:role/{cloud.name}-node", (
        "iam:AttachRolePolicy", "iam:CreateRole", "iam:GetRole", "iam:PassRole", "iam:PutRolePolicy", "iam:TagRole",
    )  # fmt: skip
    yield "*", ("iam:CreateServiceLinkedRole", "ecr:GetAuthorizationToken", "logs:DescribeLogGroups")
    yield "*", EC2 if cloud.network.existing else (*EC2, *NETWORK)
    for bucket in (cloud.state.bucket, cloud.weights_bucket):
        yield f"arn:aws:s3:::{bucket}", ("s3:CreateBucket", "s3:ListBucket", "s3:PutBucketPolicy")
        yield f"arn:aws:s3:::{bucket}/object", ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")
    yield f"arn:aws:ecr:{here}:repository/{cloud.registry}/model", ("ecr:CreateRepository", "ecr:PutImage")
    yield f"arn:aws:logs:{here}:log-group:/aws/eks/{cloud.name}/cluster", ("logs:CreateLogGroup",)
    if cloud.provisioner == KARPENTER:
        yield f"arn:aws:sqs:{here}:{cloud.name}-karpenter", ("sqs:CreateQueue", "sqs:SetQueueAttributes")
        yield f"arn:aws:events:{here}:rule/{cloud.name}-karpenter-spot", ("events:PutRule", "events:PutTargets")
    if cloud.dns:
        yield f"arn:aws:route53:::hostedzone/{cloud.dns.zone}", ("route53:GetHostedZone",)
    if cloud.budget:
        yield f"arn:aws:budgets::{cloud.account}:budget/{cloud.name}", ("budgets:ModifyBudget", "budgets:ViewBudget")
