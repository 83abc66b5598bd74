"""Render the charts: a copy of each, and the values of one Helm release a model. JSON is YAML."""

from __future__ import annotations

from typing import Any

from workaday.blueprint.model import Blueprint, Model
from workaday.blueprint.serving import (
    CLIENT_ID,
    GATEWAY,
    IMAGE_ROOT,
    INTERCEPTOR,
    MONITORING_NAMESPACE,
    PROMETHEUS,
    PROXIES,
    SCALER,
    WEIGHTS,
    Container,
    Probe,
    Route,
    Scaling,
    Serving,
)
from workaday.render import addons, pipelines
from workaday.render.images import IMAGES, images, listing
from workaday.render.local import SERVER_CONFIG_VERSION, as_json, server_entry
from workaday.render.origins import ORIGINS, OriginsBuilder, json_pointer
from workaday.render.quantities import cores, quantity
from workaday.render.readme import README, readme
from workaday.render.shared import shared
from workaday.render.stock import Stock

CHART = "inference"
NAMESPACE = "namespace.json"
ANYWHERE, HTTPS = ("0.0.0.0/0", "::/0"), 443
# a key of a release's values → the key of the model that it comes from
PARTS = {
    "image": ("server",),
    "args": ("server",),
    "env": ("env",),
    "secrets": ("secrets",),
    "weights": ("weights",),
    "resources": ("compute",),
    "scheduling": ("pools",),
    "rollout": ("rollout",),
    "scaling": ("scale",),
    "headroom": ("scale", "headroom"),
    "ending": ("limits", "timeout"),
    "route": ("route",),
}


def files(blueprint: Blueprint, stock: Stock) -> dict[str, bytes]:
    """Return the tree of a project on a cluster that is there already, by path relative to `deploy/<stage>`."""
    tree = releases(blueprint, stock)
    table = OriginsBuilder()
    add_origins(table, blueprint)
    tree[ORIGINS] = table.build().to_bytes()
    tree[README] = readme(blueprint, stock, contents(blueprint), commands(blueprint))
    return tree


def releases(blueprint: Blueprint, stock: Stock) -> dict[str, bytes]:
    """Return the charts, the namespace and each model's values, by path relative to `deploy/<stage>`."""
    tree = {f"charts/{CHART}/{path}": content for path, content in stock.chart(CHART).items()}
    tree[NAMESPACE] = as_json(namespace(blueprint))
    tree |= addons.files(blueprint)
    for each in shared(blueprint):
        tree |= {f"charts/{each.chart}/{path}": content for path, content in stock.chart(each.chart).items()}
        tree[each.path] = as_json(each.values)
    for model, serving in zip(blueprint.models, blueprint.serving, strict=True):
        if model.name not in blueprint.held:
            tree[release_path(serving)] = as_json({"models": [values(blueprint, model, serving, model.name)]})
    for pipeline in blueprint.pipelines:
        assert pipeline.serving is not None
        found = values(blueprint, pipeline.model, pipeline.serving, pipeline.model.name)
        tree[release_path(pipeline.serving)] = as_json(pipelines.release(blueprint, pipeline, found))
    for canary in blueprint.canaries:
        found = values(blueprint, canary.model, canary.serving, canary.of)
        tree[release_path(canary.serving)] = as_json({"models": [found]})
    tree[IMAGES] = listing(images(blueprint), blueprint.mirror)
    return tree


def release_path(serving: Serving) -> str:
    """Return where a model's values lie in the tree."""
    return f"releases/{serving.release}.json"


def contents(blueprint: Blueprint) -> list[tuple[str, str]]:
    """Return what the tree has of all this, for its README."""
    beside = shared(blueprint)
    also = ", and " + ", ".join(f"`{each.release}`" for each in beside) if beside else ""
    return [
        *addons.contents(blueprint),
        (NAMESPACE, "the namespace, held to Pod Security `restricted`"),
        (f"charts/{CHART}/", "the chart of a model"),
        *((f"charts/{each.chart}/", f"the chart of {each.what}") for each in beside),
        ("releases/", f"the values of each Helm release: one a model{also}"),
        (IMAGES, "every image that the cluster pulls for all this, and where it is mirrored"),
    ]


