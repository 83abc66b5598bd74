"""Render the local platform: a Terraform root of built-in resources, and each server process's configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from workaday.blueprint.model import Blueprint, Model, Process
from workaday.layout import state_dir, tree_dir
from workaday.render.origins import ORIGINS, Origins, OriginsBuilder, json_pointer
from workaday.render.readme import README, readme
from workaday.render.stock import Stock
from workaday.resources import package

SERVER_CONFIG_VERSION = 1
CLUSTER = "terraform/cluster"
RESOURCES = "module.local.terraform_data"


def files(blueprint: Blueprint, stock: Stock) -> dict[str, bytes]:
    """Return the tree of a local project, by path relative to `deploy/<stage>`."""
    tree = {config_path(process): as_json(server_config(blueprint, process)) for process in blueprint.processes}
    tree |= {f"terraform/modules/local/{name}": content for name, content in stock.module("local").items()}
    tree["terraform/modules/local/process.py"] = (package() / "execute" / "process.py").read_bytes()
    tree[f"{CLUSTER}/main.tf"] = stock.fill(
        "terraform/local/cluster/main.tf.j2", state_dir=from_tree(blueprint, CLUSTER, state_dir(blueprint.stage))
    )
    tree[f"{CLUSTER}/workaday.auto.tfvars.json"] = as_json(tfvars(blueprint))
    tree[ORIGINS] = origins(blueprint).to_bytes()
    tree[README] = readme(
        blueprint,
        stock,
        [
            ("local/", "the configuration of each server process"),
            (f"{CLUSTER}/", "the Terraform root that starts and stops them"),
            ("terraform/modules/local/", "the module behind it"),
        ],
        [f"cd {CLUSTER}", "terraform init", "terraform apply -var python=/path/to/a/python/with/workaday-server"],
    )
    return tree


def origins(blueprint: Blueprint) -> Origins:
    """Return where each resource, and each part of a server's configuration, comes from in project.yaml."""
    table = OriginsBuilder()
    keys = {model.name: ("models", index) for index, model in enumerate(blueprint.models)}
    table.add(CLUSTER, "", ("platform",))
    for name, key in keys.items():
        table.add(CLUSTER, f'{RESOURCES}.model["{name}"]', key)
    for pipeline in blueprint.pipelines:
        table.add(CLUSTER, f'{RESOURCES}.model["{pipeline.model.name}"]', ("pipelines", pipeline.index))
    for process in blueprint.processes:
        table.add(config_path(process), "", ("platform",))
        for position, model in enumerate(blueprint.models_of(process.name)):
            key = keys[model.name]
            table.add(config_path(process), json_pointer("models", position), key)
            if model.requirements:  # a server and an environment of its own
                table.add(CLUSTER, f'{RESOURCES}.server["{process.name}"]', key)
                table.add(CLUSTER, f'{RESOURCES}.layer["{process.environment}"]', (*key, "server", "requirements"))
    return table.build()


def config_path(process: Process) -> str:
    """Return where a process's configuration lies in the tree."""
    return f"local/{process.name}.json"


def from_tree(blueprint: Blueprint, folder: str, target: str) -> str:
    """Return the path of a project file as seen from a folder of the tree."""
    depth = len(PurePosixPath(tree_dir(blueprint.stage), folder).parts)
    return str(PurePosixPath(*[".."] * depth, target))


def server_config(blueprint: Blueprint, process: Process) -> dict[str, Any]:
    """Return what the model server reads (schemas/server.schema.json), its paths relative to the file itself."""

    def seen(path: str | None) -> str | None:
        return path if path is None else from_tree(blueprint, "local", path)

    return {
        "version": SERVER_CONFIG_VERSION,
        "host": process.host,
        "port": process.port,
        "grpc_port": process.grpc_port,
        "state_file": seen(f"{state_dir(blueprint.stage)}/run/{process.name}/state.json"),
        "drain_seconds": process.drain_seconds,
        "models": [server_entry(model, seen) for model in blueprint.models_of(process.name)],
        **pipelines_of(blueprint, process),
    }


def pipelines_of(blueprint: Blueprint, process: Process) -> dict[str, Any]:
    """Return what a server's configuration says of its pipelines: nothing where it has none."""
    if not blueprint.pipelines:
        return {}
    from workaday.blueprint.pipelines import server_entry as pipeline_entry

    here = [pipeline_entry(each) for each in blueprint.pipelines if each.model.process == process.name]
    return {"pipelines": here} if here else {}


def server_entry(model: Model, seen: Callable[[str | None], str | None]) -> dict[str, Any]:
    """Return what a server's configuration says of one model, its files by the paths that the server sees."""
    return {
        "name": model.name,
        "revision": model.revision,
        "predictor": seen(model.predictor),
        "class": model.class_name,
        "config": dict(model.config),
        "weights": seen(model.weights),
        "env": dict(model.env),
        "limits": {
            "concurrency": model.limits.concurrency,
            "queue": model.limits.queue,
            "timeout_seconds": model.limits.timeout_seconds,
            "body_bytes": model.limits.body_bytes,
        },
        "batching": model.batching
        and {"max_size": model.batching.max_size, "max_wait_seconds": model.batching.max_wait_seconds},
        **({"generation": asdict(model.generation)} if model.generation else {}),
        "route": model.route,
    }


def tfvars(blueprint: Blueprint) -> dict[str, Any]:
    """Return the root's variables: see infra/local/variables.tf."""

    def seen(path: str | None) -> str | None:
        return path if path is None else from_tree(blueprint, CLUSTER, path)

    return {
        "environments": {
            each.name: {"fingerprint": each.fingerprint, "requirements": seen(each.requirements)}
            for each in blueprint.environments
        },
        "processes": {
            each.name: {
                "config": f"../../{config_path(each)}",
                "environment": each.environment,
                "fingerprint": each.fingerprint,
            }
            for each in blueprint.processes
        },
        "models": {
            each.name: {
                "process": each.process,
                "revision": each.revision,
                "timeout_seconds": each.load_timeout_seconds,
            }
            for each in blueprint.callable
            if not each.paused
        },
    }


def as_json(value: object) -> bytes:
    """Return JSON as the tree has it: two spaces, keys in the order given, a final newline."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
