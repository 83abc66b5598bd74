"""The local platform's plan and progress as people see them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from workaday.cli.output import answer_json, note, say, seconds, size, table

if TYPE_CHECKING:
    from workaday.execute.grading import Change
    from workaday.execute.saved import Planned
    from workaday.execute.terraform import Event
    from workaday.execute.workspace import Workspace

# What a person calls what Terraform does to the local platform's resources.
WORDS = {
    "base": {"create": "prepare", "replace": "prepare anew", "delete": "remove", "update": "note"},
    "layer": {"create": "install", "replace": "install anew", "delete": "remove", "update": "note"},
    "server": {"create": "start", "replace": "restart", "delete": "stop", "update": "note"},
    "model": {"create": "load", "replace": "reload", "delete": "unload", "update": "note"},
}
NAMES = {"base": "environment", "layer": "environment", "server": "server", "model": "model"}


class Progress:
    """Prints a line as each resource is done, from Terraform's own messages."""

    def __init__(self, workspace: Workspace | None, changes: Sequence[Change], *, quiet: bool) -> None:
        self.workspace = workspace
        self.replaced = {change.address for change in changes if change.action == "replace"}
        self.quiet = quiet
        self.began: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Take one of Terraform's JSON messages."""
        hook = event.get("hook", {})
        resource = hook.get("resource", {})
        kind, key = resource.get("resource_name", ""), resource.get("resource_key") or ""
        if self.quiet or resource.get("resource_type") != "terraform_data":
            return
        label = f"{NAMES.get(kind, kind)} {key or kind}"
        match event.get("type"), hook.get("action"):
            case "apply_start", action:
                self.began[label] = time.monotonic()
                note(f"{label}: {WORDS.get(kind, {}).get(action, action)} ...")
            case "apply_complete", "create" | "update":
                say(self.done(kind, key, label))
            case "apply_complete", "delete" if resource.get("addr") not in self.replaced:
                say(f"{label:<24} {'stopped' if kind == 'server' else 'gone'}")

    def done(self, kind: str, key: str, label: str) -> str:
        """Return the line of a resource that was made."""
        from workaday.execute import probe

        took = seconds(time.monotonic() - self.began.get(label, time.monotonic()))
        if self.workspace is None or kind in ("base", "layer"):
            return f"{label:<24} prepared  {took:>8}"
        if kind == "server":
            process = next(each for each in self.workspace.blueprint.processes if each.name == key)
            return f"{label:<24} listening {took:>8}  http://{probe.shown_host(process.host)}:{process.port}"
        model = next(each for each in self.workspace.blueprint.callable if each.name == key)
        status = probe.model_status(self.workspace, model)
        return f"{label:<24} {status.state:<9} {seconds(status.seconds):>8}  {size(status.memory_bytes)}"


def show(workspace: Workspace, planned: Planned) -> None:
    """Print a plan as a table."""
    if not planned.changes:
        say("nothing to do: everything runs as project.yaml says")
        return
    dead = set(planned.dead)
    rows = [("local resource", "action", "detail")]
    for change in sorted(planned.changes, key=lambda each: (tuple(NAMES).index(each.name), each.key)):
        because = "it is not running" if change.address in dead else detail(workspace, change)
        rows.append((title(change), WORDS.get(change.name, {}).get(change.action, change.action), because))
    say(table(rows))


def title(change: Change) -> str:
    """Return what a person calls a resource."""
    return f"{NAMES.get(change.name, change.name)} {change.key or change.name}"


def detail(workspace: Workspace, change: Change) -> str:
    """Return what a plan's row says about a resource."""
    import sys

    from workaday.execute import probe
    from workaday.execute.process import has_server

    blueprint = workspace.blueprint
    if change.action == "delete":
        return ""
    if change.name == "base":
        return "this Python" if has_server(sys.executable) else "a new environment with torch (about 3 GB to download)"
    if change.name == "layer":
        return next(str(each.requirements) for each in blueprint.environments if each.name == change.key)
    if change.name == "server":
        process = next(each for each in blueprint.processes if each.name == change.key)
        return f"http://{probe.shown_host(process.host)}:{process.port}"
    return {model.name: model.predictor for model in blueprint.models}.get(change.key, "a pipeline")


def report(workspace: Workspace, *, as_json: bool) -> None:
    """Print where each model answers, with a command to try."""
    from workaday.execute import probe

    models = [each for each in workspace.blueprint.callable if not each.paused]
    if as_json:
        answer_json([asdict(each) for each in probe.statuses(workspace)])
        return
    say()
    for model in models:
        say(f"# {model.name}\n{probe.curl_line(workspace, model)}")


def more(workspace: Workspace, planned: Planned) -> dict[str, object]:
    """Return what a plan's JSON has beside the changes: nothing here."""
    return {}


def risky(changes: Sequence[Change]) -> list[str]:
    """Return what a plan takes away, and so must be agreed to: a restart is no loss."""
    return [title(change) for change in changes if change.action == "delete"]
