"""The largest profile of each cloud: how long it takes to render, and to plan offline with real Terraform.

Beside what one cannot go below: a bare Python start for `render`, and `terraform plan` of an empty root for the plan.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from bench.commands import PREDICTOR, once

RUNS = 5
PROFILES = Path(__file__).parent.parent / "tests" / "terraform" / "profiles"


def measured(command: list[str], cwd: Path, before: list[str] | None = None) -> float:
    """Return the median of the command's seconds, after one run that counts for nothing."""
    once(command, cwd)
    times = []
    for _ in range(RUNS):
        if before:
            once(before, cwd)
        times.append(once(command, cwd))
    return statistics.median(times)


def main() -> None:
    command = str(Path(sys.executable).with_name("workaday"))
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        empty = root / "empty"
        empty.mkdir()
        (empty / "main.tf").write_text('resource "terraform_data" "this" {}\n')
        once(["terraform", "init"], empty)
        bare, bare_plan = measured([sys.executable, "-c", "pass"], root), measured(["terraform", "plan"], empty)
        for profile in sorted(PROFILES.glob("*/everything.yaml")):
            project = root / profile.parent.name
            (project / "models" / "story").mkdir(parents=True)
            (project / "models" / "story" / "predictor.py").write_text(PREDICTOR)
            shutil.copy(profile, project / "project.yaml")
            render = measured([command, "render"], project, ["rm", "-rf", "deploy"])
            plan = measured([command, "plan", "--offline"], project)
            print(
                f"{project.name:<6} render {render * 1000:5.0f} ms ({render / bare:5.1f} x bare Python)"
                f"   plan --offline {plan:5.2f} s ({plan / bare_plan:4.1f} x terraform plan of an empty root)"
            )


if __name__ == "__main__":
    main()
