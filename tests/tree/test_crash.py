"""A writer killed at any moment: the next run gives the right tree, and takes its own remains for nobody's edit."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workaday.render.tree import compare, write

STEPS = ("mkdir", "open", "write", "replace", "unlink", "rmdir")
USERS = {"notes.md": b"the user's\n", "releases/m1/extra.yaml": b"the user's too\n"}


def rendered(version: int) -> dict[str, bytes]:
    """A tree that differs from version to version in each way: content, files that come and go, file against folder."""
    files = {
        f"releases/m{i}/values.yaml": f"model: {i}\nversion: {version * (i % 3)}\n".encode() * 40 for i in range(6)
    }
    files |= {f"local/v{version}/{name}.json": name.encode() for name in ("a", "b")}
    files["terraform/main.tf"] = b"" if version == 1 else f"# {version}\n".encode()
    files |= {"addons": b"a file\n"} if version % 2 else {"addons/x/y.yaml": b"a folder\n", "addons/z.yaml": b"z\n"}
    return files


def killed(action: Callable[[], object], *, at_step: int | None = None, after: float | None = None) -> bool:
    """Do something in a child that dies by SIGKILL at its n-th write to disk, or some time after it began."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            if at_step is not None:
                die_at(at_step)
            action()
            os._exit(0)
        os._exit(1)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the writer failed rather than died"
    return os.WIFSIGNALED(status)


def die_at(step: int) -> None:
    left = [step]

    def wrap(name: str) -> None:
        original = getattr(os, name)

        def wrapped(*arguments, **options):
            if name == "open" and not arguments[1] & os.O_CREAT:
                return original(*arguments, **options)
            left[0] -= 1
            if left[0] < 0:
                if name == "write":  # half of it reaches the disk
                    original(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        setattr(os, name, wrapped)

    for name in STEPS:
        wrap(name)


@pytest.fixture
def lived_in(root):
    write(root, rendered(0))
    for path, content in USERS.items():
        (root / path).write_bytes(content)
    return root


def check_recovery(root: Path, files: dict[str, bytes], seen) -> None:
    assert compare(root, files).conflicts == ()
    write(root, files)
    assert seen(root) == files | USERS
    assert not compare(root, files).changed
    assert b"pending" not in (root / "tree.lock").read_bytes()


@pytest.mark.parametrize("target", [1, 2], ids=["folder-becomes-file", "file-becomes-folder"])
def test_every_step_of_a_write_may_be_its_last(lived_in, seen, target):
    before, after = rendered(target - 1), rendered(target)
    step = 0
    write(lived_in, before)
    while killed(lambda: write(lived_in, after), at_step=step):
        check_recovery(lived_in, after, seen)
        write(lived_in, before)
        killed(lambda: write(lived_in, after), at_step=step)
        check_recovery(lived_in, before, seen)
        step += 1
    assert step > 30


def test_killed_at_200_random_points_again_and_again(lived_in, seen):
    chance = random.Random(7)
    kills = 0
    while kills < 200:
        target = rendered(chance.randrange(5))
        kills += killed(lambda files=target: write(lived_in, files), at_step=chance.randrange(60))
        for path, content in USERS.items():
            assert (lived_in / path).read_bytes() == content
        if chance.random() < 0.3:
            check_recovery(lived_in, rendered(chance.randrange(5)), seen)
    check_recovery(lived_in, rendered(3), seen)


def test_killed_by_the_clock(lived_in, seen):
    chance = random.Random(11)
    versions = [rendered(chance.randrange(5)) for _ in range(60)]
    kills = sum(killed(lambda f=files: write(lived_in, f), after=chance.uniform(0, 0.012)) for files in versions)
    assert kills > 0
    check_recovery(lived_in, rendered(1), seen)


def test_an_edit_of_a_file_that_was_in_flight_is_still_the_users(lived_in):
    files = rendered(1)
    assert killed(lambda: write(lived_in, files), at_step=20)
    assert "releases/m1/values.yaml" in json.loads((lived_in / "tree.lock").read_text())["pending"]
    (lived_in / "releases/m1/values.yaml").write_bytes(b"mine\n")
    assert [(c.path, c.code) for c in compare(lived_in, files).conflicts] == [("releases/m1/values.yaml", "T101")]


def test_a_first_render_that_was_killed_is_finished_by_the_next(root, seen):
    step = 0
    while killed(lambda: write(root, rendered(0)), at_step=step):
        write(root, rendered(0))
        assert seen(root) == rendered(0)
        write(root, {})
        assert seen(root) == {}
        step += 1
    assert step > 10
