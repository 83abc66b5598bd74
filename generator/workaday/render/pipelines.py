"""Render a pipeline's release: the chart of a model, whose server has a pipeline instead of models, or beside them."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlsplit

from workaday.blueprint.model import Blueprint
from workaday.blueprint.pipelines import Pipeline, server_entry
from workaday.blueprint.serving import GATEWAY, IMAGE_ROOT, WEIGHTS
from workaday.render import local
from workaday.render.origins import OriginsBuilder

# a key of a release's values → the key of the pipeline that it comes from
PARTS = {
    "config": ("steps",),
    "image": ("image",),
    "resources": ("compute",),
    "scaling": ("scale",),
    "ending": ("limits", "timeout"),
    "route": ("route",),
}


def graph(blueprint: Blueprint, pipeline: Pipeline) -> dict[str, Any]:
    """Return the values of a pipeline that KServe's router runs."""
    assert pipeline.serving is not None
    assert pipeline.graph is not None
    route, scale = pipeline.serving.route, pipeline.model.scale
    timeout = math.ceil(pipeline.model.limits.timeout_seconds)
    shown: dict[str, Any] = {"enabled": False}
    if route is not None:
        gateway = {"name": GATEWAY[0], "namespace": GATEWAY[1]}
        path, late = pipeline.model.route, route.timeout_seconds
        shown = {"enabled": True, "gateway": gateway, "host": route.host, "path": path, "timeout": late}
    served = {
        "name": pipeline.model.name,
        "project": blueprint.name,
        "type": pipeline.graph.kind,
        "replicas": {"min": scale.min, "max": scale.max},
        "timeout": timeout,
        "steps": [
            {"name": step.name, "url": step.url, "data": data}
            for step, data in zip(pipeline.steps, pipeline.graph.data, strict=True)
        ],
        "route": shown,
    }
    return {"models": [], "graphs": [served]}


def release(blueprint: Blueprint, pipeline: Pipeline, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a pipeline's release, from those of a model without models."""
    if pipeline.graph is not None:
        return graph(blueprint, pipeline)
    account = next((each.name for each in pipeline.held if weights_of(blueprint, each.name)), None)
    served = values | {
        "config": config(blueprint, pipeline),
        "serviceAccount": {"create": True, "name": account},
        "network": values["network"] | {"services": services(blueprint, pipeline)},
    }
    return {"models": [served]}


def config(blueprint: Blueprint, pipeline: Pipeline) -> dict[str, Any]:
    """Return what the server reads (schemas/server.schema.json)."""
    assert pipeline.serving is not None
    container, ending = pipeline.serving.container, pipeline.serving.ending

    def seen(path: str | None) -> str | None:
        return path and f"{IMAGE_ROOT}/{path}"

    models = [
        local.server_entry(each, seen) | {"weights": WEIGHTS if weights_of(blueprint, each.name) else None}
        for each in pipeline.held
    ]
    return {
        "version": local.SERVER_CONFIG_VERSION,
        "host": "0.0.0.0",
        "port": container.port,
        "grpc_port": None,
        "state_file": None,
        "drain_seconds": float(ending.drain),
        "models": models,
        "pipelines": [server_entry(pipeline)],
    }


def weights_of(blueprint: Blueprint, model: str) -> str | None:
    """Return where a cluster finds a model's weights."""
    return next((each.weights for each in blueprint.serving if each.model == model), None)


def services(blueprint: Blueprint, pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return the pods that its steps call: by the name that their Service and their label have, and their port."""
    ports = {each.model: each.container.port for each in blueprint.serving}
    ports |= {each.model.name: each.serving.container.port for each in blueprint.pipelines if each.serving}
    hosts = [urlsplit(each.url).hostname or "" for each in pipeline.steps if each.url]
    names = dict.fromkeys(host.partition(".")[0].removesuffix("-predictor") for host in hosts)
    return [{"name": name, "port": ports[name]} for name in names]


def add_origins(table: OriginsBuilder, pipeline: Pipeline, path: str) -> None:
    """Say where a release, and each part of its values, comes from in project.yaml."""
    key = ("pipelines", pipeline.index)
    table.add(path, "", key)
    for part, of in PARTS.items():
        table.add(path, f"/models/0/{part}", (*key, *of))
