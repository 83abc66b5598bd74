"""The chart of a model: what helm, the API server's schemas and our own rules say of every profile."""

from __future__ import annotations

import copy
import importlib.util
import json
import shutil
from pathlib import Path

import chart_rules
import chart_schemas
import jsonschema
import pytest
import yaml
from chart_profiles import NAMES, values
from helmet import helm, template

from workaday.blueprint import naming
from workaday.catalog.clouds import TERMS

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "charts" / "inference"
GOLDEN = REPOSITORY / "tests" / "golden" / "charts" / "full-aws.yaml"


@pytest.mark.parametrize("chart", ["inference", "nodepools"])
def test_helm_finds_no_fault(chart) -> None:
    done = helm("lint", "--strict", str(CHART.with_name(chart)))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_the_api_server_would_take_every_manifest(name, manifests):
    wrong = {
        f"{each['kind']}/{each['metadata']['name']} {version}": found
        for each in manifests(name)
        for version in chart_schemas.KUBERNETES
        if (found := chart_schemas.errors(each, version))
    }
    assert wrong == {}


def test_the_schemas_find_what_is_wrong(manifests):
    for each in manifests("kinds-aws"):
        broken = copy.deepcopy(each)
        broken["spce"] = {}
        assert chart_schemas.errors(broken), each["kind"]


