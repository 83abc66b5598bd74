"""What a project means for a model in a cluster: image, placement, end, scaling, route, each with its default."""

from __future__ import annotations

from pathlib import Path

import pytest

from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.model import Blueprint
from workaday.blueprint.resolve import resolve
from workaday.blueprint.serving import Serving, Window
from workaday.catalog.clouds import TERMS
from workaday.project import load

PLATFORMS = {
    "aws": 'aws, region: us-east-1, account: "111122223333"',
    "groups": 'aws, region: us-east-1, account: "111122223333", provisioner: node_groups',
    "gcp": "gcp, region: us-central1, project: dungeon-prod",
    "azure": "azure, region: westeurope, subscription: 00000000-0000-0000-0000-000000000000",
    "existing": "existing, context: prod",
}
POOLS = "pools:\n  - {name: gpu, accelerator: L4, nodes: {max: 9}, spot: {on_demand_base: 1}}\n"
TORCH = "server: {kind: torch, predictor: p.py}"


@pytest.fixture
def blueprint(tmp_path: Path):
    def make(model: str = "", cloud: str = "aws", pools: str = POOLS, server: str = TORCH, more: str = "") -> Blueprint:
        (tmp_path / "p.py").write_text("class Predictor:\n    def predict(self, payload):\n        return payload\n")
        text = f"version: 1\nname: dungeon\nplatform: {{kind: {PLATFORMS[cloud]}}}\n{pools}{more}"
        text += f"models:\n  - name: story\n    {server}\n" + "".join(f"    {line}\n" for line in model.splitlines())
        (tmp_path / "project.yaml").write_text(text)
        loaded = load(tmp_path / "project.yaml")
        return resolve(loaded.project, read_inputs(loaded), "default")

    return make


@pytest.fixture
def serving(blueprint):
    def make(*arguments: str, **named: str) -> Serving:
        [found] = blueprint(*arguments, **named).serving
        return found

    return make


GPU = "compute: {gpu: L4}"


@pytest.mark.parametrize(
    ("cloud", "prefix"),
    [
        ("aws", "111122223333.dkr.ecr.us-east-1.amazonaws.com/dungeon/story:"),
        ("gcp", "us-central1-docker.pkg.dev/dungeon-prod/dungeon/story:"),
        ("azure", "dungeon"),
    ],
)
def test_an_image_is_named_after_the_code_in_it_alone(serving, tmp_path, cloud, prefix):
    image = serving(cloud=cloud).container.image
    assert image.startswith(prefix)
    assert serving("limits: {timeout: 5s}", cloud=cloud).container.image == image
    (tmp_path / "q.py").write_text("class Predictor:\n    pass\n")
    other = serving(cloud=cloud, server="server: {kind: torch, predictor: q.py}").container.image
    assert other != image
    assert other.rpartition(":")[0] == image.rpartition(":")[0]


def test_a_registry_and_an_image_that_are_written_are_taken(serving):
    more = "registry: {prefix: ghcr.io/team, pull_secret: pull}\n"
    assert serving(more=more).container.image.startswith("ghcr.io/team/story:")
    assert serving(more=more).container.pull_secret == "pull"
    own = serving(more=more, server="server: {kind: torch, predictor: p.py, image: ghcr.io/own:1}").container
    assert own.image == "ghcr.io/own:1"


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_on_spot_nodes_a_pod_ends_within_the_notice(serving, cloud):
    pools = POOLS.replace("L4", "T4")  # each of the clouds has it
    spot = serving("compute: {gpu: T4}", cloud=cloud, pools=pools)
    assert spot.ending.grace <= TERMS[cloud].usable_notice_seconds
    assert 0 < spot.ending.drain < spot.ending.grace
    pools = pools.replace(", spot: {on_demand_base: 1}", "")
    on_demand = serving("compute: {gpu: T4}\nlimits: {timeout: 10m}", cloud=cloud, pools=pools)
    assert on_demand.ending.grace >= 600 + on_demand.ending.drain


def test_a_short_request_needs_no_more_than_its_time(serving):
    assert serving("compute: {gpu: L4}\nlimits: {timeout: 10s}").ending.grace == 15 + 10 + 5


def test_replicas_prefer_what_is_paid_for_and_cheap_and_stand_its_taints(serving):
    found = serving(GPU, cloud="groups").scheduling
    assert found.pools == ("gpu",)
    assert [(each.value, each.weight) for each in found.preferences] == [("spot", 80)]
    assert [(each.key, each.value) for each in found.tolerations] == [
        ("nvidia.com/gpu", None),
        ("workaday.dev/capacity", "spot"),
    ]
    assert "workaday.dev/capacity" in found.spread
    reserved = serving(
        GPU,
        cloud="groups",
        pools="pools:\n  - {name: gpu, accelerator: L4, nodes: {max: 9}, spot: true, reservation: cr-1}\n",
    )
    assert [each.value for each in reserved.scheduling.preferences] == ["reserved", "spot"]