def commands(blueprint: Blueprint) -> list[str]:
    """Return what applies the charts without Workaday."""
    wanted = [(each.release, each.chart) for each in shared(blueprint)]
    # a canary is there before its model's route sends requests to it
    wanted += [(each.serving.release, CHART) for each in blueprint.canaries]
    wanted += [(each.release, CHART) for each in blueprint.serving if each.model not in blueprint.held]
    wanted += [(each.serving.release, CHART) for each in blueprint.pipelines if each.serving]
    return [
        *addons.commands(blueprint),
        f"kubectl apply --server-side -f {NAMESPACE}",
        *(
            f"helm upgrade --install {release} charts/{chart} --namespace {blueprint.namespace}"
            f" --values releases/{release}.json{identity(blueprint, release)}"
            for release, chart in wanted
        ),
    ]


def identity(blueprint: Blueprint, release: str) -> str:
    """Return what binds a model's service account to its identity where the cloud names that when it makes it."""
    own = next((each for each in blueprint.serving if each.release == release and each.account is None), None)
    if blueprint.platform != "azure" or own is None:
        return ""
    client_id = f"$(terraform -chdir=terraform/cluster output -json client_ids | jq '.[\"{own.model}\"]')"
    return f' --set-json "models[0].serviceAccount.annotations={{\\"{CLIENT_ID}\\": {client_id}}}"'


def add_origins(table: OriginsBuilder, blueprint: Blueprint) -> None:
    """Say where each release, and each part of its values, comes from in project.yaml."""
    addons.add_origins(table, blueprint)
    table.add(NAMESPACE, "", ("namespace",))
    table.add(IMAGES, "", ("registry",))
    for each in shared(blueprint):
        for pointer, key in each.origins.items():
            table.add(each.path, pointer, key)
    for pipeline in blueprint.pipelines:
        assert pipeline.serving is not None
        pipelines.add_origins(table, pipeline, release_path(pipeline.serving))
    for index, serving in enumerate(blueprint.serving):
        if serving.model in blueprint.held:
            continue
        table.add(release_path(serving), "", ("models", index))
        for part, key in PARTS.items():
            table.add(release_path(serving), json_pointer("models", 0, part), ("models", index, *key))
    for canary in blueprint.canaries:
        table.add(release_path(canary.serving), "", ("models", canary.index, "canary"))


def namespace(blueprint: Blueprint) -> dict[str, Any]:
    """Return the namespace, which admits only pods that Pod Security calls restricted."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": blueprint.namespace,
            "labels": {
                "app.kubernetes.io/part-of": blueprint.name,
                "app.kubernetes.io/managed-by": "workaday",
                "pod-security.kubernetes.io/enforce": "restricted",
            },
        },
    }


def values(blueprint: Blueprint, model: Model, serving: Serving, called: str) -> dict[str, Any]:
    """Return what a release's values say of its model, which callers know as `called`."""
    container, ending, schedule = serving.container, serving.ending, serving.scheduling
    return {
        "name": model.name,
        "project": blueprint.name,
        "kind": model.kind,
        **container_values(container),
        "config": server_config(blueprint, model, serving, called) if model.kind == "torch" else None,
        "weights": serving.weights,
        "resources": {
            "cpu": cores(model.compute.cpu_cores),
            "memory": quantity(model.compute.memory_bytes),
            "gpus": model.compute.gpu_count,
            "gpuResource": schedule.gpu_resource,
            "shm": serving.shm_bytes and quantity(serving.shm_bytes),
        },
        "scheduling": {
            "pools": list(schedule.pools),
            "tolerations": [
                {"key": each.key, "value": each.value, "effect": each.effect} for each in schedule.tolerations
            ],
            "preferences": [
                {"label": each.label, "value": each.value, "weight": each.weight} for each in schedule.preferences
            ],
            "spread": list(schedule.spread),
        },
        "ending": {"drain": ending.drain, "server": ending.server_drains, "grace": ending.grace},
        "rollout": {"maxSurge": model.rollout.max_surge, "maxUnavailable": model.rollout.max_unavailable},
        "disruptions": serving.disruptions,
        "scaling": {"paused": model.paused, **scaling_values(serving.scaling)},
        "headroom": {"replicas": 0 if model.paused else model.scale.headroom, "image": serving.pause_image},
        "route": route_values(serving.route),
        "serviceAccount": {"create": serving.account is None, "name": serving.account},
        "workloadIdentity": serving.workload_identity,
        "network": {
            "from": list(serving.callers),
            "metadata": [{"cidr": cidr, "port": port} for cidr, port in serving.metadata_addresses],
            "to": [{"cidr": cidr, "port": HTTPS} for cidr in ANYWHERE] if serving.fetches else [],
        },
    }


