"""A pipeline's part of the configuration file: its steps and expressions, checked together."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from workaday_server.pipelines.expressions import REQUEST, Expression, ExpressionError, parse, spoken

if TYPE_CHECKING:
    from workaday_server.config import Limits

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
MAX_RETRIES = 10


@dataclass(frozen=True)
class Step:
    """One call.

    Attributes:
        name: unique in the pipeline.
        model: the model that is called.
        url: where it is called; None where it is in this process.
        after: the steps that come before it.
        when: a condition; the step is left out where it does not hold.
        input: what the model gets instead of what the pipeline got.
        optional: its failure is not the pipeline's.
        timeout_seconds: of all its tries together; None leaves it what the pipeline has.
        retries: how often a refusal to begin is answered by asking again.
    """

    name: str
    model: str
    url: str | None = None
    after: tuple[str, ...] = ()
    when: Expression | None = None
    input: Expression | None = None
    optional: bool = False
    timeout_seconds: float | None = None
    retries: int = 0


@dataclass(frozen=True)
class PipelineConfig:
    """One pipeline, which is a model to whoever calls it; its steps come after those they need.

    Attributes:
        output: what is answered instead of every step's answer by its name.
    """

    name: str
    revision: str
    limits: Limits
    steps: tuple[Step, ...]
    output: Expression | None = None
    route: str | None = None

    def local_models(self, *, required: bool = False) -> set[str]:
        """Return the names of the models of this process that it calls."""
        return {each.model for each in self.steps if each.url is None and not (required and each.optional)}


def read_pipeline(read: Any, limits: Callable[[Any], Limits], is_route: Callable[[Any], bool]) -> PipelineConfig:
    """Read one entry of `pipelines`, noting what is wrong with it in its reader."""
    entries = read.take("steps", ..., "a list of steps", lambda value: isinstance(value, list) and value != [])
    named = type(read)
    steps = tuple(
        _step(named(each, f"{read.at('steps')}[{place}]", read.findings))
        for place, each in enumerate(entries if entries is not ... else ())
    )
    config = PipelineConfig(
        name=read.take("name", ..., "letters, digits, `.`, `_` and `-`", _is_name),
        revision=read.text("revision"),
        limits=limits(named(read.mapping("limits"), read.at("limits"), read.findings)),
        steps=_in_order(read, steps),
        output=_expression(read, "output"),
        route=read.take("route", None, "a path such as /story, outside /v1, /v2 and /metrics", is_route, null=True),
    )
    read.close()
    if not read.findings:
        _check_names(read, config)
    return config


def _step(read: Any) -> Step:
    step = Step(
        name=read.take("name", ..., "letters, digits, `.`, `_` and `-`", _is_name),
        model=read.take("model", ..., "a model's name", _is_name),
        url=read.take("url", None, "an address such as http://host/path", _is_url, null=True),
        after=tuple(read.take("after", [], "a list of steps' names", _are_names)),
        when=_expression(read, "when"),
        input=_expression(read, "input"),
        optional=read.take("optional", False, "true or false", lambda value: isinstance(value, bool)),
        timeout_seconds=read.take("timeout_seconds", None, "seconds, from 0.001 to 86400", _is_time, null=True),
        retries=read.whole("retries", 0, 0, MAX_RETRIES),
    )
    read.close()
    return step


def _expression(read: Any, key: str) -> Expression | None:
    text = read.text(key, None, null=True)
    if text is None:
        return None
    try:
        return parse(text)
    except ExpressionError as error:
        read.note(read.at(key), str(error))
        return None


def _in_order(read: Any, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the steps, each after those that it needs."""
    by_name = {each.name: each for each in steps}
    if len(by_name) < len(steps):
        read.note(read.at("steps"), "two steps have one name")
    for place, step in enumerate(steps):
        for name in step.after:
            if name not in by_name:
                read.note(f"{read.at('steps')}[{place}].after", f"no step `{name}`")
    try:
        graph = {each.name: [name for name in each.after if name in by_name] for each in steps}
        return tuple(by_name[name] for name in TopologicalSorter(graph).static_order())
    except CycleError as error:
        read.note(read.at("steps"), f"wait for one another: {', '.join(map(str, error.args[1]))}")
        return steps


def _check_names(read: Any, config: PipelineConfig) -> None:
    before: dict[str, set[str]] = {}
    for step in config.steps:
        before[step.name] = {name for each in step.after for name in {each, *before.get(each, ())}}
        for key, expression in (("when", step.when), ("input", step.input)):
            _known(read, f"{read.at('steps')}: `{key}` of {step.name}", expression, before[step.name])
    _known(read, read.at("output"), config.output, set(before))


def _known(read: Any, place: str, expression: Expression | None, steps: set[str]) -> None:
    known = {spoken(each) for each in steps} | {REQUEST}
    for name in sorted(expression.names - known if expression else ()):
        read.note(place, f"`{name}` is no step that comes before")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _is_url(value: object) -> bool:
    return isinstance(value, str) and URL.fullmatch(value) is not None


def _is_time(value: object) -> bool:
    return type(value) in (int, float) and 0.001 <= value <= 86400  # type: ignore[operator]


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_name, value))
