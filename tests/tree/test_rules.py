"""What `compare` and `write` do with one file at a time."""

from __future__ import annotations

import json
import os
import socket

import pytest

from workaday.project.diagnostics import ProjectError, render_text
from workaday.render.tree import Change, compare, diff_text, write

FILES = {"README.md": b"read\n", "local/main.json": b"{}\n", "terraform/cluster/main.tf": b"# tf\n"}


def refused(root, files) -> list[tuple[str, str]]:
    """Return the code and file of each finding, and check that nothing at all was written."""
    before = {p: p.lstat().st_mtime_ns for p in [root, *root.rglob("*")]}
    with pytest.raises(ProjectError) as error:
        write(root, files)
    assert {p: p.lstat().st_mtime_ns for p in [root, *root.rglob("*")]} == before
    return [(each.code, os.path.relpath(each.span.file, root)) for each in error.value.diagnostics]


def text_of(root, files) -> str:
    with pytest.raises(ProjectError) as error:
        write(root, files)
    return render_text(error.value.diagnostics, error.value.sources)


def kinds(plan) -> dict[str, str]:
    return {change.path: change.kind for change in plan.changes}


def test_the_first_render_creates_everything(root, seen):
    assert set(kinds(write(root, FILES)).values()) == {"create"}
    assert seen(root) == FILES


def test_compare_of_no_tree_makes_none(root):
    assert compare(root, FILES).changed
    assert not root.exists()


def test_changed_files_only_are_written(root):
    write(root, FILES)
    before = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in root.rglob("*") if p.is_file()}
    plan = write(root, FILES | {"README.md": b"new\n"})
    assert kinds(plan) == {
        "README.md": "update",
        "local/main.json": "unchanged",
        "terraform/cluster/main.tf": "unchanged",
    }
    after = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in root.rglob("*") if p.is_file()}
    assert {p.name for p in before if before[p] != after[p]} == {"README.md", "tree.lock"}


def test_a_second_render_writes_nothing_at_all(root):
    write(root, FILES)
    before = {p: p.stat().st_mtime_ns for p in [root, *root.rglob("*")]}
    assert not write(root, FILES).changed
    assert {p: p.stat().st_mtime_ns for p in [root, *root.rglob("*")]} == before


def test_the_lock_is_sorted_and_the_same_whatever_the_order(root, tmp_path):
    write(root, FILES)
    write(tmp_path / "other", dict(reversed(FILES.items())))
    lock = (root / "tree.lock").read_bytes()
    assert lock == (tmp_path / "other" / "tree.lock").read_bytes()
    raw = json.loads(lock)
    assert raw["version"] == 1
    assert list(raw["files"]) == sorted(FILES)


def test_what_is_no_longer_rendered_goes_with_its_empty_folders(root, seen):
    write(root, FILES)
    (root / "local" / "mine.txt").write_text("mine")
    plan = write(root, {"README.md": b"read\n"})
    assert kinds(plan) == {"README.md": "unchanged", "local/main.json": "delete", "terraform/cluster/main.tf": "delete"}
    assert seen(root) == {"README.md": b"read\n", "local/mine.txt": b"mine"}


def test_what_the_user_deleted_is_written_again(root, seen):
    write(root, FILES)
    (root / "README.md").unlink()
    assert kinds(write(root, FILES))["README.md"] == "create"
    assert seen(root) == FILES


def test_a_hand_edit_is_refused_with_the_diff_and_the_ways_out(root, monkeypatch):
    write(root, FILES)
    (root / "local/main.json").write_text('{"port": 1}\n')
    monkeypatch.chdir(root.parent.parent)
    assert text_of(root, FILES) == (
        "error[T101]: `local/main.json` was edited by hand, and render would overwrite it\n"
        " --> deploy/default/local/main.json  `-` as rendered, `+` as it is\n"
        "  @@ -1 +1 @@\n"
        "  -{}\n"
        '  +{"port": 1}\n'
        "hint: keep the change: make it in project.yaml, which this file is rendered from\n"
        "hint: or drop it: `rm deploy/default/local/main.json` "
        "(committed? `git checkout deploy/default/local/main.json`), then render again\n"
    )
    assert refused(root, FILES | {"new": b""}) == [("T101", "local/main.json")]


def test_every_edit_is_named_at_once(root):
    write(root, FILES)
    (root / "local/main.json").write_text("1")
    (root / "README.md").write_text("2")
    (root / "extra").write_text("3")
    assert refused(root, FILES | {"extra": b""}) == [
        ("T101", "README.md"),
        ("T102", "extra"),
        ("T101", "local/main.json"),
    ]


def test_a_hand_edit_that_is_what_would_be_rendered_is_none(root):
    write(root, FILES)
    (root / "README.md").write_text("new\n")
    assert kinds(write(root, FILES | {"README.md": b"new\n"}))["README.md"] == "unchanged"
    assert not compare(root, FILES | {"README.md": b"new\n"}).changed


