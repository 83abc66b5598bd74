"""`plan`, `apply` and `destroy` as people see them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from workaday.cli.output import answer_json, confirmed, note, say, seconds, size, table
from workaday.cli.run import Exit
from workaday.cli.tree import show_warnings

if TYPE_CHECKING:
    from workaday.execute.deploy import Planned
    from workaday.execute.terraform import Event, ResourceChange
    from workaday.execute.workspace import Workspace

# What a person calls what Terraform does to the local platform's resources.
WORDS = {
    "base": {"create": "prepare", "replace": "prepare anew", "delete": "remove", "update": "note"},
    "layer": {"create": "install", "replace": "install anew", "delete": "remove", "update": "note"},
    "server": {"create": "start", "replace": "restart", "delete": "stop", "update": "note"},
    "model": {"create": "load", "replace": "reload", "delete": "unload", "update": "note"},
}
NAMES = {"base": "environment", "layer": "environment", "server": "server", "model": "model"}


def plan(file: Path, stage: str | None, *, detailed: bool, as_json: bool) -> int:
    """Show and save what apply would do."""
    from workaday.execute import deploy
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    deploy.hold(workspace)
    if not as_json:
        show_warnings(workspace)
    planned = deploy.plan(workspace)
    if as_json:
        answer_json({"changes": [vars_of(change) for change in planned.changes], "dead": planned.dead})
    else:
        show(workspace, planned)
        if planned.changes:
            say("\nthe plan is saved; `workaday apply` runs it")
    return Exit.CHANGES if detailed and planned.changes else Exit.DONE


def apply(file: Path, stage: str | None, *, yes: bool, as_json: bool) -> int:
    """Run the saved plan, or make, show and confirm one where there is none that still holds."""
    from workaday.execute import deploy
    from workaday.execute.workspace import open_workspace
    from workaday.project.diagnostics import Diagnostic, ProjectError

    workspace = open_workspace(file, stage)
    deploy.hold(workspace)
    planned = deploy.saved_plan(workspace)
    shown_before = planned is not None
    if planned is None:
        planned = deploy.plan(workspace)
    if planned.changes and not shown_before and not as_json:
        show(workspace, planned)
    removes = [change for change in planned.changes if change.action == "delete"]
    if planned.changes and not yes and (removes or not shown_before) and not confirmed("apply this?"):
        why = "it removes " + ", ".join(map(title, removes)) if removes else "it was not shown before"
        raise ProjectError(
            [
                Diagnostic(
                    code="X102",
                    message=f"the plan needs a yes: {why}",
                    hints=(
                        "look at `workaday plan`, then run `workaday apply --yes`"
                        if removes
                        else "run `workaday plan`, then `workaday apply`; or `workaday apply --yes`",
                    ),
                )
            ]
        )
    if planned.changes:
        deploy.apply(workspace, Progress(workspace, planned.changes, quiet=as_json))
    else:
        deploy.forget_plan(workspace)
        say_unless(as_json, "nothing to do")
    report(workspace, as_json=as_json)
    return Exit.DONE


def destroy(file: Path, stage: str | None, *, yes: bool, as_json: bool) -> int:
    """Stop and remove everything; asks first, and without a person needs `--yes`."""
    from workaday.execute import deploy, probe
    from workaday.execute.workspace import folders_of
    from workaday.project.diagnostics import Diagnostic, ProjectError

    folders = folders_of(file, stage)
    if not folders.state.is_dir():
        from workaday.project import load

        load(file, stage)  # a mistyped file or environment must not read as "it is gone"
        if as_json:
            answer_json({"destroyed": []})
        else:
            say("nothing to destroy")
        return Exit.DONE
    deploy.hold(folders)
    running = sorted(probe.resources_in_state(folders))
    if running and not yes and not confirmed(f"stop and remove {len(running)} resources?"):
        raise ProjectError(
            [Diagnostic(code="X103", message="destroy needs a yes", hints=("run `workaday destroy --yes`",))]
        )
    deploy.destroy(folders, Progress(None, (), quiet=as_json))
    if as_json:
        answer_json({"destroyed": running})
    else:
        say("destroyed: no process, port or state is left (deploy/ keeps what was rendered)")
    return Exit.DONE


class Progress:
    """Prints a line as each resource is done, from Terraform's own messages."""

    def __init__(self, workspace: Workspace | None, changes: Sequence[ResourceChange], *, quiet: bool) -> None:
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
            return f"{label:<24} listening {took:>8}  http://{probe.shown_host(process)}:{process.port}"
        model = next(each for each in self.workspace.blueprint.models if each.name == key)
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


def title(change: ResourceChange) -> str:
    """Return what a person calls a resource."""
    return f"{NAMES.get(change.name, change.name)} {change.key or change.name}"


def detail(workspace: Workspace, change: ResourceChange) -> str:
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
        return f"http://{probe.shown_host(process)}:{process.port}"
    return next(model.predictor for model in blueprint.models if model.name == change.key)


def report(workspace: Workspace, *, as_json: bool) -> None:
    """Print where each model answers, with a command to try."""
    from workaday.execute import probe

    models = workspace.blueprint.models
    if as_json:
        answer_json([vars_of(probe.model_status(workspace, model)) for model in models])
        return
    say()
    for model in models:
        say(f"# {model.name}\n{probe.curl_line(workspace.blueprint, model)}")


def say_unless(quiet: bool, line: str) -> None:
    """Print a line for people."""
    if not quiet:
        say(line)


def vars_of(value: object) -> dict[str, object]:
    """Return a dataclass as a dict."""
    from dataclasses import asdict

    return asdict(value)  # type: ignore[call-overload, no-any-return]
