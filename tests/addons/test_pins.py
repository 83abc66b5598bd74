"""The table of pins, what a project gets of it, and what goes together."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from workaday.blueprint.model import Blueprint
from workaday.catalog import addons
from workaday.checks.clouds import KUBERNETES
from workaday.execute.addons import wanted_of
from workaday.execute.doctor import cluster
from workaday.execute.workspace import Workspace, open_workspace
from workaday.project import codes
from workaday.project.diagnostics import ProjectError
from workaday.render import render
from workaday.render.tree import write

ROOT = Path(__file__).parents[2]
PROJECT = """\
version: 1
name: dungeon
{platform}
{addons}
models:
  - name: story
    server: {{kind: container, image: "registry.example/story:1", port: 8080}}
    compute: {{cpu: 1, memory: 1Gi{gpu}}}
"""
EXISTING = "platform: {kind: existing, context: prod}"
AWS = (
    "platform: {kind: aws, region: us-east-1, access: "
    "{cidrs: [203.0.113.7/32], admins: ['arn:aws:iam::123456789012:role/platform']}}"
)
GCP = (
    "platform: {kind: gcp, project: dungeon-prod, region: europe-west4, access: "
    "{cidrs: [203.0.113.7/32], admins: ['group:platform@example.com']}}"
)
Opened = Callable[..., Workspace]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    def do(addons: str = "", platform: str = EXISTING, gpu: str = "") -> Workspace:
        text = PROJECT.format(platform=platform, addons=addons, gpu=gpu)
        (tmp_path / "project.yaml").write_text(text)
        return open_workspace(tmp_path / "project.yaml", None)

    return do


def names(blueprint: Blueprint) -> list[str]:
    assert blueprint.addons
    return [each.pin.name for each in blueprint.addons.every]


def test_every_pin_is_whole_and_comes_after_what_it_needs() -> None:
    for pin in addons.pins():
        assert pin.source.startswith(("oci://", "https://")), pin.name
        assert addons.numbers(pin.version), pin.name
        assert all(":" in image and "@" not in image for image in pin.images), pin.name
        for name, least in pin.needs.items():
            other = next(each for each in addons.pins() if each.name == name)
            assert addons.numbers(other.version) >= addons.numbers(least), f"{pin.name} needs {name} {least}"


def test_every_pin_is_for_every_kubernetes_that_a_project_may_have() -> None:
    for pin in addons.pins():
        first, last = map(addons.numbers, pin.kubernetes)
        assert first <= addons.numbers(KUBERNETES[0]), pin.name
        assert last >= addons.numbers(KUBERNETES[-1]), pin.name


def test_a_pin_before_what_it_needs_is_refused() -> None:
    document = json.loads(addons.TABLE.read_text())
    document["pins"].reverse()
    with pytest.raises(ValueError, match="before what it needs"):
        addons.parse(document)


TOOLS = {"kserve": "kserve", "keda": "keda", "keda-http": "http-add-on", "envoy-gateway": "envoy-gateway"}
CRDS = {"kserve": "kserve", "keda": "keda", "keda-http": "keda-http", "envoy-gateway": "envoy-gateway"}


@pytest.mark.parametrize("name", TOOLS)
def test_the_version_is_the_one_that_the_control_plane_of_the_tests_runs(name: str) -> None:
    """Moving a pin alone would leave it untested: the program's module and the definitions move with it."""
    pin = next(each for each in addons.pins() if each.name == name)
    module = (ROOT / "tests/cluster/tools" / TOOLS[name] / "go.mod").read_text()
    assert f" v{pin.app.removeprefix('v')}" in module
    table = (ROOT / "schemas/crds/README.md").read_text()
    row = next(line for line in table.splitlines() if line.startswith(f"| `{CRDS[name]}/`"))
    assert f"v{pin.app.removeprefix('v')} " in row


def test_in_a_cluster_that_is_there_only_what_is_written_is_installed(opened: Opened) -> None:
    assert names(opened().blueprint) == []
    found = opened("addons: {kserve: {}, keda: existing, cert_manager: {}}")
    assert names(found.blueprint) == ["cert-manager", "kserve-crd", "kserve"]


