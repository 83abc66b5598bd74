"""The server's configuration file: read strictly, every finding at once, paths made absolute."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workaday_server.errors import ConfigError
from workaday_server.pipelines.settings import PipelineConfig, read_pipeline

VERSION = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
RESERVED_ROUTES = ("/v1", "/v2", "/metrics", "/openapi.json")


@dataclass(frozen=True)
class Limits:
    """How much of a model its callers may use; past it they are refused, not kept waiting."""

    concurrency: int = 8
    queue: int = 64
    timeout_seconds: float = 60.0
    body_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True)
class Batching:
    """How many items share one call of the predictor, and how long the first of them waits for the others."""

    max_size: int = 8
    max_wait_seconds: float = 0.005


@dataclass(frozen=True)
class GenerationConfig:
    """How a generator shares its model among requests; None where it decides when it is loaded."""

    kv_cache_bytes: int | None = None
    max_batch: int | None = None
    prefill_tokens: int | None = None


@dataclass(frozen=True)
class ModelConfig:
    """One model. Two with the same `revision` are the same to a running server."""

    name: str
    revision: str
    predictor: Path
    class_name: str = "Predictor"
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    batching: Batching | None = None
    generation: GenerationConfig | None = None
    route: str | None = None
    promise_seconds: float | None = None


@dataclass(frozen=True)
class ServerConfig:
    """One server process."""

    host: str
    port: int
    models: tuple[ModelConfig, ...]
    grpc_port: int | None = None
    state_file: Path | None = None
    drain_seconds: float = 0.0
    pipelines: tuple[PipelineConfig, ...] = ()

    @property
    def served(self) -> tuple[ModelConfig | PipelineConfig, ...]:
        """Return all that has an address; a pipeline comes after the models that it calls."""
        return (*self.models, *self.pipelines)


def read_config(path: Path) -> ServerConfig:
    """Read and check a configuration file.

    Raises:
        ConfigError: it cannot be read, or holds something wrong; every finding is a line of the message.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg.lower()}") from None
    except (UnicodeDecodeError, RecursionError):
        raise ConfigError(f"{path}: not JSON in UTF-8") from None
    findings: list[str] = []
    config = _server(_Reader(document, "", findings), path.absolute().parent)
    if findings:
        raise ConfigError("\n".join(f"{path}: {finding}" for finding in findings))
    return config


class _Reader:
    """Takes keys out of a mapping, noting what is wrong with them; what is left over at the end is unknown."""

    def __init__(self, value: object, path: str, findings: list[str]) -> None:
        self.findings = findings
        self.path = path
        self.known: list[str] = []
        if isinstance(value, dict):
            self.values: dict[str, Any] = value
        else:
            self.values = {}
            self.note(path or "the file", "must be a mapping")

    def note(self, path: str, problem: str) -> None:
        self.findings.append(f"{path}: {problem}")

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def take(self, key: str, default: Any, what: str, holds: Callable[[Any], bool], *, null: bool = False) -> Any:
        """Return the key's value; `default` is `...` where the key must be there."""
        self.known.append(key)
        if key not in self.values:
            if default is ...:
                self.note(self.at(key), "is missing")
            return default
        value = self.values[key]
        if (value is None and null) or holds(value):
            return value
        self.note(self.at(key), f"must be {what}{' or null' if null else ''}, not {json.dumps(value)[:60]}")
        return default

    def text(self, key: str, default: Any = ..., *, null: bool = False) -> Any:
        return self.take(key, default, "text", lambda value: isinstance(value, str) and value != "", null=null)

    def whole(self, key: str, default: Any, low: int, high: int, *, null: bool = False) -> Any:
        return self.take(
            key,
            default,
            f"a whole number from {low} to {high}",
            lambda value: type(value) is int and low <= value <= high,
            null=null,
        )

    def seconds(self, key: str, default: float, low: float) -> float:
        def holds(value: Any) -> bool:
            return type(value) in (int, float) and math.isfinite(value) and low <= value <= 86400

        return float(self.take(key, default, f"seconds, from {low:g} to 86400", holds))

    def mapping(self, key: str) -> Any:
        return self.take(key, {}, "a mapping", lambda value: isinstance(value, dict))

    def close(self) -> None:
        for key in self.values:
            if key not in self.known:
                near = difflib.get_close_matches(key, self.known, 1)
                self.note(self.at(key), f"unknown key{f'; did you mean `{near[0]}`?' if near else ''}")