def test_where_karpenter_rents_only_its_node_pools_say_how(serving, blueprint):
    found = serving(GPU).scheduling
    assert (found.preferences, "workaday.dev/capacity" in found.spread) == ((), False)
    rented = {each.name: each for each in blueprint(GPU).cloud.node_pools}
    assert {name: (each.capacity, each.weight, each.limits) for name, each in rented.items()} == {
        "gpu-base": ("on-demand", 60, {"nodes": 1, "nvidia.com/gpu": 1}),
        "gpu-spot": ("spot", 50, {"nodes": 8, "nvidia.com/gpu": 8}),
        "gpu-on-demand": ("on-demand", 10, {"nodes": 8, "nvidia.com/gpu": 8}),
    }
    assert rented["gpu-spot"].instances[0] == "g6.xlarge"
    assert [each.key for each in rented["gpu-spot"].taints] == ["nvidia.com/gpu", "workaday.dev/capacity"]
    assert [each.key for each in rented["gpu-base"].taints] == ["nvidia.com/gpu"]
    assert blueprint(GPU, cloud="groups").cloud.node_pools == ()


@pytest.mark.parametrize(
    ("pool", "parts"),
    [
        ("nodes: {max: 3}", ["on-demand"]),
        ("nodes: {max: 3}, spot: {on_demand_base: 3}", ["base"]),
        ("nodes: {max: 3}, spot: {fallback: none}", ["spot"]),
        ("nodes: {max: 3}, reservation: cr-1", ["reserved"]),
        ("nodes: {max: 3}, reservation: cr-1, spot: true", ["reserved", "spot", "on-demand"]),
    ],
)
def test_each_way_to_rent_is_a_node_pool_and_what_is_paid_for_comes_first(blueprint, pool, parts):
    found = blueprint(GPU, pools=f"pools:\n  - {{name: gpu, accelerator: L4, {pool}}}\n").cloud.node_pools
    assert [each.name for each in found] == [f"gpu-{part}" for part in parts]
    assert [each.weight for each in found] == sorted((each.weight for each in found), reverse=True)
    assert all(each.limits["nodes"] <= 3 for each in found)


def test_earlier_pools_are_preferred(serving):
    pools = POOLS + "  - {name: big, accelerator: A10G, nodes: {max: 2}}\n"
    found = serving("compute: {gpu: 1}\npools: [big, gpu]", pools=pools).scheduling
    assert found.pools == ("big", "gpu")
    assert ("workaday.dev/pool", "big", 40) in [(each.label, each.value, each.weight) for each in found.preferences]


def test_a_cluster_that_is_there_is_asked_for_no_labels_that_nobody_wrote(serving):
    assert serving(GPU, cloud="existing", pools="").scheduling.pools == ()
    assert serving(GPU, cloud="existing").scheduling.pools == ("gpu",)


def test_parts_of_a_gpu_have_their_own_name_where_the_device_plugin_gives_them_one(serving):
    pools = "pools:\n  - {name: gpu, accelerator: {type: A100, share: mig, partition: 1g.10gb}, nodes: {max: 2}}\n"
    model = "compute: {gpu: {count: 1, memory: 8Gi}}\npools: [gpu]"
    assert serving(model, cloud="existing", pools=pools).scheduling.gpu_resource == "nvidia.com/mig-1g.10gb"
    assert serving(model, cloud="gcp", pools=pools).scheduling.gpu_resource == "nvidia.com/gpu"


def test_in_flight_is_asked_as_a_total_over_the_window(serving):
    found = serving("scale: {min: 2, max: 9, target: 3, window: 30s}").scaling
    assert found.query == (
        'sum(avg_over_time(workaday_in_flight{namespace="dungeon",pod=~"story-predictor-[a-z0-9]+-[a-z0-9]{5}"}[30s]))'
    )
    assert (found.threshold, found.fallback, found.empty_is_zero) == (3.0, 2, False)


def test_a_latency_is_turned_into_a_total_of_which_a_replica_carries_one(serving):
    found = serving("scale: {max: 9, metric: latency, target: 500ms}").scaling
    assert found.threshold == 1.0
    assert found.query
    assert " / 0.5 * count(workaday_in_flight{" in found.query


@pytest.mark.parametrize(
    ("slo", "target", "because"),
    [
        ("slo: {p95: 2s, p99: 4s}", 1.6, "`slo.p95`"),
        ("slo: {p99: 500ms}", 0.4, "`slo.p99`"),
        ("", 15, "`limits.timeout`"),
    ],
)
def test_replicas_are_added_before_a_promise_is_broken(blueprint, slo, target, because):
    found = blueprint(f"scale: {{max: 9, metric: latency}}\n{slo}")
    assert found.models[0].scale.target == target
    assert because in found.values["models", 0, "scale", "target"].because