def test_on_a_cloud_what_is_needed_is_installed_unless_it_is_existing(opened: Opened) -> None:
    common = ["cert-manager", "kube-prometheus-stack", "keda", "kserve-crd", "kserve"]
    assert names(opened(platform=AWS).blueprint) == [*common, "karpenter-crd", "karpenter"]
    gpus = names(opened(platform=GCP, gpu=", gpu: L4").blueprint)
    assert gpus == [*common, "dcgm-exporter"], "GKE's nodes have a device plugin"
    assert "keda" not in names(opened("addons: {keda: existing}", platform=AWS).blueprint)


@pytest.mark.parametrize("schedule", ["", ", schedule: [{cron: '0 8 * * 1-5', for: 10h, min: 2}]"])
def test_what_wakes_a_model_is_there_wherever_its_chart_asks_for_it(schedule: str, opened: Opened) -> None:
    scale = f"}}\n    scale: {{min: 0, max: 4{schedule}"  # closes `compute`
    found = opened(platform=AWS, gpu=scale)
    [model] = json.loads(render(found.blueprint)["releases/story.json"])["models"]
    assert model["scaling"]["wake"]
    assert "keda-http" in names(found.blueprint)
    assert "http.keda.sh" in cluster.groups(found)
    assert "keda-http" not in names(opened(platform=AWS).blueprint)


GATEWAY = "gateway: {host: api.dungeon.example, dns: {zone: dungeon.example}}\n"


def test_the_gateways_definitions_are_there_before_who_asks_for_them_when_it_starts(opened: Opened) -> None:
    """cert-manager with its Gateway API on, and external-dns, end where the API server does not know its kinds."""
    found = opened(GATEWAY, platform=AWS)
    order = ["gateway-crds", "cert-manager", "kube-prometheus-stack", "external-dns", "envoy-gateway", "keda"]
    assert names(found.blueprint)[: len(order)] == order
    values = json.loads(render(found.blueprint)["addons/01-cert-manager.json"])
    assert values["config"]["enableGatewayAPI"] is True
    waited = {name for pin in addons.pins() if pin.name == "gateway-crds" for name in pin.kinds}
    assert waited == {"gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io"}


def test_definitions_of_prometheus_are_waited_for_before_the_first_release_that_has_rules() -> None:
    pin = next(each for each in addons.pins() if each.name == "kube-prometheus-stack")
    assert {each.partition(".")[0] for each in pin.kinds} == {"podmonitors", "prometheusrules", "alertmanagerconfigs"}


def test_external_dns_is_who_terraform_lets_in_and_writes_names_of_our_gateway_alone(opened: Opened) -> None:
    found = opened(GATEWAY, platform=AWS)
    tree = render(found.blueprint)
    values = json.loads(tree["addons/03-external-dns.json"])
    pin = next(each for each in addons.pins() if each.name == "external-dns")
    variables = (ROOT / "infra/aws/dns/variables.tf").read_text()
    assert f'namespace = optional(string, "{pin.namespace}")' in variables
    assert f'name      = optional(string, "{values["serviceAccount"]["name"]}")' in variables
    assert values["provider"] == {"name": "aws"}
    assert (values["sources"], values["gatewayNamespace"]) == (["gateway-httproute"], "workaday-system")
    assert values["extraArgs"] == {"gateway-name": "workaday", "aws-zone-type": "public"}
    assert (values["domainFilters"], values["policy"]) == (["dungeon.example"], "sync")
    assert (values["registry"], values["txtOwnerId"]) == ("txt", found.blueprint.cloud.name)
    # the role may write names that end in the gateway's: so does the record that says whose the name is
    record = values["txtPrefix"].replace("%{record_type}", "a") + "api.dungeon.example"
    assert record.endswith(".api.dungeon.example")
    assert "registry.k8s.io/external-dns/external-dns:v0.21.0\n" in tree["images.txt"].decode()


def test_external_dns_is_there_only_where_terraform_does_not_write_the_name(opened: Opened) -> None:
    assert "external-dns" not in names(opened(GATEWAY, platform=GCP).blueprint)
    assert "external-dns" not in names(opened(f"{GATEWAY}addons: {{dns: existing}}", platform=AWS).blueprint)
    assert "external-dns" not in names(opened("gateway: {host: api.dungeon.example}", platform=AWS).blueprint)


