"""AKS: who may do what. A right is a role on a scope; scopes that are ours are only known once they are made."""

from __future__ import annotations

from policies import Plan, Rule
from policies.azure import ALL, CLUSTER, of
from policies.mutations import put, without
from policies.reading import Values, resources, values, wants

ROLE, CREDENTIAL = "azurerm_role_assignment", "azurerm_federated_identity_credential"
WEIGHTED = ("gpu", "spot", "auto", "existing_network", "everything")
# role → the part of an assignment's address that may give it
ROLES = {
    "AcrPull": "module.cluster.azurerm_role_assignment.pull",
    "Azure Kubernetes Service Cluster User Role": "module.cluster.azurerm_role_assignment.admins[",
    "Contributor": "module.node_groups.azurerm_role_assignment.reservation[",
    "Managed Identity Operator": "module.cluster.azurerm_role_assignment.kubelet_identity",
    "Network Contributor": "azurerm_role_assignment.",
    "Storage Blob Data Reader": "module.identity.azurerm_role_assignment.weights[",
}


def there_are_no_local_accounts(plan: Plan) -> list[str]:
    """Entra lets people in, groups of it administer, and its roles hold within the cluster."""
    cluster = values(plan, CLUSTER)
    entra = cluster["azure_active_directory_role_based_access_control"] or [{}]
    bad = list(wants(cluster["local_account_disabled"] is not True, CLUSTER, "certificates that nobody can take back"))
    bad += wants(not entra[0].get("azure_rbac_enabled"), CLUSTER, "Azure's roles do not hold in it")
    wanted = plan["variables"]["access"]["value"]["admins"]
    return bad + list(wants(entra[0].get("admin_group_object_ids") != wanted, CLUSTER, "other administrators"))


def pods_have_identities(plan: Plan) -> list[str]:
    """One a model, for exactly its service account: nothing in the cluster holds a secret of the cloud's."""
    cluster = values(plan, CLUSTER)
    able = cluster["workload_identity_enabled"] and cluster["oidc_issuer_enabled"]
    bad = list(wants(not able, CLUSTER, "no workload identity"))
    for name, model in plan["variables"]["models"]["value"].items():
        subject = f"system:serviceaccount:{model['namespace']}:{model['service_account']}"
        found = [each for each in resources(plan, CREDENTIAL) if each["address"].endswith(f'["{name}"]')]
        bad += wants([each["values"]["subject"] for each in found] != [subject], name, "another service account")
        bad += wants(
            any(each["values"]["audience"] != ["api://AzureADTokenExchange"] for each in found), name, "audience"
        )
    return bad


def models_read_their_own_weights_only(plan: Plan) -> list[str]:
    """The container is the scope and the folder the condition, of reading as of listing."""
    bad: list[str] = []
    for name, model in plan["variables"]["models"]["value"].items():
        weights = model.get("weights")
        granted = [each for each in resources(plan, ROLE) if each["address"].endswith(f'.weights["{name}"]')]
        bad += wants(len(granted) != (1 if weights else 0), name, f"{len(granted)} rights to read")
        bad += [each for right in granted for each in _too_much(right, weights["prefix"] if weights else "")]
    return bad


def _too_much(right: Values, prefix: str) -> list[str]:
    given = right["values"]
    bad = list(wants("/blobServices/default/containers/" not in given["scope"], right, f"scope {given['scope']}"))
    condition = " ".join((given.get("condition") or "").split())
    for attribute in ("@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path]",
                      "@Request[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:prefix]"):  # fmt: skip
        bad += wants(f"{attribute} StringStartsWith '{prefix}/'" not in condition, right, f"more than {prefix}/")
    return bad + list(wants(condition.count(" OR ") != 3, right, "a condition that says more"))


def rights_are_few(plan: Plan) -> list[str]:
    """Each role where it is needed and nowhere else; none on the whole subscription."""
    bad: list[str] = []
    for each in resources(plan, ROLE):
        role, scope = each["values"]["role_definition_name"], each["values"].get("scope")
        bad += wants(ROLES.get(role, "nowhere") not in each["address"], each, f"{role} is not given here")
        bad += wants(scope is not None and scope.count("/") < 4, each, f"on all of {scope}")
    return bad


RULES = (
    Rule(
        "azure-there-are-no-local-accounts",
        there_are_no_local_accounts,
        put(CLUSTER, "", "local_account_disabled", to=False),
        of(*ALL),
    ),
    Rule("azure-pods-have-identities", pods_have_identities, without(CREDENTIAL), of(*ALL)),
    Rule(
        "azure-models-read-their-own-weights-only",
        models_read_their_own_weights_only,
        put(ROLE, 'weights["story"]', "condition", to=None),
        of(*WEIGHTED, "minimal"),
    ),
    Rule(
        "azure-rights-are-few",
        rights_are_few,
        put(ROLE, 'weights["story"]', "role_definition_name", to="Storage Blob Data Owner"),
        of(*WEIGHTED, "minimal"),
    ),
)
