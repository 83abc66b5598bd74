"""Whatever users do in the tree between renders, nothing of theirs is lost, and nothing is refused without a reason."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workaday.project.diagnostics import ProjectError
from workaday.render import tree_lock
from workaday.render.tree import compare, write

PATHS = ("a", "b", "d", "d/a", "d/e", "d/e/a", "f/a")
OUTSIDE = {"a": b"outside\n", "e/a": b"outside too\n"}

contents = st.sampled_from([b"", b"1\n", b"2\n"])


def is_a_tree(files: dict[str, bytes]) -> bool:
    return not any(above in files for path in files for above in tree_lock.parents(path))


trees = st.dictionaries(st.sampled_from(PATHS), contents, max_size=5).filter(is_a_tree)
steps = st.one_of(
    st.tuples(st.just("render"), trees),
    st.tuples(st.just("edit"), st.sampled_from(PATHS), contents),
    st.tuples(st.just("delete"), st.sampled_from(PATHS)),
    st.tuples(st.just("link"), st.sampled_from(PATHS)),
    st.tuples(st.just("folder"), st.sampled_from(PATHS)),
)


class Tree:
    """A tree and what we expect of it: what the last render wrote, and what the user did since."""

    def __init__(self, base: Path, seen) -> None:
        self.seen, self.root, self.outside = seen, base / "tree", base / "outside"
        for path, content in OUTSIDE.items():
            (self.outside / path).parent.mkdir(parents=True, exist_ok=True)
            (self.outside / path).write_bytes(content)
        self.root.mkdir()
        self.ours: dict[str, bytes] = {}
        self.theirs: dict[str, bytes | str] = {}

    def clear(self, path: str) -> Path | None:
        """Make room as a user would, one file at a time; None where something else stands in the way."""
        target = self.root / path
        if any((self.root / above).is_symlink() or (self.root / above).is_file() for above in tree_lock.parents(path)):
            return None
        if target.is_dir() and not target.is_symlink():
            return None
        target.unlink(missing_ok=True)
        self.theirs.pop(path, None)
        return target

    def edit(self, path: str, content: bytes) -> None:
        if target := self.clear(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            if self.ours.get(path) != content:
                self.theirs[path] = content

    def delete(self, path: str) -> None:
        self.clear(path)

    def link(self, path: str) -> None:
        if target := self.clear(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(self.outside)
            self.theirs[path] = str(self.outside)

    def folder(self, path: str) -> None:
        if target := self.clear(path):
            target.mkdir(parents=True)

    def render(self, files: dict[str, bytes]) -> None:
        before, lock = self.seen(self.root), self.lock()
        plan = compare(self.root, files)
        assert (self.seen(self.root), self.lock()) == (before, lock)
        if plan.conflicts:
            with pytest.raises(ProjectError) as error:
                write(self.root, files)
            assert len(error.value.diagnostics) == len(plan.conflicts)
            assert (self.seen(self.root), self.lock()) == (before, lock)
            for conflict in plan.conflicts:
                stands = self.root / conflict.path
                assert conflict.path in self.theirs or (stands.is_dir() and not stands.is_symlink())
            return
        assert write(self.root, files) == plan
        self.theirs = {path: it for path, it in self.theirs.items() if files.get(path) != it}
        self.ours = files
        left = {path: it for path, it in self.seen(self.root).items() if it is not None}
        assert left == files | self.theirs
        assert not compare(self.root, files).changed

    def lock(self) -> bytes | None:
        file = self.root / "tree.lock"
        return file.read_bytes() if file.exists() else None


@settings(max_examples=600, deadline=None)
@given(st.lists(steps, min_size=2, max_size=14))
def test_nothing_of_the_users_is_ever_lost(seen, done):
    with tempfile.TemporaryDirectory() as base:
        tree = Tree(Path(base), seen)
        for name, *arguments in done:
            getattr(tree, name)(*arguments)
            for path, it in tree.theirs.items():
                assert seen(tree.root)[path] == it
            assert seen(tree.outside) == OUTSIDE