def container_values(container: Container) -> dict[str, Any]:
    """Return what the values say of the container itself."""
    return {
        "image": container.image,
        "pullSecret": container.pull_secret,
        "command": list(container.command),
        "args": list(container.args),
        "port": container.port,
        "grpcPort": container.grpc_port,
        "metrics": {
            "port": container.metrics_port,
            "path": container.metrics_path or "/metrics",
            "namespace": MONITORING_NAMESPACE,
        },
        "protocol": container.protocol,
        "env": dict(container.env),
        "secrets": {name: {"secret": secret, "key": key} for name, (secret, key) in container.secrets.items()},
        "user": container.user,
        "readOnlyRoot": container.read_only,
        "probes": {
            "startup": probe_values(container.startup),
            "ready": probe_values(container.ready),
            "live": probe_values(container.live),
        },
    }


def probe_values(probe: Probe) -> dict[str, Any]:
    """Return a probe."""
    return {
        "path": probe.path,
        "period": probe.period_seconds,
        "timeout": probe.timeout_seconds,
        "failures": probe.failures,
    }


def scaling_values(scaling: Scaling) -> dict[str, Any]:
    """Return how many replicas, and what decides."""
    return {
        "min": scaling.min,
        "max": scaling.max,
        "prometheus": PROMETHEUS,
        "query": scaling.query,
        "threshold": scaling.threshold,
        "activation": scaling.activation,
        "emptyIsZero": scaling.empty_is_zero,
        "polling": scaling.polling_seconds,
        "cooldown": scaling.cooldown_seconds,
        "fallback": scaling.fallback,
        "up": {"pods": scaling.up_pods, "percent": scaling.up_percent, "period": scaling.up_period_seconds},
        "down": {
            "after": scaling.down_after_seconds,
            "pods": scaling.down_pods,
            "percent": scaling.down_percent,
            "period": scaling.down_period_seconds,
        },
        "windows": [
            {"start": each.start, "end": each.end, "timezone": each.timezone, "replicas": each.replicas}
            for each in scaling.windows
        ],
        "wake": scaling.wake
        and {
            "target": scaling.wake.target,
            "wait": scaling.wake.wait_seconds,
            "answer": scaling.wake.answer_seconds,
            "service": INTERCEPTOR.service,
            "namespace": INTERCEPTOR.namespace,
            "port": INTERCEPTOR.port,
            "scaler": SCALER,
        },
    }


def route_values(route: Route | None) -> dict[str, Any]:
    """Return the address at the gateway."""
    if route is None:
        return {"enabled": False}
    return {
        "enabled": True,
        "gateway": {"name": GATEWAY[0], "namespace": GATEWAY[1], "proxies": PROXIES},
        "host": route.host,
        "paths": list(route.paths),
        "exact": list(route.exact),
        "strip": route.strip,
        "openai": route.openai,
        "timeout": route.timeout_seconds,
        "canary": {"name": route.canary, "percent": route.percent, "shadow": route.shadow},
    }


def server_config(blueprint: Blueprint, model: Model, serving: Serving, called: str) -> dict[str, Any]:
    """Return what the model server reads in a pod (schemas/server.schema.json): as on `local`, by the image's paths."""

    def seen(path: str | None) -> str | None:
        return path and f"{IMAGE_ROOT}/{path}"

    promised = blueprint.observability and blueprint.observability.promised(called)
    here = {"name": called, "weights": WEIGHTS if serving.weights else None}
    return {
        "version": SERVER_CONFIG_VERSION,
        "host": "0.0.0.0",
        "port": serving.container.port,
        "grpc_port": serving.container.grpc_port,
        "state_file": None,
        "drain_seconds": float(serving.ending.drain),
        "models": [server_entry(model, seen) | here | ({"promise_seconds": promised} if promised else {})],
    }