def test_a_hand_edited_file_is_not_pruned(root):
    write(root, FILES)
    (root / "README.md").write_text("mine\n")
    assert refused(root, {}) == [("T101", "README.md")]
    assert "move it back; then it is yours" in text_of(root, {})


def test_moved_out_and_back_it_is_the_users(root, seen):
    write(root, FILES)
    (root / "README.md").write_text("mine\n")
    (root / "README.md").rename(root.parent / "aside")
    write(root, {})
    (root.parent / "aside").rename(root / "README.md")
    write(root, {})
    assert seen(root) == {"README.md": b"mine\n"}


def test_a_file_that_is_not_ours_is_refused(root):
    root.mkdir(parents=True)
    (root / "README.md").write_text("mine\n")
    assert refused(root, FILES) == [("T102", "README.md")]


def test_a_file_that_is_as_rendered_is_adopted(root):
    root.mkdir(parents=True)
    (root / "README.md").write_bytes(FILES["README.md"])
    assert kinds(write(root, FILES))["README.md"] == "unchanged"
    assert kinds(write(root, {}))["README.md"] == "delete"


def test_a_tree_without_its_lock_is_out_of_date_until_it_has_one(root):
    write(root, FILES)
    lock = (root / "tree.lock").read_bytes()
    (root / "tree.lock").unlink()
    assert Change("tree.lock", "create", None, lock) in compare(root, FILES).changes
    write(root, FILES)
    assert (root / "tree.lock").read_bytes() == lock


@pytest.mark.parametrize("target", ["README.md", "local", "terraform/cluster"])
def test_no_symlink_is_followed_or_replaced(root, tmp_path, target):
    write(root, FILES)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "main.json").write_text("{}\n")
    (outside / "main.tf").write_text("# theirs\n")
    if target == "README.md":
        (root / target).unlink()
    else:
        for file in (root / target).iterdir():
            file.unlink()
        (root / target).rmdir()
    (root / target).symlink_to(outside)
    before = {p: p.read_text() for p in outside.iterdir()}
    changed = {path: content + b"#" for path, content in FILES.items()}
    assert [path for _, path in refused(root, changed)] == [target]
    # Nor is anything removed through it, and the symlink stays: we never made one.
    write(root, {})
    assert (root / target).is_symlink()
    assert {p: p.read_text() for p in outside.iterdir()} == before


def test_a_lock_of_anothers_making_removes_nothing_outside(root, tmp_path):
    write(root, FILES)
    (tmp_path / "victim").write_bytes(b"read\n")
    lock = json.loads((root / "tree.lock").read_text())
    lock["files"]["../../victim"] = lock["files"]["README.md"]
    (root / "tree.lock").write_text(json.dumps(lock))
    assert refused(root, {}) == [("T103", "tree.lock")]
    assert (tmp_path / "victim").exists()


def test_the_root_itself_may_be_a_symlink(root, tmp_path, seen):
    (tmp_path / "elsewhere").mkdir()
    root.parent.mkdir()
    root.symlink_to(tmp_path / "elsewhere")
    write(root, FILES)
    assert seen(tmp_path / "elsewhere") == FILES


@pytest.mark.parametrize("what", ["folder", "pipe", "socket"])
def test_what_is_no_file_is_in_the_way(root, what):
    root.mkdir(parents=True)
    if what == "folder":
        (root / "README.md").mkdir()
    elif what == "pipe":
        os.mkfifo(root / "README.md")
    else:
        short = os.open(root, os.O_RDONLY)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{short}/README.md")
        os.close(short)
    assert refused(root, FILES) == [("T102", "README.md")]
    assert (f"is a {what}" if what == "folder" else "is a special file") in text_of(root, FILES)


def test_a_file_where_a_folder_is_needed_is_in_the_way_once(root):
    root.mkdir(parents=True)
    (root / "local").write_text("mine")
    assert refused(root, FILES | {"local/b.json": b""}) == [("T102", "local")]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "it is not JSON"),
        (b"<<<<<<< HEAD\n", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[]", "it is not a map"),
        (b'{"version": 2, "files": {}}', "its version is 2, and this workaday reads 1"),
        (b'{"files": {}}', "its version is None"),
        (b'{"version": 1}', "not maps of hashes by path"),
        (b'{"version": 1, "files": {"a": 1}}', "a hash in it is none"),
        (b'{"version": 1, "files": {"a": "00"}}', "a hash in it is none"),
        (b'{"version": 1, "files": {}, "more": 1}', "unknown key: more"),
        (b'{"version": 1, "files": {}, "pending": {"/etc/passwd": null}}', "not a path within the tree"),
        (b'{"version": 1, "files": {}, "pending": {"\\ud800": null}}', "not a path within the tree"),
        (b'{"version": 1, "files": {}, "pending": {"tree.lock": null}}', "a reserved path"),
        (b"[" * 100_000, "it is not JSON"),
    ],
)
def test_a_lock_that_cannot_be_read_stops_everything(root, raw, why):
    root.mkdir(parents=True)
    (root / "tree.lock").write_bytes(raw)
    assert refused(root, FILES) == [("T103", "tree.lock")]
    assert why in text_of(root, FILES)
    with pytest.raises(ProjectError, match="T103"):
        compare(root, FILES)


