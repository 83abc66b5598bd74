"""What clouds and Kubernetes accept as a name: one table, each row with where it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workaday.layout import DEFAULT_STAGE


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of name.

    Attributes:
        called: what people call the thing, for messages.
        most: the most characters.
        source: where the limit is written down.
        least: the fewest characters.
        plain: letters and digits only.
    """

    called: str
    most: int
    source: str
    least: int = 1
    plain: bool = False


_AWS = "terraform-provider-aws: internal/service"
_AZURERM = "terraform-provider-azurerm: internal/services"
_AZURE = "learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules"
_COMPUTE = "terraform-provider-google: google/verify/validation.go ValidateGCEName"
_S3 = "docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"
_GCS = "cloud.google.com/storage/docs/buckets#naming"

# by cloud, then by what is named
CLOUDS: Mapping[str, Mapping[str, Rule]] = {
    "aws": {
        "cluster": Rule("the name of a cluster on EKS", 100, f"{_AWS}/eks/validate.go"),
        "node_pool": Rule("the name of a node group on EKS", 63, f"{_AWS}/eks/node_group.go"),
        "identity": Rule("the name of an IAM role", 64, f"{_AWS}/iam/role.go roleNameMaxLen"),
        "policy": Rule("the name of an IAM policy", 128, f"{_AWS}/iam/policy.go policyNameMaxLen"),
        "bucket": Rule("the name of an S3 bucket", 63, _S3, least=3),
        "registry": Rule("the name of an ECR repository", 256, f"{_AWS}/ecr/repository.go", least=2),
        "queue": Rule("the name of an SQS queue", 80, f"{_AWS}/sqs/queue.go"),
        "rule": Rule("the name of an EventBridge rule", 64, f"{_AWS}/events/validate.go"),
        "budget": Rule("the name of a budget", 100, f"{_AWS}/budgets/budget.go"),
    },
    "gcp": {
        "cluster": Rule("the name of a cluster on GKE", 40, "google.cloud.container_v1.types.Cluster: name"),
        # the API refuses what is not (?:[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?): github.com/pulumi/pulumi-gcp/issues/1510
        "node_pool": Rule("the name of a node pool on GKE", 40, "GKE API: node_pool.name"),
        "identity": Rule(
            "the id of a service account",
            30,
            "terraform-provider-google: google/verify/validation.go ServiceAccountNameRegex",
            least=6,
        ),
        "bucket": Rule("the name of a Cloud Storage bucket", 63, _GCS, least=3),
        "registry": Rule("the name of a repository", 63, "cloud.google.com/artifact-registry/docs/repositories"),
        "network": Rule("the name of a network or of a part of one", 63, _COMPUTE),
    },
    "azure": {
        "cluster": Rule("the name of a cluster on AKS", 63, f"{_AZURERM}/containers/validate/kubernetes.go"),
        "dns_prefix": Rule("the DNS prefix of a cluster on AKS", 54, f"{_AZURERM}/containers/validate/kubernetes.go"),
        "node_pool": Rule(
            "the name of a node pool on AKS", 12, f"{_AZURERM}/containers/validate/kubernetes.go", plain=True
        ),
        "identity": Rule("the name of a managed identity", 128, _AZURE, least=3),
        "bucket": Rule(
            "the name of a storage account",
            24,
            f"{_AZURERM}/storage/validate/storage_account_name.go",
            least=3,
            plain=True,
        ),
        "registry": Rule(
            "the name of a container registry",
            50,
            f"{_AZURERM}/containers/validate/container_registry_name.go",
            least=5,
            plain=True,
        ),
        "resource_group": Rule("the name of a resource group", 90, _AZURE),
        # AKS composes MC_<group>_<cluster>_<region> of at most 80 characters unless the group is named
        "node_resource_group": Rule("the name of AKS's own resource group", 80, "learn.microsoft.com/azure/aks/faq"),
        "network": Rule("the name of a network or of a part of one", 64, _AZURE, least=2),
    },
}

# KServe makes `<model>-predictor-<namespace>` the first label of a host name; with a longer one the InferenceService
# is accepted and never gets a Deployment.
HOST_LABEL = Rule("a host name's label", 63, "RFC 1035, 2.3.4")
LABEL_VALUE = Rule(
    "the value of a Kubernetes label", 63, "kubernetes.io/docs/concepts/overview/working-with-objects/labels"
)
NAMESPACE = Rule("a namespace's name", 63, "kubernetes.io/docs/concepts/overview/working-with-objects/names (RFC 1123)")
RELEASE = Rule("a Helm release's name", 53, "helm: pkg/chart/common/util releaseNameMaxLen")


def cluster_name(name: str, stage: str) -> str:
    """Return what a project's cluster is called in one environment; every other name in the cloud begins with it.

    Longer than the cloud takes, it is an error of the project (C106), not cut: people type it.
    """
    return name if stage == DEFAULT_STAGE else f"{name}-{stage}"
