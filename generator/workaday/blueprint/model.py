"""The Blueprint: what a project means, every default, name and placement made explicit.

Frozen, plain data. Renderers read this and nothing else. Sizes are bytes, times are seconds, paths are POSIX and relative
to the folder of project.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BASE = "base"  # the environment without requirements of its own
MAIN = "main"  # the process that serves every model without requirements of its own


@dataclass(frozen=True, slots=True)
class Limits:
    """What one replica takes on before it refuses work.

    Attributes:
        concurrency: predictions that run at once.
        queue: requests that wait beyond those; past it the answer is 429 or 503.
        timeout_seconds: from arrival to answer, waiting included.
        body_bytes: the largest request body.
    """

    concurrency: int
    queue: int
    timeout_seconds: float
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Batching:
    """Dynamic batching: at most `max_size` requests, none waiting longer than `max_wait_seconds` for company."""

    max_size: int
    max_wait_seconds: float


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the project.

    Attributes:
        name: the model's name, unique in the project.
        kind: which server runs it (`torch`, …).
        predictor: the predictor's file.
        class_name: the class in it.
        config: handed to `Predictor.__init__`.
        weights: the local weights' file or folder, or None.
        env: environment variables.
        requirements: a requirements file of its own, or None.
        limits: see `Limits`.
        batching: see `Batching`, or None.
        route: path of the model's own route, such as `/story`.
        process: the local process that serves it.
        load_timeout_seconds: how long loading may take.
        revision: changes exactly when what is served changes.
        example: a payload to try it with, as the predictor's `example` says, or None.
    """

    name: str
    kind: str
    predictor: str
    class_name: str
    config: Mapping[str, Any]
    weights: str | None
    env: Mapping[str, str]
    requirements: str | None
    limits: Limits
    batching: Batching | None
    route: str
    process: str
    load_timeout_seconds: float
    revision: str
    example: Any = None


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python environment of the local platform; `fingerprint` changes when it must be made anew."""

    name: str
    requirements: str | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Process:
    """A server process of the local platform; a new `fingerprint` restarts it."""

    name: str
    host: str
    port: int
    environment: str
    drain_seconds: float
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A whole project, resolved for one environment.

    Attributes:
        name: the project's name.
        namespace: the Kubernetes namespace.
        stage: the name of the environment that was asked for, or `default`.
        platform: `local`, `existing`, `aws`, `gcp` or `azure`.
        models: in the order of the project file.
        environments: Python environments of the local platform, `base` first.
        processes: server processes of the local platform, `main` first where it serves anything.
    """

    name: str
    namespace: str
    stage: str
    platform: str
    models: tuple[Model, ...]
    environments: tuple[Environment, ...]
    processes: tuple[Process, ...]

    def models_of(self, process: str) -> tuple[Model, ...]:
        """Return the models that one process serves."""
        return tuple(model for model in self.models if model.process == process)
