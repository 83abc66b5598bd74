"""`workaday image` with builders that only write down what they are told; tests/images has a real one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from workaday.cli.run import run
from workaday.execute import images
from workaday.execute.images import builders, sbom
from workaday.execute.images.context import contents, pins, write
from workaday.execute.workspace import open_workspace
from workaday.project.diagnostics import ProjectError

DIGEST = f"sha256:{'a' * 64}"
# What it is told lies in `log`; a file `fail-VERB` has what it complains about.
FAKE = f"""#!{sys.executable}
import json, sys
from pathlib import Path
here, name = Path(__file__).parent, Path(__file__).name
with (here / "log").open("a") as log:
    log.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
verb, options = sys.argv[1], sys.argv[2:]
fail = here / f"fail-{{verb}}"
if fail.exists():
    sys.exit(fail.read_text())
for each in options:
    if each.startswith("type=local,dest="):
        Path(each.partition("dest=")[2], "sbom.cdx.json").write_text("the list")
if verb == "push" and "--digestfile" in options:
    Path(options[options.index("--digestfile") + 1]).write_text("{DIGEST}\\n")
elif verb == "push":
    print("1.0: digest: {DIGEST} size: 528")
"""
PROJECT = """\
version: 1
name: dungeon
platform: {kind: existing, context: prod}
registry: {prefix: ghcr.io/team}
models:
  - name: story
    server: {kind: torch, predictor: models/story/predictor.py, requirements: models/story/requirements.txt}
  - name: painter
    server: {kind: torch, predictor: models/painter/predictor.py}
    compute: {gpu: 1}
  - name: chat
    server: {kind: vllm}
    weights: {uri: "s3://bucket/chat"}
"""


class Shop:
    """A project, and fake builders on PATH."""

    def __init__(self, root: Path, bin: Path) -> None:
        self.root, self.bin = root, bin

    def builder(self, name: str) -> None:
        (self.bin / name).write_text(FAKE)
        (self.bin / name).chmod(0o755)

    def said(self) -> list[list[str]]:
        log = self.bin / "log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def lock(self) -> dict[str, str]:
        path = self.root / "workaday.lock"
        return json.loads(path.read_text())["images"] if path.exists() else {}

    def open(self, stage: str | None = None):
        return open_workspace(self.root / "project.yaml", stage)

    def reference(self, name: str) -> str:
        return next(each.reference for each in images.wanted(self.open().blueprint) if each.owner == name)


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    root, bin = tmp_path / "project", tmp_path / "bin"
    bin.mkdir()
    for name in ("story", "painter"):
        folder = root / "models" / name
        folder.mkdir(parents=True)
        (folder / "predictor.py").write_text(f"class Predictor:\n    name = {name!r}\n")
    (root / "models/story/requirements.txt").write_text("six\n")
    (root / "project.yaml").write_text(PROJECT)
    monkeypatch.chdir(root)
    monkeypatch.setenv("PATH", str(bin))
    return Shop(root, bin)


def codes(capsys) -> str:
    return capsys.readouterr().err


def option(command: list[str], name: str) -> list[str]:
    return [command[at + 1] for at, each in enumerate(command) if each == name]


@pytest.mark.parametrize("name", builders.BUILDERS)
def test_each_builder_builds_lists_and_pushes(shop, name, capsys):
    shop.builder(name)
    assert run(["image", "story", "--push", "--format", "json"]) == 0
    reference = shop.reference("story")
    said = [each for each in shop.said() if each[1] in ("build", "push")]
    built, listed, pushed = said
    assert option(built, "--tag") == [reference]
    assert (option(built, "--target"), option(listed, "--target")) == (["image"], ["sbom"])
    assert "TORCH=cpu" in option(built, "--build-arg")
    assert option(built, "--platform") == ["linux/amd64"]
    assert pushed[-1] == reference
    assert shop.lock() == {reference: DIGEST}
    [answer] = json.loads(capsys.readouterr().out)
    assert answer["digest"] == DIGEST
    assert (shop.root / answer["sbom"]).read_text() == "the list"


def test_the_first_builder_that_is_there_is_taken_or_the_one_that_is_named(shop):
    for name in ("docker", "podman"):
        shop.builder(name)
    assert run(["image", "story"]) == 0
    assert {each[0] for each in shop.said()} == {"podman"}
    assert run(["image", "story", "--builder", "docker"]) == 0
    assert "docker" in {each[0] for each in shop.said()}


def test_without_push_the_lock_is_left(shop, capsys):
    shop.builder("buildah")
    assert run(["image", "story"]) == 0
    assert shop.lock() == {}
    assert "--push" in capsys.readouterr().out


def test_a_model_with_a_gpu_gets_torch_for_it_and_arguments_of_the_user_win(shop):
    shop.builder("buildah")
    assert run(["image", "painter", "--build-arg", "BASE=debian:12"]) == 0
    assert run(["image", "painter", "--build-arg", "TORCH=cpu"]) == 0
    given = [option(each, "--build-arg") for each in shop.said() if "image" in option(each, "--target")]
    assert ["TORCH=cuda" in each for each in given] == [True, False]
    assert "BASE=debian:12" in given[0]


def test_all_are_built_and_ready_made_images_are_not(shop):
    shop.builder("buildah")
    assert run(["image", "--all", "--push"]) == 0
    assert set(shop.lock()) == {shop.reference("story"), shop.reference("painter")}


def test_a_canary_with_another_predictor_is_built_with_its_model(shop):
    shop.builder("buildah")
    (shop.root / "models/story/next.py").write_text("class Predictor: pass\n")
    canary = "    canary: {overrides: {server: {kind: torch, predictor: models/story/next.py}}}\n"
    text = PROJECT.replace("requirements.txt}\n", f"requirements.txt}}\n{canary}")
    (shop.root / "project.yaml").write_text(text)
    assert run(["image", "story", "--push"]) == 0
    both = [each.reference for each in images.wanted(shop.open().blueprint) if each.owner != "painter"]
    assert len(both) == 2
    assert set(shop.lock()) == set(both)


TOGETHER = """\
pipelines:
  - name: both
    together: true
    steps:
      - {name: one, model: story}
      - {name: two, model: painter, after: [one]}
