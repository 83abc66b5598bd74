"""A hundred models on the control plane that the tests use: how long apply and status take.

`[MODELS=100] python -m bench cluster`. Real API server, KServe, KEDA and Helm; nodes and pods are KWOK's, so nothing is
pulled or loaded: what is left is the machinery. The programs have to be built (`make test-cluster`).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLANE = ROOT / "tests" / "cluster"
MODELS = int(os.environ.get("MODELS", "100"))
ROUNDS = 5
HEAD = """\
version: 1
name: crowd
platform: {kind: existing, context: plane, kubeconfig: kubeconfig}
addons: {kserve: existing, keda: existing, cert_manager: existing, gateway: existing, metrics: existing}
models:
"""
MODEL = """\
  - name: model-{number}
    server: {{kind: container, image: "registry.example/model:{tag}", port: 8080}}
    compute: {{cpu: 50m, memory: 64Mi}}
"""
BUDGETS = {"apply, from nothing": 60.0, "apply, nothing to do": 5.0, "status": 1.0}


def main() -> None:
    """Print each command's time, its budget, and the same questions asked by kubectl and helm."""
    sys.path.insert(0, str(PLANE))
    from plane import crds, keda, kserve, kwok, network, programs, services
    from plane.plane import PROGRAMS, Plane

    lacking = programs.lacking(*PROGRAMS, "kwok", *kserve.PROGRAMS, *keda.PROGRAMS, "helm") or network.unavailable()
    if lacking:
        print(f"left out: {lacking}")
        return
    with tempfile.TemporaryDirectory() as folder, network.node():
        plane = Plane(Path(folder) / "plane")
        try:
            plane.up()
            crds.install(plane)
            services.start(plane)
            kwok.start_with_nodes(plane)
            kserve.start(plane)
            keda.start(plane)
            measure(Path(folder) / "project", plane.kubeconfig, str(programs.find("helm")), plane.kubectl)
        finally:
            plane.down()


def measure(folder: Path, kubeconfig: Path, helm: str, kubectl: Callable[..., str]) -> None:
    """Apply a project of many models, and time each command."""
    folder.mkdir()
    (folder / "kubeconfig").write_bytes(kubeconfig.read_bytes())
    write(folder, MODELS, 1)
    environment = {**os.environ, "WORKADAY_HELM": helm, "KUBECONFIG": str(kubeconfig)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def timed(*command: str) -> float:
        began = time.monotonic()
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return time.monotonic() - began

    def workaday(*verb: str) -> float:
        return timed(sys.executable, "-m", "workaday", *verb)

    found = {"render": workaday("render"), "plan, from nothing": workaday("plan")}
    found["apply, from nothing"] = workaday("apply", "--yes")
    again = [(workaday("plan"), workaday("apply", "--yes")) for _ in range(ROUNDS)]
    found["plan, nothing to do"], found["apply, nothing to do"] = map(statistics.median, zip(*again, strict=True))
    found["status"] = statistics.median(workaday("status") for _ in range(ROUNDS))
    write(folder, MODELS, 2)
    workaday("plan")
    found["apply, every image changed"] = workaday("apply", "--yes")
    found["for scale: helm list"] = statistics.median(
        timed(helm, "list", "--namespace", "crowd", "--max", "1000") for _ in range(ROUNDS)
    )
    found["for scale: a bare `python -m workaday --version`"] = workaday("--version")
    print(f"{MODELS} models; seconds, the median of {ROUNDS} where repeated")
    for name, seconds in found.items():
        budget = BUDGETS.get(name)
        print(
            f"  {name:<50} {seconds:7.2f}"
            + (f"  {seconds / budget:.2f} of its budget of {budget:g} s" if budget else "")
        )


def write(folder: Path, models: int, tag: int) -> None:
    """Write a project of many models."""
    text = HEAD + "".join(MODEL.format(number=number, tag=tag) for number in range(models))
    (folder / "project.yaml").write_text(text)


if __name__ == "__main__":
    main()