def test_cpu_has_no_query_and_so_no_fallback(serving):
    found = serving("scale: {max: 9, metric: cpu}").scaling
    assert (found.query, found.fallback, found.threshold) == (None, None, 60.0)


def test_a_schedule_is_a_start_and_an_end(serving):
    found = serving('scale: {max: 9, schedule: [{cron: "0 8 * * 1-5", for: 10h, min: 4}]}').scaling
    assert found.windows == (Window("0 8 * * 1-5", "0 18 * * 1-5", "Etc/UTC", 4),)


@pytest.mark.parametrize(
    ("server", "metric"),
    [
        ("server: {kind: vllm}", "in_flight"),
        ("server: {kind: triton}", "queue"),
        ("server: {kind: tensorflow}", "cpu"),
        ("server: {kind: container, image: ghcr.io/a:1}", "cpu"),
    ],
)
def test_each_kind_is_scaled_on_what_it_says(blueprint, server, metric):
    found = blueprint('weights: {uri: "s3://a/b"}', server=server)
    assert found.models[0].scale.metric == metric
    assert (found.serving[0].scaling.query is None) == (metric == "cpu")
    assert found.values["models", 0, "scale", "metric"].because


def test_arguments_of_the_file_take_the_place_of_ours(serving):
    server = "server: {kind: vllm, args: {port: 8080, quantization: awq, enforce-eager: true}}"
    found = serving('weights: {uri: "hf://org/model"}', server=server).container
    assert not serving('weights: {uri: "hf://org/model"}', server=server).fetches
    assert serving(server="server: {kind: vllm, args: {model: org/name}}").fetches, (
        "the hub is asked by the server itself"
    )
    assert found.args == (
        "--model=/mnt/models", "--served-model-name=story", "--port=8080", "--quantization=awq", "--enforce-eager=true",
    )  # fmt: skip


def test_weights_that_are_only_here_are_read_from_our_own_bucket(serving, blueprint):
    local = "weights: {local: p.py}"
    bucket = blueprint(local).cloud.weights_bucket
    assert serving(local).weights == f"s3://{bucket}/story"
    assert serving(local, cloud="gcp").weights.startswith("gs://")
    assert serving(local, cloud="azure").weights.endswith(".blob.core.windows.net/weights/story")


def test_a_route_needs_a_gateway(serving):
    assert serving().route is None
    route = serving("limits: {timeout: 30s}", more="gateway: {host: api.dungeon.example}\n").route
    assert route
    assert (route.host, route.strip, route.timeout_seconds) == ("api.dungeon.example", False, 35)
    assert route.paths == ("/story", "/v2/models/story")
    other = serving(server="server: {kind: container, image: ghcr.io/a:1}", more="gateway: {host: a.example}\n").route
    assert other
    assert other.strip


CANARY = "canary: {percent: 25, overrides: {config: {a: 2}, env: {B: c}}}"


def test_a_canary_is_the_model_as_its_overrides_make_it(blueprint):
    found = blueprint(f"config: {{a: 1, z: 0}}\nscale: {{min: 2, max: 9, headroom: 1}}\n{CANARY}")
    [canary] = found.canaries
    assert (canary.of, canary.model.name, canary.serving.release) == ("story", "story-canary", "story-canary")
    assert canary.model.config == {"a": 2, "z": 0}
    assert canary.model.env == {"B": "c"}
    assert (canary.model.scale.min, canary.model.scale.max, canary.model.scale.headroom) == (1, 3, 0)
    assert canary.model.revision != found.models[0].revision
    assert canary.serving.container.image == found.serving[0].container.image, "the same code"
    assert canary.serving.account == "story"
    assert "story-canary-predictor-" in canary.serving.scaling.query


def test_the_models_route_knows_its_canary_and_no_other(blueprint):
    found = blueprint(CANARY, more="gateway: {host: api.dungeon.example}\n")
    route = found.serving[0].route
    assert (route.canary, route.percent, route.shadow) == ("story-canary", 25, False)
    assert found.canaries[0].serving.route is None
    assert found.canaries[0].serving.callers == ("envoy-gateway-system",)
    shadow = blueprint("canary: {shadow: true, overrides: {env: {B: c}}}", more="gateway: {host: a.example}\n")
    assert (shadow.serving[0].route.percent, shadow.serving[0].route.shadow) == (100, True)


def test_a_canarys_own_code_is_another_image(blueprint, tmp_path):
    (tmp_path / "q.py").write_text("class Predictor:\n    def predict(self, payload):\n        return 2\n")
    found = blueprint("canary: {overrides: {server: {kind: torch, predictor: q.py}}}")
    image, other = found.serving[0].container.image, found.canaries[0].serving.container.image
    assert image != other
    assert image.rpartition(":")[0] == other.rpartition(":")[0]