"""


def test_models_in_one_pod_are_in_one_image(shop, capsys):
    shop.builder("buildah")
    (shop.root / "models/painter/requirements.txt").write_text("iniconfig\n")
    text = PROJECT.replace(
        "painter/predictor.py}", "painter/predictor.py, requirements: models/painter/requirements.txt}"
    )
    (shop.root / "project.yaml").write_text(text + TOGETHER)
    workspace = shop.open()
    [image] = images.wanted(workspace.blueprint)
    assert (image.owner, image.variant) == ("both", "cuda")
    found = contents(workspace, image)
    assert {"project/models/story/predictor.py", "project/models/painter/predictor.py"} <= set(found)
    assert found["requirements/model.txt"].split() == [b"six", b"iniconfig"]
    assert run(["image", "story", "--push"]) == 1
    assert "`workaday image both` builds it" in codes(capsys)
    assert run(["image", "both", "--push"]) == 0
    assert shop.lock() == {image.reference: DIGEST}
    [pipeline] = shop.open().blueprint.pipelines
    assert pipeline.serving.container.image == f"ghcr.io/team/both@{DIGEST}"
    assert images.unbuilt(shop.open()) == []


def test_a_pipeline_of_models_with_pods_of_their_own_needs_no_image_more(shop):
    shop.builder("buildah")
    (shop.root / "project.yaml").write_text(PROJECT + TOGETHER.replace("    together: true\n", ""))
    assert {each.owner for each in images.wanted(shop.open().blueprint)} == {"story", "painter"}
    assert run(["image", "--all", "--push"]) == 0
    [pipeline] = shop.open().blueprint.pipelines
    assert pipeline.serving.container.image.endswith(f"@{DIGEST}")


def test_pushing_again_drops_the_old_tag_unless_an_environment_wants_it(shop):
    shop.builder("buildah")
    assert run(["image", "story", "--push"]) == 0
    old = shop.reference("story")
    (shop.root / "environments").mkdir()
    (shop.root / "models/old").mkdir()
    (shop.root / "models/old/predictor.py").write_text((shop.root / "models/story/predictor.py").read_text())
    (shop.root / "models/old/requirements.txt").write_text("six\n")
    prod = "server: {predictor: models/old/predictor.py, requirements: models/old/requirements.txt}"
    (shop.root / "environments/prod.yaml").write_text(f"models:\n  - name: story\n    {prod}\n")
    (shop.root / "models/story/predictor.py").write_text("class Predictor:\n    name = 'new'\n")
    assert run(["image", "story", "--push"]) == 0
    assert set(shop.lock()) == {shop.reference("story"), old}
    (shop.root / "environments/prod.yaml").unlink()
    (shop.root / "models/story/predictor.py").write_text("class Predictor:\n    name = 'newer'\n")
    assert run(["image", "story", "--push"]) == 0
    assert set(shop.lock()) == {shop.reference("story")}


def test_what_is_pushed_already_is_not_built_again_unless_that_is_asked_for(shop, capsys):
    """Registries whose tags do not move, such as ECR's here, refuse another image under the same one."""
    shop.builder("buildah")
    assert run(["image", "story", "--push"]) == 0
    before = len(shop.said())
    assert run(["image", "story", "--push"]) == 0
    assert f"is pushed: {DIGEST}" in capsys.readouterr().out
    assert len(shop.said()) == before
    assert run(["image", "story", "--push", "--again"]) == 0
    assert len(shop.said()) == 2 * before


