"""A render with nothing to do does not read the project, and anything that could matter makes it read again."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from workaday import checks
from workaday.cli import tree
from workaday.execute import unchanged, workspace
from workaday.project import Diagnostic, ProjectError
from workaday.render import render
from workaday.resources import bundle

PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"
PROJECT = """\
version: 1
name: dungeon
platform: {kind: local}
overlays: [team]
models:
  - name: story
    server: {kind: torch, predictor: models/story/predictor.py, requirements: models/needs.txt}
    weights: {local: weights/story}
    traffic: {trace: trace.csv}
"""
FILES = {
    "project.yaml": PROJECT,
    "environments/prod.yaml": "platform: {port: 9090}\n",
    "models/story/predictor.py": PREDICTOR,
    "models/story/words.py": "WORDS = 1\n",
    "models/needs.txt": "six\n",
    "weights/story/model.bin": "1",
    "trace.csv": "time,requests\n0,1\n",
    "team/defaults.yaml": "namespace: team\n",
    "team/templates/extra/note.txt": "ours\n",
}


class Project:
    """A project on disk, and whether a render had to read it."""

    def __init__(self, root: Path, monkeypatch) -> None:
        self.root, self.reads = root, 0
        self._open = workspace.open_workspace
        monkeypatch.setattr(workspace, "open_workspace", self._opened)
        for name, text in FILES.items():
            self.write(name, text)

    def _opened(self, *given):
        self.reads += 1
        return self._open(*given)

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def render(self, env: str | None = None, *, file="project.yaml", check=False, as_json=False) -> tuple[int, bool]:
        """Return the exit code, and whether the project was read."""
        before = self.reads
        code = tree.render(Path(file), env, check=check, diff=False, as_json=as_json)
        return code, self.reads > before


@pytest.fixture
def project(tmp_path, monkeypatch, capsys) -> Project:
    """A project rendered once; what was touched a moment ago counts as settled."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(unchanged, "SETTLED_NS", -(10**12))
    made = Project(tmp_path, monkeypatch)
    assert made.render() == (0, True)
    capsys.readouterr()
    return made


def test_nothing_is_read_where_nothing_was_touched(project, capsys):
    assert project.render() == (0, False)
    assert capsys.readouterr().out.endswith("files, 0 written\n")
    assert project.render(check=True) == (0, False)
    assert capsys.readouterr().out.endswith("files, 0 would change\n")
    assert project.render(as_json=True) == (0, False)
    assert json.loads(capsys.readouterr().out)["changes"] == []


def test_it_says_what_a_full_render_says(project, capsys):
    project.render()
    quick = capsys.readouterr().out
    shutil.rmtree(project.root / ".workaday")
    assert project.render() == (0, True)
    assert capsys.readouterr().out == quick


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("environments")])
def test_any_touched_file_is_noticed(project, name):
    file = project.root / name
    was = file.stat()
    file.write_text(file.read_text() + "\n")
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))  # as a tool that restores times would
    assert project.render()[1]
    assert project.render() == (0, False)


def test_a_change_reaches_the_tree(project):
    project.write("project.yaml", PROJECT.replace("{kind: local}", "{kind: local, port: 9191}"))
    assert project.render() == (0, True)
    assert '"port": 9191' in (project.root / "deploy/default/local/story.json").read_text()


@pytest.mark.parametrize("name", ["models/story/more.py", "team/templates/extra/more.txt", "weights/story/b.bin"])
def test_a_new_file_is_noticed(project, name):
    project.write(name, "X = 1\n")
    assert project.render() == (0, True)


@pytest.mark.parametrize("name", ["models/story/words.py", "team/templates/extra/note.txt"])
def test_a_file_that_has_gone_is_noticed(project, name):
    (project.root / name).unlink()
    assert project.render() == (0, True)


@pytest.mark.parametrize("name", ["weights", "trace.csv", "models/needs.txt", "project.yaml"])
def test_what_must_be_there_is_missed(project, name):
    path = project.root / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ProjectError):
        project.render()


