"""GKE: who may do what. A right is a role on a resource, or on the project, and perhaps a condition."""

from __future__ import annotations

from policies import Plan, Rule
from policies.gcp import ALL, CLUSTER, POOL, of
from policies.mutations import put, without
from policies.reading import Values, resources, values, wants

BUCKET_RIGHT, PROJECT_RIGHT = "google_storage_bucket_iam_member", "google_project_iam_member"
RIGHTS = (BUCKET_RIGHT, PROJECT_RIGHT, "google_artifact_registry_repository_iam_member")
WEIGHTED = ("gpu", "spot", "auto", "existing_network", "everything")
# role → the part of an address that may give it
ROLES = {
    "roles/artifactregistry.reader": "module.cluster.google_artifact_registry_repository_iam_member.nodes",
    "roles/container.admin": "module.cluster.google_project_iam_member.admins[",
    "roles/container.defaultNodeServiceAccount": "module.cluster.google_project_iam_member.nodes",
    "roles/storage.objectViewer": "module.identity.google_storage_bucket_iam_member.weights[",
}
LISTED = 'api.getAttribute("storage.googleapis.com/objectListPrefix", "")'


def there_are_no_keys(plan: Plan) -> list[str]:
    """Nor certificates, passwords or older ways in: people come by IAM, pods by their service account."""
    bad = [
        f"{each['address']}: a key"
        for each in resources(
            plan, "google_service_account_key", "google_storage_hmac_key", "google_container_registry"
        )
    ]
    cluster = values(plan, CLUSTER)
    issued = cluster["master_auth"][0]["client_certificate_config"][0]["issue_client_certificate"]
    bad += wants(bool(issued), CLUSTER, "certificates that nobody can take back")
    bad += wants(bool(cluster["enable_legacy_abac"]), CLUSTER, "rights without RBAC")
    for name in ("system_authenticated", "system_unauthenticated"):
        bound = cluster["rbac_binding_config"][0][f"enable_insecure_binding_{name}"]
        bad += wants(bound is not False, CLUSTER, f"rights for {name}")
    anonymous = cluster["anonymous_authentication_config"][0]["mode"]
    return bad + list(wants(anonymous != "LIMITED", CLUSTER, "calls without a name"))


def pods_have_identities(plan: Plan) -> list[str]:
    """The cluster's own pool, and each right for exactly one service account: no group, no whole namespace."""
    project = plan["variables"]["project"]["value"]
    pool = values(plan, CLUSTER)["workload_identity_config"][0]["workload_pool"]
    bad = list(wants(pool != f"{project}.svc.id.goog", CLUSTER, "no workload identity"))
    for name, model in plan["variables"]["models"]["value"].items():
        for right in resources(plan, BUCKET_RIGHT):
            if right["address"].endswith(f'["{name}"]'):
                wanted = f"/{pool}/subject/ns/{model['namespace']}/sa/{model['service_account']}"
                member = right["values"]["member"]
                own = member.startswith("principal://") and member.endswith(wanted)
                bad += wants(not own, right, f"for {member}")
    return bad


def models_read_their_own_weights_only(plan: Plan) -> list[str]:
    """The bucket is the resource and the folder the condition, of reading as of listing."""
    bad: list[str] = []
    for name, model in plan["variables"]["models"]["value"].items():
        weights = model.get("weights")
        granted = [each for each in resources(plan, BUCKET_RIGHT) if each["address"].endswith(f'["{name}"]')]
        bad += wants(len(granted) != (1 if weights else 0), name, f"{len(granted)} rights to read")
        bad += [each for right in granted for each in _too_much(right, weights or {})]
    return bad


def _too_much(right: Values, weights: Values) -> list[str]:
    given, prefix = right["values"], weights.get("prefix", "")
    bad = list(wants(given["bucket"] != weights.get("bucket"), right, f"another bucket, {given['bucket']}"))
    expression = (given["condition"] or [{"expression": ""}])[0]["expression"]
    wanted = {
        f'resource.name.startsWith("projects/_/buckets/{given["bucket"]}/objects/{prefix}/")',
        f'{LISTED} == "{prefix}"',
        f'{LISTED}.startsWith("{prefix}/")',
    }
    return bad + list(wants(set(expression.split(" || ")) != wanted, right, f"more than {prefix}/: {expression}"))


def rights_are_few(plan: Plan) -> list[str]:
    """Each role where it is needed and nowhere else; nothing of storage on the whole project, nothing for everybody."""
    bad: list[str] = []
    for each in resources(plan, *RIGHTS):
        role, member = each["values"]["role"], each["values"].get("member") or ""
        bad += wants(ROLES.get(role, "nowhere") not in each["address"], each, f"{role} is not given here")
        bad += wants(each["type"] == PROJECT_RIGHT and "storage" in role, each, f"{role} on the whole project")
        bad += wants(member.startswith("all"), each, f"for {member}")
    return bad


def admins_are_those_of_the_file(plan: Plan) -> list[str]:
    wanted = sorted(plan["variables"]["access"]["value"]["admins"])
    made = [each["values"] for each in resources(plan, PROJECT_RIGHT) if ".admins[" in each["address"]]
    found = sorted(each["member"] for each in made if each["role"] == "roles/container.admin")
    return list(wants(found != wanted, "access.admins", f"{found} instead of {wanted}"))


def nodes_have_an_account_of_their_own(plan: Plan) -> list[str]:
    """Not the project's default one, which edits everything; auto-provisioned nodes too."""
    account = values(plan, "google_service_account", ".nodes")
    bad = list(wants(not 6 <= len(account["account_id"]) <= 30, "nodes", f"account {account['account_id']}"))
    used = [(each["address"], each["values"]["node_config"][0]) for each in resources(plan, POOL)]
    cluster = values(plan, CLUSTER)
    used += [("provisioner", each) for each in cluster["cluster_autoscaling"][0]["auto_provisioning_defaults"]]
    used += [("first pool", each) for each in cluster["node_config"]]
    # ours is only known once it is made
    return bad + [f"{where}: {node['service_account']}" for where, node in used if node.get("service_account")]


RULES = (
    Rule(
        "gcp-there-are-no-keys",
        there_are_no_keys,
        put(CLUSTER, "", "master_auth", 0, "client_certificate_config", 0, "issue_client_certificate", to=True),
        of(*ALL),
    ),
    Rule(
        "gcp-pods-have-identities",
        pods_have_identities,
        put(BUCKET_RIGHT, '["story"]', "member", to="principalSet://iam.googleapis.com/namespace/dungeon"),
        of(*WEIGHTED, "minimal"),
    ),
    Rule(
        "gcp-models-read-their-own-weights-only",
        models_read_their_own_weights_only,
        put(BUCKET_RIGHT, '["story"]', "condition", to=[]),
        of(*WEIGHTED, "minimal"),
    ),
    Rule(
        "gcp-rights-are-few",
        rights_are_few,
        put(PROJECT_RIGHT, ".nodes", "role", to="roles/storage.objectAdmin"),
        of(*ALL),
    ),
    Rule(
        "gcp-admins-are-those-of-the-file",
        admins_are_those_of_the_file,
        without(PROJECT_RIGHT, 'admins["group:platform@dungeon.example"]'),
        of(*ALL),
    ),
    Rule(
        "gcp-nodes-have-an-account-of-their-own",
        nodes_have_an_account_of_their_own,
        put(POOL, ".system", "node_config", 0, "service_account", to="default"),
        of(*ALL),
    ),
)