def test_no_builder_is_said_with_what_to_install(shop, capsys):
    assert run(["image", "story"]) == 1
    said = codes(capsys)
    assert "X170" in said
    assert "apt-get install buildah" in said
    assert run(["image", "story", "--builder", "kaniko"]) == 1
    assert "X170" in codes(capsys)


def test_docker_without_a_daemon_is_no_builder(shop, capsys):
    shop.builder("docker")
    (shop.bin / "fail-version").write_text("Cannot connect to the Docker daemon")
    assert run(["image", "story"]) == 1
    said = codes(capsys)
    assert "X170" in said
    assert "Cannot connect" in said


@pytest.mark.parametrize(
    ("verb", "words", "code"),
    [
        ("build", "error: gcc: not found", "X171"),
        ("build", "  × No solution found when resolving dependencies:\n  ╰─▶ Because you require torch<2, no", "X172"),
        ("push", "unauthorized: authentication required", "X173"),
    ],
)
def test_a_builder_that_fails_is_quoted(shop, capsys, verb, words, code):
    shop.builder("buildah")
    (shop.bin / f"fail-{verb}").write_text(words)
    assert run(["image", "story", "--push"]) == 1
    said = codes(capsys)
    assert code in said
    assert words.split()[-1] in said
    assert shop.lock() == {}


@pytest.mark.parametrize(
    ("line", "refused"), [("torch==2.4.0", True), ("Torch[opt] == 2.4", True), ("torch>=2", False)]
)
def test_requirements_that_move_torch_are_refused_before_a_build(shop, capsys, line, refused):
    shop.builder("buildah")
    (shop.root / "models/story/requirements.txt").write_text(f"six\n{line}\n")
    assert run(["image", "story"]) == refused
    assert ("X172" in codes(capsys)) is refused
    assert bool(shop.said()) is not refused


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["image", "chat"], "X176"),
        (["image", "stroy"], "L122"),
        (["image"], "X100"),
        (["image", "story", "--all"], "X100"),
        (["image", "story", "--build-arg", "BASE"], "X100"),
    ],
)
def test_what_cannot_be_meant_is_said(shop, capsys, arguments, code):
    shop.builder("buildah")
    assert run(arguments) == 1
    assert code in codes(capsys)


def test_on_this_machine_there_are_no_images(shop, capsys):
    text = PROJECT.replace("existing, context: prod", "local").partition("  - name: chat")[0]
    (shop.root / "project.yaml").write_text(text)
    assert run(["image", "story"]) == 1
    assert "X176" in codes(capsys)


def test_a_folder_for_another_builder(shop, tmp_path, capsys):
    into = tmp_path / "folder"
    assert run(["image", "story", "--context", str(into)]) == 0
    assert f"--tag {shop.reference('story')}" in capsys.readouterr().out
    files = {each.relative_to(into).as_posix() for each in into.rglob("*") if each.is_file()}
    assert {"Dockerfile", "sbom.py", "requirements/server.txt", "project/models/story/predictor.py"} <= files
    assert (into / "requirements/model.txt").read_text() == "six\n"
    assert run(["image", "story", "--context", str(into)]) == 1
    assert "X177" in codes(capsys)


