"""Look at what really runs: Terraform's state cannot see a process die."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from workaday.execute import figures
from workaday.execute import process as processes
from workaday.execute.model_state import ModelState, State

if TYPE_CHECKING:
    from workaday.blueprint.model import Blueprint, Model, Process
    from workaday.execute.workspace import Folders, Workspace


@dataclass(frozen=True, kw_only=True)
class ModelStatus(ModelState):
    """What one model is doing on this machine: its one replica is in a process, which stands for a node.

    Attributes:
        seconds: how long loading took, or has taken so far.
        memory_bytes: what loading it added to its process.
        pid: its server process.
    """

    seconds: float | None = None
    memory_bytes: int | None = None
    pid: int | None = None


def url_of(blueprint: Blueprint, model: Model) -> str:
    """Return the address of a model's own route on the local platform."""
    process = process_of(blueprint, model)
    return f"http://{shown_host(process.host)}:{process.port}{model.route}"


def live_url(workspace: Workspace, model: Model) -> str | None:
    """Return where a model's living server listens, which the project file may have left behind; None without one."""
    live = processes.live_state(workspace.run_dir(model.process))
    return f"{address_of(live)}{model.route}" if "port" in live else None


def address_of(live: Mapping[str, Any]) -> str:
    """Return where a living server listens, as its state says."""
    return f"http://{shown_host(live['host'])}:{live['port']}"


def shown_host(host: str) -> str:
    """Return a host that a client on this machine can connect to."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def curl_line(workspace: Workspace, model: Model) -> str:
    """Return a shell command that asks a model for one prediction, with the predictor's own example.

    A file is named as seen from the current folder, which may not be the project's.
    """
    import os
    import shlex

    url = url_of(workspace.blueprint, model)
    example = model.example
    if isinstance(example, str) and example.startswith("@"):
        file = os.path.relpath((workspace.root / model.predictor).parent / example[1:])
        kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
        return f"curl -s {url} -H 'content-type: {kind}' --data-binary @{shlex.quote(file)}"
    body = json.dumps({} if example is None else example, ensure_ascii=False)
    return f"curl -s {url} -H 'content-type: application/json' -d {shlex.quote(body)}"


def process_of(blueprint: Blueprint, model: Model) -> Process:
    """Return the process that serves a model."""
    return next(process for process in blueprint.processes if process.name == model.process)


def statuses(workspace: Workspace) -> list[ModelStatus]:
    """Return what each model is doing now, in the project's order; each process is asked once for its figures."""
    latencies: dict[str, float] = {}
    for process in workspace.blueprint.processes:
        live = processes.live_state(workspace.run_dir(process.name))
        if "port" in live:
            latencies |= figures.p99_by_model(figures.page(address_of(live)))
    found = [model_status(workspace, model) for model in workspace.blueprint.callable]
    return [replace(each, p99_seconds=latencies.get(each.name)) for each in found]


def model_status(workspace: Workspace, model: Model) -> ModelStatus:
    """Return what one model is doing now, as its server's state file says."""
    live = processes.live_state(workspace.run_dir(model.process))
    seen: dict[str, Any] = live.get("models", {}).get(model.name, {})
    if model.paused and not seen:
        return ModelStatus(name=model.name, state="paused")
    state: State = seen.get("state", "loading" if live else "stopped")
    if state == "ready" and seen.get("revision") != model.revision:
        state = "outdated"
    ready = state in ("ready", "outdated")
    return ModelStatus(
        name=model.name,
        state=state,
        ready=int(ready),
        wanted=int(bool(live)),
        nodes={f"local/{model.process}": 1} if ready else {},
        revision=seen.get("revision"),
        seconds=seen.get("seconds"),
        memory_bytes=seen.get("memory_bytes"),
        url=live_url(workspace, model),
        pid=live.get("pid"),
        error=seen.get("error"),
    )


def dead_resources(workspace: Workspace) -> tuple[str, ...]:
    """Return the addresses of resources that Terraform believes in and that are dead: to be replaced.

    A server in a run folder that no live process holds is dead; so is a model that its live server has not loaded.
    """
    from workaday.render.local import config_path

    dead: list[str] = []
    for process in workspace.blueprint.processes:
        run = workspace.run_dir(process.name)
        live = processes.live_state(run)
        if not live or not processes.reads_from(run, workspace.tree / config_path(process)):
            dead.append(address("server", process.name))
            continue
        loaded = live.get("models", {})
        dead += [
            address("model", model.name)
            for model in workspace.blueprint.models_of(process.name)
            if loaded.get(model.name, {}).get("state") == "failed"
        ]
    known = resources_in_state(workspace)
    return tuple(each for each in dead if each in known)


def address(resource: str, key: str) -> str:
    """Return Terraform's address of a local resource."""
    return f'module.local.terraform_data.{resource}["{key}"]'


def resources_in_state(folders: Folders) -> frozenset[str]:
    """Return the addresses in Terraform's local state file; tainted ones, which Terraform replaces anyway, included."""
    try:
        state = json.loads(folders.terraform_state.read_text())
    except (OSError, ValueError):
        return frozenset()
    if not isinstance(state, dict):
        return frozenset()
    return frozenset(
        address(resource["name"], instance["index_key"])
        for resource in state.get("resources", ())
        for instance in resource.get("instances", ())
        if "index_key" in instance
    )


def stop_leftovers(folders: Folders) -> None:
    """Stop every server whose lock is under this environment's run folder, whoever started it."""
    for run in sorted((folders.state / "run").glob("*")):
        processes.stop(run)
