"""Helm, as far as the plane's own controllers need it: a chart's objects."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from plane import programs
from plane.api import Object
from plane.kubectl import objects
from plane.plane import Plane


class HelmError(Exception):
    """Helm failed; says what it said."""


def template(plane: Plane, chart: Path, release: str, namespace: str, settings: Sequence[str] = ()) -> list[Object]:
    """Return the objects of a chart.

    Args:
        plane: whose folder Helm writes to.
        chart: its folder.
        release, namespace: what it is rendered for.
        settings: `name=value` each.

    Raises:
        HelmError: it does not render.
    """
    flags = [flag for setting in settings for flag in ("--set", setting)]
    home = {f"HELM_{kind}_HOME": str(plane.folder / "helm") for kind in ("CACHE", "CONFIG", "DATA")}
    command = [str(programs.find("helm")), "template", release, str(chart), "--namespace", namespace, *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **home})
    if done.returncode:
        raise HelmError(done.stderr.strip())
    return objects(done.stdout)
