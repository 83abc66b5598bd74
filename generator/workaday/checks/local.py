"""What the local platform cannot run, found before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workaday.blueprint.model import BASE, MAIN
from workaday.checks.routes import shared_routes
from workaday.project.diagnostics import Diagnostic

if TYPE_CHECKING:
    from workaday.project import Loaded


def remote_weights(loaded: Loaded) -> list[Diagnostic]:
    """L102: weights in a bucket, and no copy on this machine."""
    return [
        Diagnostic(
            code="L102",
            message=f"`{model.name}` has its weights at {model.weights.uri}, which `local` does not download",
            path=("models", index, "weights", "uri"),
            hints=(f"copy them here and add `weights.local`, for example `local: models/{model.name}/weights`",),
        )
        for index, model in enumerate(loaded.project.models)
        if model.weights and model.weights.uri and not model.weights.local
    ]


def other_servers(loaded: Loaded) -> list[Diagnostic]:
    """L103: a server that is a container image."""
    return [
        Diagnostic(
            code="L103",
            message=f"`{model.name}` is served by {model.server.kind}, which cannot run on this machine",
            path=("models", index, "server", "kind"),
            label="a container image: it needs a cluster",
            hints=("`local` runs `kind: torch`; use another `platform`, or an environment without this model",),
        )
        for index, model in enumerate(loaded.project.models)
        if model.server.kind != "torch"
    ]


def missing_weights(loaded: Loaded) -> list[Diagnostic]:
    """L104: a path that leads nowhere."""
    return [
        Diagnostic(
            code="L104",
            message=f"`{model.name}` has no weights at {model.weights.local}",
            path=("models", index, "weights", "local"),
            label="no such file or folder",
        )
        for index, model in enumerate(loaded.project.models)
        if model.weights and model.weights.local and not (loaded.root / model.weights.local).exists()
    ]


def reserved_names(loaded: Loaded) -> list[Diagnostic]:
    """L106: a model's own environment and process would bear the name of the shared ones."""
    return [
        Diagnostic(
            code="L106",
            message=f"a model with requirements cannot be called `{model.name}` on `local`",
            path=("models", index, "name"),
            label="the shared environment is `base`, the shared process `main`",
            hints=("give it another name",),
        )
        for index, model in enumerate(loaded.project.models)
        if model.name in (BASE, MAIN) and getattr(model.server, "requirements", None)
    ]


CHECKS = (remote_weights, other_servers, missing_weights, shared_routes, reserved_names)
