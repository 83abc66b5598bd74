"""Pipelines (C104, C105, C114, C701): steps that there are not, that wait for one another; what is no expression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from . import expressions
from .diagnostics import Diagnostic, KeyPath, Label
from .parts import Parts, dangling
from .schema import Pipeline


def unknown_steps(parts: Parts) -> Iterator[Diagnostic]:
    """C104: a step waits for a step that its pipeline does not have."""
    for index, pipeline in parts.pipelines.items():
        steps = {step.name: place for place, step in enumerate(pipeline.steps)}
        for place, step in enumerate(pipeline.steps):
            for number, name in enumerate(step.after):
                if name not in steps:
                    path: KeyPath = ("pipelines", index, "steps", place, "after", number)
                    yield dangling("C104", "step", name, path, steps)


def cycles(parts: Parts) -> Iterator[Diagnostic]:
    """C105: steps that wait for one another."""
    for index, pipeline in parts.pipelines.items():
        after = {step.name: list(step.after) for step in pipeline.steps}
        loop = _loop(after)
        if loop:
            places = {step.name: place for place, step in enumerate(pipeline.steps)}
            steps: KeyPath = ("pipelines", index, "steps")
            first = (*steps, places[loop[0]], "after")
            others = tuple(Label((*steps, places[name], "after"), f"`{name}` waits too") for name in loop[1:])
            chain = " after ".join(f"`{name}`" for name in (*loop, loop[0]))
            yield Diagnostic(
                "C105", f"steps wait for one another: {chain}", first, "remove one of them", secondary=others
            )


def _loop(after: Mapping[str, list[str]]) -> list[str]:
    """Return the names of one cycle, or nothing. Without recursion: a pipeline may be long."""
    left = {name: [each for each in needs if each in after] for name, needs in after.items()}
    while free := [name for name, needs in left.items() if not any(each in left for each in needs)]:
        for name in free:
            del left[name]
    if not left:
        return []
    walked = [next(iter(left))]
    while True:
        following = next(each for each in left[walked[-1]] if each in left)
        if following in walked:
            return walked[walked.index(following) :]
        walked.append(following)


def conditions(parts: Parts) -> Iterator[Diagnostic]:
    """C114: a `when`, `input` or `output` that is no expression, or uses a step that it does not wait for."""
    for index, pipeline in parts.pipelines.items():
        for place, step in enumerate(pipeline.steps):
            path: KeyPath = ("pipelines", index, "steps", place)
            known, named = _before(pipeline, step.name), {each.name for each in pipeline.steps}
            for key, text in (("when", step.when), ("input", step.input)):
                if text is not None:
                    yield from _expression(text, key, (*path, key), known, named, f"`{step.name}` does not wait for")
        if pipeline.output is not None:
            every = {each.name for each in pipeline.steps}
            path = ("pipelines", index, "output")
            yield from _expression(pipeline.output, "output", path, every, every, "is no step")


def _expression(
    text: str, key: str, path: KeyPath, known: set[str], named: set[str], wrong: str
) -> Iterator[Diagnostic]:
    try:
        tree = expressions.parse(text)
    except expressions.NoExpression as error:
        hint = 'compare answers of earlier steps: `category.label != "book"`'
        if key != "when":
            hint = 'name what is meant: `category.label`, or `{"label": category.label, "words": request.words}`'
        yield Diagnostic("C114", str(error), path, hints=(hint,))
        return
    spoken = {expressions.spoken(each) for each in known} | {expressions.REQUEST}
    there = {expressions.spoken(each): each for each in named}
    for name in sorted(expressions.names(tree) - spoken):
        label = f"add `{there[name]}` to `after`" if name in there else "no step has this name"
        what = f"`{key}` uses `{name}`, which {wrong}"
        yield Diagnostic("C114", what, path, label)


def _before(pipeline: Pipeline, name: str) -> set[str]:
    after = {step.name: step.after for step in pipeline.steps}
    found: set[str] = set()
    queue = list(after.get(name, ()))
    while queue:
        each = queue.pop()
        if each not in found:
            found.add(each)
            queue += after.get(each, ())
    return found


def reserved_steps(parts: Parts) -> Iterator[Diagnostic]:
    """C701: a step's name that means something else in an expression."""
    for index, pipeline in parts.pipelines.items():
        for place, step in enumerate(pipeline.steps):
            if step.name in (expressions.REQUEST, *expressions.CONSTANTS):
                path: KeyPath = ("pipelines", index, "steps", place, "name")
                meant = "what the pipeline got" if step.name == expressions.REQUEST else "a constant"
                yield Diagnostic(
                    "C701", f"a step cannot be called `{step.name}`", path, f"in expressions it is {meant}"
                )
