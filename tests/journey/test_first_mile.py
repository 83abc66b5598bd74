"""The first mile, as a newcomer walks it: the README's own commands, and the wheel away from the repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
README = REPOSITORY / "README.md"

pytestmark = pytest.mark.journey


def run(command: str, cwd: Path, timeout: float = 600, **env: str) -> str:
    """Run a shell command; return what it printed, and show it when it fails."""
    clean = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env={**clean, **env},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def console_commands(heading: str) -> list[str]:
    """Return the commands of the README's console blocks under a heading, in order."""
    section = README.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A clone of this repository as it is here, changes included, and nothing installed in it yet."""
    target = tmp_path / "workaday"
    run(f"git clone -q {REPOSITORY} {target}", tmp_path)
    changed = run("git diff --name-only HEAD; git ls-files --others --exclude-standard", REPOSITORY).split()
    for name in changed:
        if (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target / name)
    yield target
    subprocess.run(["make", "destroy"], cwd=target, check=False, capture_output=True)
    shutil.rmtree(target)  # an environment with torch


def test_the_readme_first_ten_minutes(clone: Path) -> None:
    commands = [each for each in console_commands("The first ten minutes") if not each.startswith(("git clone", "cd "))]
    assert commands[0] == "make plan && make apply"
    assert any(each.startswith("curl") for each in commands)
    assert commands[-1] == "make destroy"
    answers = {command: run(command, clone) for command in commands}
    curls = {command: answer for command, answer in answers.items() if command.startswith("curl")}
    printed = answers["make plan && make apply"]
    assert all(command.split(" #")[0].strip() in printed for command in curls), (
        "the README's curl lines are the printed ones"
    )
    story, picture, vector = (
        next(a for c, a in curls.items() if f"/{name}" in c) for name in ("story", "classifier", "embedder")
    )
    assert "Paris" in json.loads(story)["text"]
    assert json.loads(picture)["labels"][0]["label"] == "daisy"
    numbers = json.loads(vector)
    assert len(json.dumps(numbers)) > 1000
    assert is_free(8080)
    assert not (clone / ".workaday").exists()
    assert subprocess.run(["pgrep", "-f", str(clone)], capture_output=True, check=False).stdout == b""


def test_the_wheel_away_from_the_repository(tmp_path: Path) -> None:
    """`pip install` the wheel into an empty environment; `local` then makes the server's environment by itself.

    It downloads torch unless uv's cache has it, as the first `apply` of a user does.
    """
    wheels = tmp_path / "wheels"
    run(f"{sys.prefix}/bin/uv build --quiet --wheel --out-dir {wheels} {REPOSITORY}", tmp_path)
    wheel = next(wheels.glob("workaday-*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.startswith("workaday/_bundle/infra/local/") for name in names)
    assert not any("__pycache__" in name for name in names)

    run(f"{sys.executable} -m venv env && env/bin/pip install -q {wheel}", tmp_path)
    activate = f"export PATH={tmp_path}/env/bin:$PATH; "
    assert run(activate + "workaday --version", tmp_path).startswith("workaday ")
    run(activate + "workaday init hello", tmp_path)
    hello = tmp_path / "hello"
    port = 18431
    file = hello / "project.yaml"
    file.write_text(file.read_text().replace("{kind: local}", f"{{kind: local, port: {port}}}"))
    try:
        run(activate + "workaday plan && workaday apply", hello)
        answer = json.loads(run(activate + "workaday predict hello", hello))
        assert answer["language"] == "german"
        assert "ready" in run(activate + "workaday status", hello)
    finally:
        run(activate + "workaday destroy --yes", hello)
    assert is_free(port)
    assert not (hello / ".workaday").exists()


def test_versions_agree() -> None:
    """The two distributions are released together."""
    server = tomllib.loads((REPOSITORY / "model_server" / "pyproject.toml").read_text())["project"]["version"]
    from workaday import __version__

    assert server == __version__
