"""`workaday eject`: what is copied changes nothing until it is changed, and nothing of the user's is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from workaday.project.migrations.edits import appended
from workaday.project.source import parse

PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"
LOCAL = """\
version: 1  # of the file
name: dungeon
platform: {kind: local}

models:
  # the one
  - name: story
    server: {kind: torch, predictor: story.py}
"""
CLOUD = LOCAL.replace(
    "{kind: local}",
    """
  kind: aws
  region: us-east-1
  account: "111122223333"
  access: {via: vpn, admins: ["arn:aws:iam::111122223333:role/platform"]}""",
)


@pytest.fixture
def project(tmp_path):
    def write(text: str = LOCAL) -> Path:
        (tmp_path / "story.py").write_text(PREDICTOR)
        (tmp_path / "project.yaml").write_text(text)
        return tmp_path

    return write


@pytest.fixture
def rendered(workaday, tmp_path):
    def tree() -> dict[str, bytes]:
        done = workaday("render")
        assert done.returncode == 0, done.stderr
        root = tmp_path / "deploy" / "default"
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    return tree


@pytest.mark.parametrize("text", [LOCAL, CLOUD], ids=["local", "aws"])
def test_after_eject_the_tree_is_the_same_to_the_byte(workaday, project, rendered, text):
    root = project(text)
    before = rendered()
    done = workaday("eject")
    assert done.returncode == 0, done.stderr
    assert (root / "overlays/own/templates/tree_readme.md.j2").is_file()
    assert rendered() == before


def test_an_edit_of_what_was_ejected_changes_the_tree_accordingly(workaday, project, rendered):
    root = project()
    before = rendered()
    assert workaday("eject").returncode == 0
    own = root / "overlays/own"
    with (own / "infra/local/outputs.tf").open("a") as file:
        file.write("# ours\n")
    (own / "infra/local/README.md").unlink()
    readme = own / "templates/tree_readme.md.j2"
    readme.write_text("ours: " + readme.read_text())
    after = rendered()
    assert after["README.md"] == b"ours: " + before["README.md"]
    outputs, gone = "terraform/modules/local/outputs.tf", "terraform/modules/local/README.md"
    assert after[outputs] == before[outputs] + b"# ours\n"
    assert gone in before
    assert gone not in after
    same = set(before) - {"README.md", outputs, gone, "tree.lock"}
    assert {path: after[path] for path in same} == {path: before[path] for path in same}


def test_the_way_back_is_to_delete_it(workaday, project, rendered):
    root = project()
    before = rendered()
    assert workaday("eject", "infra/local").returncode == 0
    for path in (root / "overlays/own/infra/local").iterdir():
        path.write_text("# ours\n")
    assert rendered() != before
    for path in (root / "overlays/own/infra/local").iterdir():
        path.unlink()
    (root / "overlays/own/defaults.yaml").write_text("platform: {}\n")
    assert rendered() == before


def test_one_part_is_copied_and_the_file_keeps_its_comments(workaday, project):
    root = project()
    done = workaday("eject", "infra/local/main.tf")  # a file of a module stands for the module
    assert done.returncode == 0
    assert "infra/local: 5 files copied to overlays/own/infra/local" in done.stdout
    assert "project.yaml: `overlays/own` added to `overlays`" in done.stdout
    assert (root / "project.yaml").read_text() == LOCAL + "overlays: [overlays/own]\n"
    assert not (root / "overlays/own/templates").exists()


def test_a_second_time_there_is_nothing_to_do(workaday, project):
    root = project()
    assert workaday("eject").returncode == 0
    text = (root / "project.yaml").read_text()
    (root / "overlays/own/infra/local/main.tf").write_text("# ours\n")
    for arguments in ((), ("infra/local",)):
        done = workaday("eject", *arguments)
        assert (done.returncode, done.stdout) == (0, "nothing to eject: every part is the project's own already\n")
    assert (root / "project.yaml").read_text() == text
    assert (root / "overlays/own/infra/local/main.tf").read_text() == "# ours\n"


def test_it_ends_what_was_cut_short(workaday, project, rendered):
    root = project()
    before = rendered()
    assert workaday("eject").returncode == 0
    (root / "project.yaml").write_text(LOCAL)  # killed before the last step
    (root / "overlays/own/infra/local/main.tf").unlink()
    assert workaday("eject").returncode == 0
    assert rendered() == before


def test_it_refuses_to_overwrite_and_writes_nothing(workaday, project):
    root = project()
    mine = root / "overlays/own/infra/local/main.tf"
    mine.parent.mkdir(parents=True)
    mine.write_text("# mine\n")
    done = workaday("eject")
    assert done.returncode == 1
    assert done.stderr.startswith("error[P314]: `overlays/own/infra/local/main.tf` is there already\n")
    assert [path for path in (root / "overlays").rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == "# mine\n"
    assert (root / "project.yaml").read_text() == LOCAL


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("infra/locl",), "error[P313]: the project uses no `infra/locl`\nhint: did you mean `infra/local`?\n"),
        (("--into", "../team"), "error[P302]: `../team` cannot be an overlay\n"),
        (("--into", "/tmp/team"), "error[P302]: `/tmp/team` cannot be an overlay\n"),
        (("--into", "a: b"), "error[P302]: `a: b` cannot be an overlay\n"),
    ],
)
def test_what_cannot_be_ejected_is_said_so(workaday, project, arguments, said):
    root = project()
    done = workaday("eject", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert (root / "project.yaml").read_text() == LOCAL


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\n", "a: 1\nlist: [x/y]\n"),
        ("a: 1", "a: 1\nlist: [x/y]\n"),
        ("a: 1\n# the end\n", "a: 1\n# the end\nlist: [x/y]\n"),
        ("a: 1\r\nb: 2\r\n", "a: 1\r\nb: 2\r\nlist: [x/y]\r\n"),
        ("a: |\n  text\n", "a: |\n  text\nlist: [x/y]\n"),
        ("{a: 1}\n", "{a: 1, list: [x/y]}\n"),
        ("{a: 1, }\n", "{a: 1, list: [x/y], }\n"),
        ("list: []\n", "list: [x/y]\n"),
        ("list: [b, c]  # ours\na: 1\n", "list: [b, c, x/y]  # ours\na: 1\n"),
        ("list:\n  - b  # ours\n\n# next\na: 1\n", "list:\n  - b  # ours\n  - x/y\n\n# next\na: 1\n"),
        ("list:\n- b", "list:\n- b\n- x/y\n"),
        ("list: [\n  b,\n]\n", "list: [\n  b, x/y,\n]\n"),
    ],
)
def test_an_item_is_added_wherever_a_list_may_stand(before, after):
    assert appended(parse(before, "project.yaml"), "list", "x/y") == after
