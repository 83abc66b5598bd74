"""How long the command takes, as a ratio to a bare Python start in the same run.

Each command is a whole process, started in turn with the bare one, so that a machine that slows down slows both.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 11
PREDICTOR = """
class Predictor:
    def __init__(self, config):
        pass

    def predict(self, payload):
        return payload
"""


def project(models: int) -> str:
    """Return a realistic project: every model with what a real one says."""
    entry = (
        "  - name: model-{0}\n"
        "    server: {{kind: torch, predictor: models/predictor.py}}\n"
        "    config: {{threshold: 0.{0}, labels: [a, b, c]}}\n"
        "    env: {{LOG_LEVEL: info}}\n"
        "    compute: {{cpu: 2, memory: 4Gi}}\n"
        "    scale: {{min: 1, max: 8, metric: in_flight, target: 2, window: 60s, down_after: 5m}}\n"
        "    limits: {{concurrency: 8, queue: 64, timeout: 30s, body: 1Mi}}\n"
        "    batching: {{max_size: 8, max_wait: 5ms}}\n"
        "    slo: {{p99: 1s, availability: 99.9}}\n"
        "    traffic: {{mean_rps: 20, peak_rps: 53}}\n"
        "    route: {{path: /model-{0}}}\n"
    )
    return "version: 1\nname: bench\nplatform: {kind: local}\nmodels:\n" + "".join(map(entry.format, range(models)))


def write_project(folder: Path, models: int) -> Path:
    folder.mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "models" / "predictor.py").write_text(PREDICTOR)
    (folder / "project.yaml").write_text(project(models))
    return folder


def once(command: list[str], cwd: Path) -> float:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - begun


def measure(label: str, command: list[str], cwd: Path, before: list[str] | None = None) -> None:
    bare = [sys.executable, "-c", "pass"]
    once(bare, cwd), once(command, cwd)
    ours, theirs = [], []
    for _ in range(RUNS):
        if before:
            once(before, cwd)
        theirs.append(once(bare, cwd))
        ours.append(once(command, cwd))
    own, base = statistics.median(ours), statistics.median(theirs)
    print(f"{label:<34} {own * 1000:7.0f} ms   {own / base:5.1f} x a bare Python start ({base * 1000:.0f} ms)")


def main() -> None:
    command = str(Path(sys.executable).with_name("workaday"))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        few, many = write_project(root / "few", 20), write_project(root / "many", 1000)
        measure("--version", [command, "--version"], root)
        measure("--help", [command, "--help"], root)
        measure("validate, 20 models", [command, "validate"], few)
        gone = ["rm", "-rf", "deploy"]
        measure("render, 20 models", [command, "render"], few, gone)
        measure("render, 20 models, no change", [command, "render"], few)
        measure("render, 1000 models", [command, "render"], many, gone)
        measure("render, 1000 models, no change", [command, "render"], many)


if __name__ == "__main__":
    main()
