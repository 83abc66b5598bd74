"""What one model is doing, in the same words on every platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from workaday.execute.workspace import Workspace

State = Literal["ready", "loading", "pending", "stalled", "failed", "outdated", "draining", "paused", "stopped"]


@dataclass(frozen=True, kw_only=True)
class ModelState:
    """What one model is doing.

    Attributes:
        name: the model.
        state: `ready`; `loading` while replicas are awaited; `pending` while no node has room for one; `stalled` where
            that has taken a quarter of an hour; `failed` where waiting does not help; `outdated` where something else
            runs than project.yaml says; `draining` while a server ends; `paused` where it is meant to have no replica;
            `stopped` where there is none.
        ready: replicas that answer.
        wanted: replicas that there should be.
        nodes: kinds of nodes that its replicas are on, such as `gpu/spot`, with how many replicas each has.
        revision: Helm's number of the release, or the local server's name of what it loaded; None where nothing runs.
        p99_seconds: 99 of 100 requests were answered faster: of the last five minutes, locally since the server began.
            None where nothing was asked or nobody counts.
        url: where it answers, inside the cluster on one, or None.
        error: what stands in its way, or None.
    """

    name: str
    state: State
    ready: int = 0
    wanted: int = 0
    nodes: Mapping[str, int] = field(default_factory=dict)
    revision: str | None = None
    p99_seconds: float | None = None
    url: str | None = None
    error: str | None = None


def states_of(workspace: Workspace) -> Sequence[ModelState]:
    """Return what each model is doing, wherever it runs.

    Raises:
        ProjectError: the cluster cannot be reached or read.
    """
    # each room is made of the words above, and needs nothing of the other
    if workspace.blueprint.platform == "local":
        from workaday.execute.probe import statuses

        return statuses(workspace)
    from workaday.execute.state import states

    return states(workspace)
