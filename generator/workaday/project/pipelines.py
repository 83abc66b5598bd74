"""Pipelines (C104, C105, C114): steps that there are not, that wait for one another, or whose condition is none."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

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
    """C114: a step's `when` that is no condition, or that uses the answer of a step it does not wait for."""
    for index, pipeline in parts.pipelines.items():
        for place, step in enumerate(pipeline.steps):
            if step.when is None:
                continue
            path: KeyPath = ("pipelines", index, "steps", place, "when")
            try:
                tree = ast.parse(step.when, mode="eval")
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                hint = 'compare answers of earlier steps: `category.label != "book"`'
                yield Diagnostic("C114", "this is no condition", path, hints=(hint,))
                continue
            names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            known = _before(pipeline, step.name)
            for name in sorted(names - known - {each.replace("-", "_") for each in known} - {"true", "false", "null"}):
                label = (
                    f"add `{name}` to `after`" if name in {s.name for s in pipeline.steps} else "no step has this name"
                )
                yield Diagnostic("C114", f"`when` uses `{name}`, which `{step.name}` does not wait for", path, label)


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