@pytest.mark.parametrize("rule", chart_rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_every_profile_keeps_the_rules(name, rule, manifests):
    assert list(rule(manifests(name))) == []


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
@pytest.mark.parametrize("shape", ["full", "kinds"])
def test_a_pod_on_spot_nodes_ends_within_the_notice(shape, cloud, manifests):
    notice = TERMS[cloud].usable_notice_seconds
    found = manifests(f"{shape}-{cloud}")
    assert list(chart_rules.within_notice(found, notice)) == []
    assert list(chart_rules.within_notice(found, 1)), "no model of this profile runs on spot nodes"


def edited(change):
    def make(manifests):
        changed = copy.deepcopy(manifests)
        change(changed)
        return changed

    return make


def of(manifests, kind):
    return chart_rules.of(manifests, kind)[0]


def container(manifests):
    return of(manifests, "InferenceService")["spec"]["predictor"]["containers"][0]


def gpu_pod(manifests):
    return next(pod for _, pod in chart_rules.pods(manifests) if pod.get("tolerations"))


MUTATIONS = {
    "restricted": [
        lambda m: container(m)["securityContext"].update(allowPrivilegeEscalation=True),
        lambda m: container(m)["securityContext"].update(capabilities={}),
        lambda m: container(m)["securityContext"].pop("seccompProfile"),
        lambda m: of(m, "InferenceService")["spec"]["predictor"]["securityContext"].pop("runAsUser"),
        lambda m: of(m, "InferenceService")["spec"]["predictor"]["volumes"].append({"hostPath": {"path": "/"}}),
    ],
    "no_token": [lambda m: of(m, "InferenceService")["spec"]["predictor"].pop("automountServiceAccountToken")],
    "gpus": [
        lambda m: gpu_pod(m)["containers"][0]["resources"]["requests"].update({"nvidia.com/gpu": "2"}),
        lambda m: gpu_pod(m).pop("tolerations"),
    ],
    "bounded": [lambda m: container(m)["resources"]["limits"].pop("memory")],
    "tolerations": [
        lambda m: gpu_pod(m)["tolerations"][0].update(value="x"),
        lambda m: gpu_pod(m)["tolerations"][0].update(effect="Never"),
    ],
    "disruptions": [
        lambda m: m.remove(of(m, "PodDisruptionBudget")),
        lambda m: of(m, "PodDisruptionBudget")["spec"].update(maxUnavailable=0),
        lambda m: of(m, "PodDisruptionBudget")["spec"]["selector"].update(matchLabels={"app": "x"}),
    ],
    "endings": [
        lambda m: container(m).update(lifecycle={"preStop": {"sleep": {"seconds": 900}}}),
    ],
    "scaling": [
        lambda m: m.remove(of(m, "ScaledObject")),
        lambda m: of(m, "ScaledObject")["spec"].pop("fallback"),
        lambda m: of(m, "ScaledObject")["spec"]["triggers"][0].update(metricType="Value"),
        lambda m: of(m, "ScaledObject")["spec"]["triggers"][0].update(type="cron"),
        lambda m: of(m, "ScaledObject")["spec"]["triggers"][0]["metadata"].update(query="workaday_in_flight"),
    ],
    "modes": [
        lambda m: of(m, "InferenceService")["metadata"].pop("annotations"),
        lambda m: container(m).update(name="story"),
    ],
    "fenced": [
        lambda m: m.remove(of(m, "NetworkPolicy")),
        lambda m: of(m, "NetworkPolicy")["spec"].update(policyTypes=["Ingress"]),
        lambda m: of(m, "NetworkPolicy")["spec"]["ingress"][0].pop("from"),
    ],
    "configured": [lambda m: of(m, "InferenceService")["spec"]["predictor"].pop("annotations")],
}


@pytest.mark.parametrize("rule", chart_rules.RULES, ids=lambda rule: rule.__name__)
def test_each_rule_fails_where_it_is_broken(rule, rendered):
    story = json.loads(rendered("full-aws")["releases/story.json"])
    manifests = template(CHART, story)
    for place, change in enumerate(MUTATIONS[rule.__name__]):
        assert list(rule(edited(change)(manifests))), place


def test_the_tree_has_the_chart_as_it_is_and_says_where_each_value_is_from(rendered):
    found = rendered("full-existing")
    for path in sorted(each for each in CHART.rglob("*") if each.is_file()):
        assert found[f"charts/inference/{path.relative_to(CHART)}"] == path.read_bytes()
    origins = json.loads(found["origins.json"])["origins"]["releases/story.json"]
    assert origins[""] == ["models", 0]
    assert origins["/models/0/scaling"] == ["models", 0, "scale"]
    assert not any(path.startswith("terraform") for path in found)


def test_the_namespace_is_restricted(rendered):
    namespace = json.loads(rendered("full-existing")["namespace.json"])
    assert chart_schemas.errors(namespace) == []
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("name", ["full-gcp", "kinds-existing"])
def test_the_servers_configuration_is_one_that_it_reads(name, rendered):
    schema = json.loads((REPOSITORY / "schemas" / "server.schema.json").read_text())
    configs = [each["config"] for each in values(rendered(name))["models"] if each["config"]]
    assert configs
    for each in configs:
        jsonschema.validate(each, schema)


def test_only_metrics_that_the_server_has_are_asked_for(rendered):
    documented = (REPOSITORY / "docs" / "metrics.md").read_text()
    for each in values(rendered("kinds-aws"))["models"]:
        if each["kind"] == "torch":
            assert "workaday_" in each["scaling"]["query"]
            for name in ("workaday_request_seconds", "workaday_in_flight"):
                assert f"`{name}`" in documented


def test_a_change_of_the_configuration_rolls_the_pods(rendered):
    release = json.loads(rendered("full-aws")["releases/story.json"])

    def checksum(release):
        predictor = chart_rules.of(template(CHART, release), "InferenceService")[0]["spec"]["predictor"]
        return predictor["annotations"]["workaday.dev/config"]

    before = checksum(release)
    release["models"][0]["config"]["models"][0]["limits"]["queue"] = 1
    assert checksum(release) != before


def test_a_false_or_null_of_a_model_wins_over_a_default(rendered):
    model = {"name": "a", "image": "b:1"}
    merged = template(CHART, {"defaults": {"ending": {"server": True}, "pullSecret": "x"}, "models": [
        model | {"ending": {"server": False}, "pullSecret": None}
    ]})  # fmt: skip
    predictor = chart_rules.of(merged, "InferenceService")[0]["spec"]["predictor"]
    assert predictor["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"] == 15
    assert "imagePullSecrets" not in predictor


def route(rendered, **canary):
    release = json.loads(rendered("full-aws")["releases/story.json"])
    release["models"][0]["route"]["canary"] |= canary
    manifests = template(CHART, release)
    [found] = chart_rules.of(manifests, "HTTPRoute")
    assert found["metadata"]["name"] == naming.route("story")
    assert chart_schemas.errors(found) == []
    return found["spec"]["rules"][0]


def test_a_canary_gets_its_share_of_the_requests(rendered):
    backends = route(rendered)["backendRefs"]
    assert [(each["name"], each["weight"]) for each in backends] == [
        ("story-predictor", 900),
        ("story-canary-predictor", 100),
    ]
    assert [each["weight"] for each in route(rendered, percent=0.5)["backendRefs"]] == [995, 5]
    assert [each["weight"] for each in route(rendered, percent=100)["backendRefs"]] == [0, 1000]


def test_a_shadow_gets_copies_and_answers_nobody(rendered):
    found = route(rendered, shadow=True, percent=50)
    assert [each["name"] for each in found["backendRefs"]] == ["story-predictor"]
    [mirror] = found["filters"]
    assert mirror["requestMirror"] == {"percent": 50, "backendRef": {"name": "story-canary-predictor", "port": 80}}


def test_a_canary_is_its_model_to_callers_and_to_the_cloud(rendered):
    release = json.loads(rendered("full-aws")["releases/story-canary.json"])
    [model] = release["models"]
    assert model["config"]["models"][0]["name"] == "story"
    assert model["config"]["models"][0]["config"] == {"max_new_tokens": 120}
    manifests = template(CHART, release)
    assert chart_rules.of(manifests, "ServiceAccount") == []
    assert chart_rules.of(manifests, "HTTPRoute") == []
    predictor = chart_rules.of(manifests, "InferenceService")[0]["spec"]["predictor"]
    assert predictor["serviceAccountName"] == "story"
    policy = chart_rules.of(manifests, "NetworkPolicy")[0]["spec"]["ingress"][0]["from"]
    assert policy[1]["namespaceSelector"]["matchExpressions"][0]["values"] == ["envoy-gateway-system"]


def asleep(rendered):
    """Return the manifests of a model that may have no replicas."""
    release = json.loads(rendered("asleep-existing")["releases/own.json"])
    assert release["models"][0]["scaling"]["min"] == 0
    manifests = template(CHART, release)
    assert [chart_schemas.errors(each) for each in manifests] == [[] for _ in manifests]
    return manifests


def test_a_request_wakes_a_model_that_sleeps(rendered):
    manifests = asleep(rendered)
    [held] = chart_rules.of(manifests, "HTTPScaledObject")
    assert held["metadata"]["annotations"]["httpscaledobject.keda.sh/skip-scaledobject-creation"] == "true"
    assert held["spec"]["hosts"][0] == "own-predictor.dungeon"
    assert held["spec"]["scaleTargetRef"]["service"] == "own-predictor"
    [scaler] = chart_rules.of(manifests, "ScaledObject")
    assert scaler["metadata"]["name"] != held["metadata"]["name"], "the add-on removes a ScaledObject of its name"
    assert [each["type"] for each in scaler["spec"]["triggers"]] == ["prometheus", "external-push"]
    assert scaler["spec"]["triggers"][1]["metadata"]["httpScaledObject"] == held["metadata"]["name"]
    assert scaler["spec"]["minReplicaCount"] == 0


def test_its_route_leads_through_the_interceptor_and_waits_for_it(rendered):
    manifests = asleep(rendered)
    [found] = chart_rules.of(manifests, "HTTPRoute")
    rule = found["spec"]["rules"][0]
    interceptor = {"name": "keda-add-ons-http-interceptor-proxy", "namespace": "keda", "port": 8080}
    assert rule["backendRefs"] == [interceptor]
    assert rule["filters"] == [{"type": "URLRewrite", "urlRewrite": {"hostname": "own-predictor.dungeon"}}]
    [held] = chart_rules.of(manifests, "HTTPScaledObject")
    waits = int(held["spec"]["timeouts"]["conditionWait"].removesuffix("s"))
    answers = int(held["spec"]["timeouts"]["responseHeader"].removesuffix("s"))
    assert int(rule["timeouts"]["request"].removesuffix("s")) == waits + answers
    [grant] = chart_rules.of(manifests, "ReferenceGrant")
    assert grant["metadata"]["namespace"] == "keda"
    assert grant["spec"]["from"][0]["namespace"] == "dungeon"
    assert grant["spec"]["to"] == [{"group": "", "kind": "Service", "name": interceptor["name"]}]
    [policy] = chart_rules.of(manifests, "NetworkPolicy")
    admitted = policy["spec"]["ingress"][0]["from"][1]["namespaceSelector"]["matchExpressions"][0]["values"]
    assert admitted == ["envoy-gateway-system", "keda"]


def test_what_never_sleeps_needs_no_add_on(manifests):
    found = manifests("kinds-existing")
    assert chart_rules.of(found, "HTTPScaledObject") == []
    assert chart_rules.of(found, "ReferenceGrant") == []


def test_the_node_that_is_kept_free_has_the_image_already(rendered):
    release = json.loads(rendered("kinds-existing")["releases/server.json"])
    [model] = release["models"]
    model["weights"] = "oci://ghcr.io/team/weights@sha256:" + "0" * 64
    [deployment] = chart_rules.of(template(CHART, release), "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    assert chart_schemas.errors(deployment) == []
    assert [each["image"]["reference"] for each in pod["volumes"]] == [model["image"], model["weights"][6:]]
    assert [each["name"] for each in pod["containers"][0]["volumeMounts"]] == ["image", "weights"]


def test_weights_in_an_image_are_a_volume_and_not_kserves(manifests):
    [archive] = [
        each["spec"]["predictor"]
        for each in manifests("kinds-aws")
        if each["kind"] == "InferenceService" and each["metadata"]["name"] == "archive"
    ]
    assert {"name": "weights", "image": {"reference": "ghcr.io/team/archive"}} in archive["volumes"]
    assert "STORAGE_URI" not in [each["name"] for each in archive["containers"][0]["env"]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"nmae": "x"}, "nmae"),
        ({"image": ""}, "image"),
        ({"env": {"PYTHONPATH": "/x"}}, "PYTHONPATH"),
        ({"port": 70000}, "port"),
        ({"weights": "ftp://a/b"}, "weights"),
        ({"scheduling": {"tolerations": [{"key": "a", "value": None, "effect": "Never"}]}}, "effect"),
        ({"scaling": {"max": 0}}, "max"),
        ({"route": {"strip": True, "paths": ["/a", "/b"]}}, "paths"),
        ({"user": 0}, "user"),
    ],
)
def test_values_that_cannot_work_are_refused_before_anything_is_sent(wrong, said, tmp_path):
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump({"models": [{"name": "a", "image": "b:1"} | wrong]}))
    done = helm("template", "release", str(CHART), "--values", str(file))
    assert done.returncode != 0
    assert said in done.stderr