def test_a_lock_that_is_a_symlink_is_not_read(root, tmp_path):
    root.mkdir(parents=True)
    (tmp_path / "lock").write_text('{"version": 1, "files": {}}')
    (root / "tree.lock").symlink_to(tmp_path / "lock")
    assert "it is a symlink" in text_of(root, FILES)


@pytest.mark.parametrize(
    "path", ["", "/a", "../a", "a/../b", "a//b", "./a", "a/", "a\\b", "a\0", "tree.lock", "\ud800"]
)
def test_a_path_outside_of_the_tree_is_a_bug_of_the_renderer(root, path):
    with pytest.raises(ValueError, match="path"):
        write(root, {path: b""})
    assert not root.exists()


def test_a_file_below_a_file_is_a_bug_of_the_renderer(root):
    with pytest.raises(ValueError, match="lies below the file 'a'"):
        write(root, {"a": b"", "a/b": b""})


def test_a_folder_that_cannot_be_made_is_told(root):
    root.parent.parent.joinpath("deploy").write_text("a file")
    assert "error[T104]: the tree cannot be read or written: " in text_of(root, FILES)


def test_a_disk_that_fills_up_is_told_and_the_next_run_finishes(root, seen, monkeypatch):
    write(root, FILES)
    real = os.replace

    def full(source, target):
        if "README" in os.fspath(target):
            raise OSError(28, "No space left on device", source)
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    changed = {path: content + b"#" for path, content in FILES.items()}
    assert "error[T104]: the tree cannot be read or written: no space left on device" in text_of(root, changed)
    monkeypatch.undo()
    write(root, changed)
    assert seen(root) == changed


def test_a_name_that_our_temporary_file_needs_is_not_taken_from_the_user(root, seen):
    from workaday.render.tree_lock import temp_path

    root.mkdir(parents=True)
    (root / temp_path("README.md")).write_text("mine")
    assert refused(root, FILES) == [("T102", temp_path("README.md"))]


def test_two_renders_at_once_follow_each_other(root, seen):
    trees = [{f"{i}/{n}.txt": b"%d" % version for i in range(20) for n in range(5)} for version in range(4)]
    children = []
    for files in trees:
        child = os.fork()
        if child == 0:
            try:
                for _ in range(5):
                    write(root, files)
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert seen(root) in trees


def test_the_diff_shows_each_change_and_whose_file_it_is(root):
    write(root, FILES)
    (root / "README.md").write_text("mine")
    (root / "x").write_bytes(b"\xff\0")
    files = {"README.md": b"new\n", "local/main.json": b"{}\n", "x": b"1\n", "y\x2fz": b"a\tb\r\n\x1b[31m\n"}
    assert diff_text(compare(root, files)) == (
        "update README.md  (edited by hand: T101)\n"
        "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-mine  (no newline at the end)\n+new\n"
        "\n"
        "delete terraform/cluster/main.tf\n"
        "--- a/terraform/cluster/main.tf\n+++ /dev/null\n@@ -1 +0,0 @@\n-# tf\n"
        "\n"
        "update x  (not ours: T102)\n"
        "--- a/x\n+++ b/x\nbinary files differ: 2 and 2 bytes\n"
        "\n"
        "create y/z\n"
        "--- /dev/null\n+++ b/y/z\n@@ -0,0 +1,2 @@\n+a\tb\\x0d\n+\\x1b[31m\n"
    )


def test_the_diff_of_no_change_is_empty(root):
    write(root, FILES)
    assert diff_text(compare(root, FILES)) == ""


def test_a_long_diff_is_cut_in_an_error_and_whole_in_check(root):
    files = {"a": b"".join(b"%d\n" % n for n in range(100))}
    write(root, files)
    (root / "a").write_text("mine\n")
    assert "  ... 62 more lines: `workaday render --check` shows all\n" in text_of(root, files)
    assert "+99\n" in diff_text(compare(root, files))


def test_the_lock_of_a_large_file_is_not_diffed_line_by_line(root):
    write(root, {"a": b"1\n" * 6000})
    assert "files differ: 6000 and 1 lines" in diff_text(compare(root, {"a": b"1\n"}))
