"""Reading and checking a project file as a whole process: a ratio to a bare Python start, and where the time goes."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from bench.commands import measure, write_project
from bench.project.peers import peers

LOAD = "from pathlib import Path; from workaday.project import load; load(Path('project.yaml'))"
BUDGET = "budget: validate, 20 models, 160 ms for the whole command"


def inside(folder: Path) -> None:
    """Print where the time goes once everything is imported: best of five, in one process."""
    from workaday.project.parts import whole
    from workaday.project.source import read
    from workaday.project.sources import Sources
    from workaday.project.validation import validate

    steps = {"read and compose": 9.9, "merge": 9.9, "validate": 9.9}
    for _ in range(5):
        begun = time.perf_counter()
        document = read(folder / "project.yaml", "project.yaml")
        composed = time.perf_counter()
        sources = Sources([document])
        merged = time.perf_counter()
        project, _ = validate(sources)
        done = time.perf_counter()
        if project is None or not whole(project, sources, "default").models:
            raise SystemExit("the bench's own project is not valid")
        for name, seconds in zip(steps, (composed - begun, merged - composed, done - merged), strict=True):
            steps[name] = min(steps[name], seconds)
    print("  of which " + ", ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in steps.items()))


def main() -> None:
    python = sys.executable
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        few, many = write_project(root / "few", 20), write_project(root / "many", 1000)
        print(BUDGET)
        measure("import pydantic (the floor)", [python, "-c", "import pydantic"], root)
        measure("import the schema", [python, "-c", "import workaday.project.schema"], root)
        measure("load, 20 models", [python, "-c", LOAD], few)
        inside(few)
        measure("load, 1000 models", [python, "-c", LOAD], many)
        inside(many)
        measure("workaday validate, 20 models", [str(Path(python).with_name("workaday")), "validate"], few)
        peers(root)


if __name__ == "__main__":
    main()