def test_one_project_is_rendered_as_it_was_reviewed(manifests, update_golden):
    ordered = sorted(manifests("full-aws"), key=lambda each: (each["kind"], each["metadata"]["name"]))
    update_golden(GOLDEN, yaml.safe_dump_all(ordered, sort_keys=True, width=140))


def tool(name):
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_values_is_current(monkeypatch):
    docs = tool("chart_docs")
    monkeypatch.setattr("sys.argv", ["chart_docs.py", "--check"])
    assert docs.main() == 0
    for each in docs.CHARTS.glob("*/values.yaml"):
        assert docs.undocumented(each.read_text()) == []


def test_a_stale_table_is_found(monkeypatch, tmp_path):
    docs = tool("chart_docs")
    shutil.copytree(CHART, tmp_path / "charts" / "inference")
    with (tmp_path / "charts" / "inference" / "values.yaml").open("a") as file:
        file.write("# -- New.\nfurther: 1\nhidden: 2\n")
    monkeypatch.setattr(docs, "CHARTS", tmp_path / "charts")
    monkeypatch.setattr("sys.argv", ["chart_docs.py", "--check"])
    assert docs.main() == 1
    assert docs.undocumented((tmp_path / "charts/inference/values.yaml").read_text()) == ["hidden"]


def test_the_plot_shows_the_table(monkeypatch, tmp_path):
    plot = tool("scaling_plot")
    monkeypatch.setattr("sys.argv", ["scaling_plot.py", "--check"])
    assert plot.main() == 0
    found = plot.points(plot.TABLE.read_text("utf-8"))
    assert len(found) == 5
    assert plot.OURS in plot.PLOT.read_text("utf-8")
    (tmp_path / "other.md").write_text("| memory | 1.0 % | 2 USD |\n")
    monkeypatch.setattr(plot, "TABLE", tmp_path / "other.md")
    assert plot.main() == 1