def test_doctor_knows_who_brings_what_a_project_needs(opened: Opened) -> None:
    needed = cluster.groups(opened(GATEWAY, platform=AWS))
    assert "externaldns.k8s.io" in needed
    assert needed <= set(cluster.BRINGERS)
    assert "externaldns.k8s.io" not in cluster.groups(opened(GATEWAY, platform=GCP))


@pytest.mark.parametrize("addon", ["dns", "karpenter"])
def test_what_needs_a_role_of_terraforms_is_refused_without_it(addon: str, opened: Opened) -> None:
    with pytest.raises(ProjectError) as caught:
        opened(f"addons: {{{addon}: {{}}}}")
    [found] = caught.value.diagnostics
    assert (found.code, found.path) == ("C804", ("addons", addon))


def test_a_version_moves_definitions_too_and_forgets_the_digest(opened: Opened) -> None:
    found = opened("addons: {kserve: {version: 0.21.0}}").blueprint.addons
    assert found
    assert {each.pin.version for each in found.every} == {"v0.21.0"}
    assert all(not each.pinned and each.pin.sha256 is None for each in found.every)
    assert "docker.io/kserve/kserve-controller:v0.21.0" in found.every[1].pin.images


def test_the_tree_stands_alone(opened: Opened) -> None:
    workspace = opened("addons: {kserve: {}, keda: {}, cert_manager: {}, gateway: {}, metrics: {retention: 30d}}")
    tree = render(workspace.blueprint)
    page = tree["README.md"].decode()
    assert "helm upgrade --install kserve oci://ghcr.io/kserve/charts/kserve-resources --version v0.20.0" in page
    assert "helm upgrade --install keda keda --repo https://kedacore.github.io/charts --version 2.20.2" in page
    assert page.index("install cert-manager") < page.index("install kserve ") < page.index("install story")
    spec = json.loads(tree["addons/02-kube-prometheus-stack.json"])["prometheus"]["prometheusSpec"]
    assert spec["retention"] == "30d"
    assert "ghcr.io/kedacore/keda:2.20.2\n" in tree["images.txt"].decode()
    write(workspace.tree, tree)
    assert [each.name for each in wanted_of(workspace.tree)] == names(workspace.blueprint)


def test_with_a_mirror_charts_and_images_come_from_there(opened: Opened) -> None:
    registry = "registry: {prefix: registry.example/team, mirror: registry.example/mirror, pull_secret: mirror}"
    tree = render(opened(f"addons: {{kserve: {{}}, keda: {{}}, gateway: {{}}}}\n{registry}").blueprint)
    order = json.loads(tree["addons/addons.json"])["addons"]
    assert {each["source"].partition("mirror/")[0] for each in order} == {"oci://registry.example/"}
    controller = json.loads(tree["addons/08-kserve.json"])["kserve"]["controller"]
    assert controller["image"] == "registry.example/mirror/docker.io/kserve/kserve-controller"
    assert controller["imagePullSecrets"] == [{"name": "mirror"}]
    pulled = [line.split()[-1] for line in tree["images.txt"].decode().splitlines() if "story" not in line]
    assert all(each.startswith("registry.example/mirror/") for each in pulled)


@pytest.mark.parametrize("code", ["C801", "C802", "C803", "C804", "C805"])
def test_the_pages_examples(code: str, opened: Opened, tmp_path: Path) -> None:
    page = codes.page(code)
    assert page
    for examples, expected in ((page.bad, {code}), (page.good, set())):
        (tmp_path / "project.yaml").write_text(examples[0].text)
        try:
            found = {each.code for each in open_workspace(tmp_path / "project.yaml", None).warnings}
        except ProjectError as error:
            found = {each.code for each in error.diagnostics}
        beside = {"C803"} if code == "C802" else set()  # a version that is not the table's is told besides
        assert (found & {"C801", "C802", "C803", "C804", "C805"}) - beside == expected