def test_a_tree_edited_by_hand_is_refused_and_a_missing_file_comes_back(project):
    file = project.root / "deploy/default/local/story.json"
    rendered = file.read_bytes()
    file.write_bytes(rendered.replace(b"8080", b"9090"))
    with pytest.raises(ProjectError, match="T101"):
        project.render()
    file.unlink()
    assert project.render() == (0, True)
    assert file.read_bytes() == rendered


def test_a_lock_that_cannot_be_read_is_told(project):
    (project.root / "deploy/default/tree.lock").write_text("<<<<<<< ours\n")
    with pytest.raises(ProjectError, match="T103"):
        project.render()


def test_each_environment_and_file_has_its_own_note(project):
    assert project.render("prod") == (0, True)
    assert project.render("prod") == (0, False)
    assert project.render() == (0, False)
    project.write("environments/prod.yaml", "platform: {port: 9091}\n")
    assert project.render() == (0, False)
    assert project.render("prod") == (0, True)
    project.write("other.yaml", PROJECT)
    assert project.render(file="other.yaml") == (0, True)
    with pytest.raises(ProjectError, match="X105"):
        project.render("default")


def test_another_workaday_is_noticed(project, monkeypatch, tmp_path):
    (tmp_path / "product").mkdir()
    monkeypatch.setattr(unchanged, "product", lambda: [str(tmp_path / "product")])
    assert project.render() == (0, True)
    assert project.render() == (0, False)
    (tmp_path / "product" / "new.py").touch()
    assert project.render() == (0, True)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"looks": 1}', '{"looks": {"\\u0000": "x"}}', "\udcff"])
def test_a_note_that_says_nothing_is_as_none(project, text):
    (project.root / ".workaday/default/rendered.json").write_text(text, errors="surrogateescape")
    assert project.render() == (0, True)


def test_warnings_are_shown_each_time(project, monkeypatch, capsys):
    warning = Diagnostic("C505", "far away", ("platform", "kind"), severity="warning")
    monkeypatch.setattr(checks, "check", lambda loaded, blueprint: [warning])
    project.write("project.yaml", PROJECT)
    for read in (True, False):  # the second time from the note
        assert project.render() == (0, read)
        assert "warning[C505]: far away" in capsys.readouterr().err


def test_what_was_touched_just_before_leaves_no_note(project, monkeypatch):
    project.write("project.yaml", PROJECT)
    monkeypatch.setattr(unchanged, "SETTLED_NS", 60 * 10**9)
    assert project.render() == (0, True)
    assert project.render() == (0, True)


def test_all_that_a_render_looks_at_is_looked_at_again(project, monkeypatch):
    """A rule that reads a further file of the project must tell `read_by`, or its change would go unseen."""
    touched: set[str] = set()
    on = True

    def hook(event: str, given: tuple) -> None:
        if on and event in ("open", "os.scandir", "os.listdir") and isinstance(given[0], str | Path):
            touched.add(str(given[0]))

    real = os.stat
    sys.addaudithook(hook)
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", lambda path, *a, **k: touched.add(str(path)) or real(path, *a, **k))
        made = workspace.open_workspace(Path("project.yaml"), "prod")
        render(made.blueprint)
    on = False
    root = project.root
    known = [(root / each).resolve() for each in unchanged.read_by(made)]
    looked = {(root / each).resolve() for each in touched if not each.isdigit()}
    inside = {each for each in looked if each.is_relative_to(root) and each != root}
    assert root / "models/story/words.py" in inside
    unknown = {each for each in inside if not any(each.is_relative_to(k) or k.is_relative_to(each) for k in known)}
    assert unknown == set()
    shipped = [bundle() / each for each in ("infra", "templates", "schemas", "requirements", "model_server")]
    ours = {each for each in looked if any(each.is_relative_to(folder) for folder in shipped)}
    assert ours
    assert {each for each in ours if not any(each.is_relative_to(folder) for folder in unchanged.product())} == set()
