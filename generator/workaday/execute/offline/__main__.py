"""`python -m workaday.execute.offline ROOT`: see the package."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from workaday.execute.grading import WORDS, reason, summary
from workaday.execute.offline import grading, planner
from workaday.project.diagnostics import ProjectError, render_text


def main() -> int:
    """Plan a root, or run a command on it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m workaday.execute.offline", description=grading.MARK)
    parser.add_argument("root", type=Path, help="folder of a Terraform root module")
    parser.add_argument("--against", type=Path, help="the root as it was before")
    parser.add_argument("--prior", type=Path, help="a state file to plan over")
    parser.add_argument("--json", action="store_true", help="`terraform show -json` of the plan")
    parser.add_argument("--grades", action="store_true", help="the grades as JSON")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--exec", nargs=argparse.REMAINDER, metavar="COMMAND", help="run this in a copy of the root")
    options = parser.parse_args()
    try:
        if options.exec:
            return execute(options.root, options.exec)
        variables = dict(each.split("=", 1) for each in options.var)
        found = planner.plan(options.root, options.prior, against=options.against, variables=variables)
    except ProjectError as error:
        sys.stderr.write(render_text(error.diagnostics, error.sources))
        return 1
    if options.json:
        sys.stdout.write(json.dumps(found.document) + "\n")
    elif options.grades:
        sys.stdout.write(json.dumps(found.as_json(), indent=2) + "\n")
    else:
        for each in found.changes:
            sys.stdout.write(f"{WORDS[each.action]:<9}{each.address}  {reason(each)}".rstrip() + "\n")
        sys.stdout.write(f"{summary(found.changes)} ({grading.MARK})\n")
    return 0


def execute(root: Path, command: list[str]) -> int:
    """Run a command in an initialised copy of a root while the providers are served; returns its exit status."""
    with planner.workshop() as shop:
        terraform = shop.terraform(root, shop.folder / "terraform.tfstate")
        with planner.reported(lambda address: None, terraform, root):
            terraform.init()
        environment = {**os.environ, **shop.environment, "TF_DATA_DIR": str(terraform.data_dir)}
        return subprocess.run(command, cwd=terraform.root, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