def test_values_of_charts_that_can_be_had_name_only_what_these_know(opened: Opened) -> None:
    """A key that a chart does not have would do nothing, and nobody would see it."""
    root = Path.home() / ".cache/workaday/tools"
    charts = {
        "08-kserve": "kserve-*/charts/kserve-resources",
        "04-envoy-gateway": "envoy-gateway-*/charts/gateway-helm",
    }
    tree = render(opened("addons: {kserve: {}, gateway: {}}").blueprint)
    for values, pattern in charts.items():
        for chart in root.glob(pattern):
            file = next(each for each in (chart / "values.yaml", chart / "values.tmpl.yaml") if each.exists())
            known = yaml.safe_load(file.read_text())
            assert unknown(json.loads(tree[f"addons/{values}.json"]), known) == []


def unknown(values: object, known: object, at: str = "") -> list[str]:
    """Return keys that a chart's own values do not have; below an empty map or null, everything may be."""
    if not isinstance(values, dict) or not isinstance(known, dict) or not known:
        return []
    found = [f"{at}.{key}" for key in values if key not in known]
    return found + [each for key in values if key in known for each in unknown(values[key], known[key], f"{at}.{key}")]


def test_moving_a_pin_changes_one_digest(opened: Opened) -> None:
    workspace = opened("addons: {kserve: {}, keda: {}}")
    write(workspace.tree, render(workspace.blueprint))
    before = {each.name: each.digest for each in wanted_of(workspace.tree)}
    moved = opened("addons: {kserve: {}, keda: {version: 2.20.1}}")
    write(moved.tree, render(moved.blueprint))
    after = {each.name: each.digest for each in wanted_of(moved.tree)}
    assert [name for name in before if before[name] != after[name]] == ["keda"]
    assert replace(addons.pins()[0], version="x") != addons.pins()[0]


@pytest.mark.parametrize("each", ["{existing: true, version: 0.20.0}", "{existing: true, retention: 30d}"])
def test_what_is_existing_is_left_alone(opened: Opened, each: str) -> None:
    name = "metrics" if "retention" in each else "kserve"
    with pytest.raises(ProjectError) as refused:
        opened(f"addons: {{{name}: {each}}}")
    [found] = refused.value.diagnostics
    assert (found.code, found.path[:2], len(found.path)) == ("P207", ("addons", name), 3)


def test_a_folder_of_charts_that_is_there_is_fine(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "charts").mkdir()
    assert opened("addons: {keda: {}, charts: charts}").warnings == ()


def test_an_addon_and_its_definitions_are_told_of_once(opened: Opened) -> None:
    with pytest.raises(ProjectError) as refused:
        opened("addons: {kserve: {}}", platform='platform: {kind: existing, context: a, kubernetes: "1.31"}')
    assert [each.code for each in refused.value.diagnostics] == ["C801"]


@pytest.mark.parametrize("key", ["prefix", "mirror"])
@pytest.mark.parametrize(
    ("name", "codes"), [("a.example/b:1", ["P206"]), ("a.example:5000/b", []), ("a.example:5000", [])]
)
def test_what_stands_before_an_images_name_has_no_tag(opened: Opened, key: str, name: str, codes: list[str]) -> None:
    registry = (
        f"registry: {{prefix: a.example/c, mirror: {name}}}" if key == "mirror" else f"registry: {{prefix: {name}}}"
    )
    try:
        opened(registry)
        found = []
    except ProjectError as error:
        found = [each.code for each in error.diagnostics]
    assert found == codes


def test_a_version_that_nobody_wrote_is_not_told(opened: Opened) -> None:
    with pytest.raises(ProjectError) as refused:
        opened("addons: {kserve: {}, keda: {version: 2.10.0}}")
    messages = [each.message for each in refused.value.diagnostics if each.code == "C802"]
    assert messages == ["KServe needs KEDA 2.18 or later, and that is 2.10.0"]


def test_a_retention_without_a_unit_is_one_of_days(opened: Opened) -> None:
    with pytest.raises(ProjectError) as refused:
        opened("addons: {metrics: {retention: 30}}")
    assert [(each.code, each.label) for each in refused.value.diagnostics] == [("P206", "did you mean `30d`?")]