def test_what_the_tag_is_a_hash_of_is_what_is_in_the_image(shop):
    story = shop.root / "models/story"
    (story / "words.txt").write_text("once")
    (story / ".hidden").write_text("no")
    (story / "large.bin").write_bytes(b"\0" * (2**20 + 1))
    workspace = shop.open()
    [image] = [each for each in images.wanted(workspace.blueprint) if each.owner == "story"]
    project = {each for each in contents(workspace, image) if each.startswith("project/")}
    assert project == {f"project/models/story/{name}" for name in ("predictor.py", "requirements.txt", "words.txt")}
    [warning] = write(workspace, image, shop.root / "out")
    assert (warning.code, warning.severity) == ("X175", "warning")
    assert "large.bin" in warning.message


def test_the_folder_is_the_same_each_time(shop):
    workspace = shop.open()
    [image] = images.wanted_for(workspace, ["story"])
    looks = []
    for name in ("one", "two"):
        folder = shop.root.parent / name
        write(workspace, image, folder)
        found = sorted(folder.rglob("*"))
        looks.append([(each.relative_to(folder), each.stat().st_mode, each.stat().st_mtime) for each in found])
    assert looks[0] == looks[1]


def test_what_nobody_pushed_is_warned_of_and_what_has_changed_since_is_refused(shop):
    shop.builder("buildah")
    assert {(each.code, each.severity) for each in images.unbuilt(shop.open())} == {("X174", "warning")}
    assert run(["image", "--all", "--push"]) == 0
    assert images.unbuilt(shop.open()) == []
    (shop.root / "models/story/predictor.py").write_text("class Predictor:\n    name = 'new'\n")
    [found] = images.unbuilt(shop.open())
    assert (found.code, found.severity, found.path) == ("X174", "error", ("models", 0, "server"))
    assert "workaday image story --push" in found.hints[0]


def test_apply_stops_for_an_image_that_is_surely_not_there(shop, capsys):
    shop.builder("buildah")
    assert run(["image", "--all", "--push"]) == 0
    (shop.root / "models/story/predictor.py").write_text("class Predictor:\n    name = 'new'\n")
    assert run(["apply", "--yes"]) == 1
    said = codes(capsys)
    assert "X174" in said
    assert "workaday image story --push" in said


def test_a_failed_check_names_all_versions():
    assert pins("torch==2.1 \\\n    --hash=sha256:1\nNum_Py[x]===1.0 ; python_version < '4'\nsix>=1\n# a==2\n") == {
        "torch": "2.1",
        "num-py": "1.0",
    }


def test_the_list_is_cyclonedx(tmp_path, monkeypatch):
    dpkg, release, project = tmp_path / "status", tmp_path / "os-release", tmp_path / "workaday"
    dpkg.write_text(
        "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9+deb12u1\nArchitecture: amd64\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: amd64\n"
    )
    release.write_text('NAME="Debian GNU/Linux"\nID=debian\n')
    project.mkdir()
    (project / "predictor.py").write_text("class Predictor: pass\n")
    for name, value in (("DPKG", dpkg), ("RELEASE", release), ("PROJECT", project)):
        monkeypatch.setattr(sbom, name, value)
    found = sbom.document("ghcr.io/team/story:1")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(found)) is None
    by_name = {each["name"]: each for each in found["components"]}
    assert by_name["libc6"]["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64"
    assert "gone" not in by_name
    assert by_name["torch"]["purl"].startswith("pkg:pypi/torch@")
    assert by_name[str(project / "predictor.py")]["hashes"][0]["alg"] == "SHA-256"
    edges = {each["ref"]: each["dependsOn"] for each in found["dependencies"]}
    assert any(each.startswith("pkg:pypi/sympy@") for each in edges[by_name["torch"]["bom-ref"]])
    assert sbom.document("ghcr.io/team/story:1") == found


def test_a_broken_lock_stops_before_a_build(shop, capsys):
    shop.builder("buildah")
    (shop.root / "workaday.lock").write_text("<<<<<<< HEAD")
    assert run(["image", "story", "--push"]) == 1
    assert "X133" in codes(capsys)
    assert shop.said() == []


def test_a_requirement_that_moves_torch_points_at_the_model(shop):
    (shop.root / "models/story/requirements.txt").write_text("torch==2.4.0\n")
    workspace = shop.open()
    [image] = images.wanted_for(workspace, ["story"])
    with pytest.raises(ProjectError) as refused:
        write(workspace, image, shop.root.parent / "out")
    [found] = refused.value.diagnostics
    assert (found.code, found.path) == ("X172", ("models", 0, "server"))