def _server(read: _Reader, folder: Path) -> ServerConfig:
    version = read.take("version", ..., f"{VERSION}", lambda value: type(value) is int and value == VERSION)
    entries = read.take("models", ..., "a list", lambda value: isinstance(value, list))
    graphs = read.take("pipelines", [], "a list", lambda value: isinstance(value, list))
    state_file = read.text("state_file", None, null=True)
    config = ServerConfig(
        host=read.text("host", "127.0.0.1"),
        port=read.whole("port", ..., 1, 65535),
        grpc_port=read.whole("grpc_port", None, 1, 65535, null=True),
        models=tuple(
            _model(_Reader(entry, f"models[{index}]", read.findings), folder)
            for index, entry in enumerate(entries if version == VERSION and entries is not ... else ())
        ),
        state_file=folder / state_file if state_file else None,
        drain_seconds=read.seconds("drain_seconds", 0.0, 0),
        pipelines=tuple(
            read_pipeline(_Reader(entry, f"pipelines[{index}]", read.findings), _limits, _is_route)
            for index, entry in enumerate(graphs)
        ),
    )
    read.close()
    if config.grpc_port is not None and config.grpc_port == config.port:
        read.note("grpc_port", "must be another port than `port`")
    for what in ("name", "route"):
        values = [getattr(each, what) for each in config.served if getattr(each, what) not in (None, ...)]
        for value in sorted({value for value in values if values.count(value) > 1}):
            read.note("models", f"{what} `{value}` occurs more than once")
    names = {model.name for model in config.models}
    for pipeline in config.pipelines:
        for name in sorted(pipeline.local_models() - names - {...}):
            read.note("pipelines", f"{pipeline.name} calls `{name}`, which is no model of this file and has no `url`")
    return config


def _model(read: _Reader, folder: Path) -> ModelConfig:
    predictor, weights = read.text("predictor"), read.text("weights", None, null=True)
    env = read.take("env", {}, "a mapping of text to text", _is_environment)
    model = ModelConfig(
        name=read.take("name", ..., "letters, digits, `.`, `_` and `-`", lambda value: _matches(NAME, value)),
        revision=read.text("revision"),
        predictor=folder / predictor if isinstance(predictor, str) else folder,
        class_name=read.take("class", "Predictor", "a Python name", lambda v: isinstance(v, str) and v.isidentifier()),
        config=read.mapping("config"),
        weights=folder / weights if weights else None,
        env=env,
        limits=_limits(_Reader(read.mapping("limits"), read.at("limits"), read.findings)),
        batching=_batching(read),
        generation=_generation(read),
        route=read.take("route", None, "a path such as /story, outside /v1, /v2 and /metrics", _is_route, null=True),
        promise_seconds=read.take("promise_seconds", None, "seconds, above 0", _is_promise, null=True),
    )
    read.close()
    return model


def _limits(read: _Reader) -> Limits:
    limits = Limits(
        concurrency=read.whole("concurrency", Limits.concurrency, 1, 4096),
        queue=read.whole("queue", Limits.queue, 0, 1_000_000),
        timeout_seconds=read.seconds("timeout_seconds", Limits.timeout_seconds, 0.001),
        body_bytes=read.whole("body_bytes", Limits.body_bytes, 0, 2**40),
    )
    read.close()
    return limits


def _batching(parent: _Reader) -> Batching | None:
    value = parent.take("batching", None, "a mapping", lambda value: isinstance(value, dict), null=True)
    if value is None:
        return None
    read = _Reader(value, parent.at("batching"), parent.findings)
    batching = Batching(
        max_size=read.whole("max_size", Batching.max_size, 1, 65536),
        max_wait_seconds=read.seconds("max_wait_seconds", Batching.max_wait_seconds, 0),
    )
    read.close()
    return batching


def _generation(parent: _Reader) -> GenerationConfig | None:
    value = parent.take("generation", None, "a mapping", lambda value: isinstance(value, dict), null=True)
    if value is None:
        return None
    read = _Reader(value, parent.at("generation"), parent.findings)
    generation = GenerationConfig(
        kv_cache_bytes=read.whole("kv_cache_bytes", None, 1, 2**50, null=True),
        max_batch=read.whole("max_batch", None, 1, 4096, null=True),
        prefill_tokens=read.whole("prefill_tokens", None, 1, 1_000_000, null=True),
    )
    read.close()
    return generation


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_promise(value: object) -> bool:
    return type(value) in (int, float) and 0 < value <= 86400  # type: ignore[operator]


def _is_environment(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(each, str) and "\0" not in each and "=" not in key and key for key, each in value.items()
    )


def _is_route(value: object) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"/[A-Za-z0-9._~/-]*", value):
        return False
    return not any(value == reserved or value.startswith(f"{reserved}/") for reserved in RESERVED_ROUTES)
