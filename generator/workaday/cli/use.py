"""`status`, `logs` and `predict`: what runs, and asking it something."""

from __future__ import annotations

import json
import mimetypes
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday.cli.output import answer_json, latency, say, table
from workaday.cli.run import Exit

if TYPE_CHECKING:
    from workaday.blueprint.model import Model
    from workaday.execute.model_state import ModelState
    from workaday.execute.workspace import Workspace

WATCH_SECONDS = 2.0


def status(file: Path, stage: str | None, *, watch: bool = False, as_json: bool) -> int:
    """Print each model's state; with `watch` again whenever it changes, until interrupted."""
    from workaday.execute.model_state import states_of
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    if not watch:
        show_state(workspace, as_json=as_json)
        return Exit.DONE
    last = None
    while True:
        found = states_of(workspace)
        if found != last:
            print_state(found, as_json=as_json, anew=sys.stdout.isatty())
        last = found
        time.sleep(WATCH_SECONDS)


def show_state(workspace: Workspace, *, as_json: bool) -> None:
    """Print each model's state."""
    from workaday.execute.model_state import states_of

    print_state(states_of(workspace), as_json=as_json)


def print_state(found: Sequence[ModelState], *, as_json: bool, anew: bool = False) -> None:
    """Print models' states: as one JSON list, or as a table with what stands in their way below it.

    Args:
        found: the models.
        as_json: one document for a program.
        anew: on an empty screen.
    """
    from dataclasses import asdict

    if as_json:
        answer_json([asdict(each) for each in found])
        return
    rows = [("model", "state", "ready", "nodes", "revision", "p99", "url")]
    for each in found:
        nodes = ", ".join(f"{count} {kind}" for kind, count in sorted(each.nodes.items())) or "-"
        count = f"{each.ready}/{each.wanted}"
        rows.append(
            (each.name, each.state, count, nodes, each.revision or "-", latency(each.p99_seconds), each.url or "-")
        )
    lines = [table(rows), *(f"{each.name}: {each.error}" for each in found if each.error)]
    say(("\033[H\033[2J" if anew else "") + "\n".join(lines))


def logs(name: str, file: Path, stage: str | None, *, lines: int) -> int:
    """Print the end of a server's log."""
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    model = find_model(workspace, name)
    if workspace.blueprint.platform != "local":
        return pod_logs(workspace, model, lines)
    log = workspace.run_dir(model.process) / "server.log"
    if not log.exists():
        raise not_running(name)
    said = log.read_text(errors="replace").splitlines()
    for line in said[max(len(said) - lines, 0) :]:
        say(line)
    return Exit.DONE


def pod_logs(workspace: Workspace, model: Model, lines: int) -> int:
    """Print the end of each replica's log, under its name where there are several."""
    from workaday.blueprint import naming
    from workaday.execute import state

    found = state.pod_logs(workspace, naming.release(model.name), lines)
    if not found:
        raise not_running(model.name)
    for pod, said in found:
        if len(found) > 1:
            say(f"==> {pod} <==")
        for line in said:
            say(line)
    return Exit.DONE


def predict(name: str, payload: str | None, file: Path, stage: str | None) -> int:
    """Send one payload to a model's route and print the answer; an answer of 400 or more is an error."""
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    from workaday.execute import probe
    from workaday.execute.workspace import open_workspace
    from workaday.project.diagnostics import mistake

    workspace = open_workspace(file, stage)
    model = find_model(workspace, name)
    if model.paused:
        raise mistake("L123", f"`{name}` is paused", f"bring it back: `workaday resume {name}`")
    if workspace.blueprint.platform != "local":
        raise inside(workspace, model)
    body, kind = read_payload(workspace, model, payload)
    url = probe.live_url(workspace, model)
    if url is None:
        raise not_running(name)
    request = Request(url, data=body, headers={"content-type": kind}, method="POST")
    try:
        with urlopen(request, timeout=model.limits.timeout_seconds + 5) as answer:
            sys.stdout.buffer.write(answer.read())
            is_text = answer.headers.get_content_type().startswith(("application/json", "text/"))
            sys.stdout.buffer.write(b"\n" if is_text else b"")
            sys.stdout.flush()
    except HTTPError as error:
        message = error.read().decode(errors="replace").strip()
        raise mistake("L120", f"`{name}` answered {error.code}: {message}") from None
    except (URLError, OSError):
        raise not_running(name) from None
    return Exit.DONE


def read_payload(workspace: Workspace, model: Model, payload: str | None) -> tuple[bytes, str]:
    """Return the body and its content type: JSON, a file's bytes (`@FILE`), or the predictor's example."""
    from workaday.project.diagnostics import mistake

    folder = Path()
    given: Any = payload
    if payload is None:
        given = {} if model.example is None else model.example
        folder = (workspace.root / model.predictor).parent
    if isinstance(given, str) and given.startswith("@"):
        path = folder / given[1:]
        try:
            return path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        except OSError as error:
            raise mistake("L121", f"cannot read {path}: {error.strerror}") from None
    if payload is None:
        return json.dumps(given).encode(), "application/json"
    try:
        json.loads(payload)
    except ValueError as error:
        hint = 'quote it for the shell: \'{"text": "hello"}\', or give a file: @payload.json'
        raise mistake("L121", f"the payload is not JSON: {error}", hint) from None
    return payload.encode(), "application/json"


def find_model(workspace: Workspace, name: str) -> Model:
    """Return a model by name.

    Raises ProjectError (L122) with the likely one where there is none.
    """
    from workaday.project.diagnostics import mistake
    from workaday.project.spelling import meant

    by_name = {model.name: model for model in workspace.blueprint.callable}
    if name in by_name:
        return by_name[name]
    hint = meant(name, by_name, f"there are: {', '.join(by_name)}")
    raise mistake("L122", f"no model `{name}` in the project", hint)


def inside(workspace: Workspace, model: Model) -> Exception:
    """Return the error of a model that answers inside a cluster, with the way to it from here."""
    from workaday.project.diagnostics import mistake

    service = f"service/{model.name}-predictor"
    hints = (
        f"`kubectl --namespace {workspace.blueprint.namespace} port-forward {service} 8080:80`",
        f"then `curl localhost:8080{model.route}`",
    )
    return mistake("L123", f"`{model.name}` answers inside the cluster", *hints)


def not_running(name: str) -> Exception:
    """Return the error of a model whose server does not answer."""
    from workaday.project.diagnostics import mistake

    return mistake("L123", f"`{name}` is not running", "start it: `workaday plan && workaday apply`")
