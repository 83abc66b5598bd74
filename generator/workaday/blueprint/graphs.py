"""Which pipelines are exactly a KServe InferenceGraph, and where the others are not. Pure.

Two of its four kinds of node are pipelines. `Splitter` sends each request to one model by weights, which a canary does
here; `Switch` answers 404 where no condition holds, and a pipeline null.
"""

from __future__ import annotations

from dataclasses import dataclass

from workaday.project import schema
from workaday.project.expressions import REQUEST, spoken

SEQUENCE, ENSEMBLE = "Sequence", "Ensemble"
Where = tuple[str | int, ...]  # keys below the pipeline's


@dataclass(frozen=True, slots=True)
class Graph:
    """A node of an InferenceGraph; `data` is what each step gets: `$request` or `$response`, the last answer."""

    kind: str
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Misfit:
    """What keeps a pipeline from being one, and where it is written."""

    path: Where
    why: str


def fit(written: schema.Pipeline) -> Graph | Misfit:
    """Return the node that a pipeline is, or the first thing that it cannot say."""
    misfit = extras(written)
    if misfit:
        return misfit
    if not any(each.after for each in written.steps):
        return ensemble(written)
    return sequence(written)


def extras(written: schema.Pipeline) -> Misfit | None:
    """Return the first key that no InferenceGraph has."""
    if written.together:
        return Misfit(("together",), "its steps' models have pods of their own")
    limits = written.limits
    for key in ("concurrency", "queue", "body"):
        if limits and getattr(limits, key) is not None:
            return Misfit(("limits", key), "it limits nothing but time")
    for place, step in enumerate(written.steps):
        wrongs = {
            "when": (step.when, "a step that is left out answers null here, and 404 there"),
            "optional": (step.optional, "it takes an error's text for an answer"),
            "timeout": (step.timeout, "a step has no time of its own"),
            "retries": (step.retries, "it never tries again"),
        }
        for key, (value, why) in wrongs.items():
            if value:
                return Misfit(("steps", place, key), why)
    return None


def ensemble(written: schema.Pipeline) -> Graph | Misfit:
    """Return an Ensemble: every step gets the request, and the answer has each by its name."""
    for place, step in enumerate(written.steps):
        if step.input not in (None, REQUEST):
            return Misfit(("steps", place, "input"), "steps side by side get the request as it came")
    if len(written.steps) == 1 and written.output == spoken(written.steps[0].name):
        return Graph(SEQUENCE, ("$request",))
    if written.output is not None:
        return Misfit(("output",), "steps side by side are answered by their names")
    return Graph(ENSEMBLE, ("$request",) * len(written.steps))


def sequence(written: schema.Pipeline) -> Graph | Misfit:
    """Return a Sequence: a chain, whose answer is the last step's."""
    data = []
    for place, step in enumerate(written.steps):
        before = written.steps[place - 1].name if place else None
        if step.after != ((before,) if before else ()):
            wrong: Where = ("steps", place, "after") if step.after else ("steps", place, "name")
            return Misfit(wrong, "a chain, in which each step comes after the one before it, or no order at all")
        if step.input in (None, REQUEST):
            data.append("$request")
        elif before and step.input == spoken(before):
            data.append("$response")
        else:
            return Misfit(("steps", place, "input"), "a step gets the request or the last answer, as they are")
    last = spoken(written.steps[-1].name)
    if written.output != last:
        return Misfit(
            ("output",) if written.output else ("steps",), f"a chain answers what its last step does: `output: {last}`"
        )
    return Graph(SEQUENCE, tuple(data))
