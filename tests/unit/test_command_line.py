"""The command line as people and scripts meet it: help, versions, exit codes, nothing heavy on the way to help."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("pydantic", "jinja2", "rich", "kserve", "torch", "yaml", "python_terraform", "numpy")
GOLDEN = Path(__file__).parent.parent / "golden" / "help"
VERBS = [
    "init",
    "validate",
    "render",
    "plan",
    "apply",
    "destroy",
    "explain",
    "upgrade",
    "eject",
    "status",
    "logs",
    "predict",
    "serve",
    "doctor",
    "kubeconfig",
    "weights push",
]


@pytest.mark.parametrize("arguments", [["--help"], ["plan", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import os, sys\n"
        "os._exit = sys.exit\n"
        f"sys.argv = ['workaday', *{arguments!r}]\n"
        "from workaday.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write(','.join(m for m in {HEAVY!r} if m in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_version_is_answered_without_typer() -> None:
    script = (
        "import sys; sys.argv = ['workaday', '--version']\n"
        "from workaday.__main__ import main; main()\n"
        "assert 'typer' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("workaday ")


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_text_is_as_agreed(verb: str, workaday, update_golden) -> None:
    done = workaday(*verb.split(), "--help", COLUMNS="100", TERMINAL_WIDTH="100")
    assert done.returncode == 0
    update_golden(GOLDEN / f"{verb.replace(' ', '-') or 'workaday'}.txt", done.stdout)


def test_an_answer_that_cannot_be_written_is_a_failure(workaday, tmp_path: Path) -> None:
    command = f"{sys.executable} -m workaday explain L101"
    assert subprocess.run(f"{command} >/dev/full", shell=True, capture_output=True, check=False).returncode != 0
    assert subprocess.run(f"{command} | true", shell=True, capture_output=True, check=False).stderr == b""


def test_unknown_verb_is_an_error_with_the_likely_one(workaday) -> None:
    done = workaday("vaildate")
    assert done.returncode == 1
    assert "did you mean `validate`?" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_option_is_an_error_with_the_likely_one(workaday) -> None:
    done = workaday("plan", "--fil", "x")
    assert done.returncode == 1
    assert "`--file`" in done.stderr


def test_missing_project_file_is_one_clear_error(workaday) -> None:
    done = workaday("validate")
    assert (done.returncode, done.stdout) == (1, "")
    assert "project.yaml" in done.stderr
    assert "hint" in done.stderr


def test_errors_as_json(workaday, tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text("version: 1\nname: x\nplatfrom: {kind: local}\nmodels: []\n")
    done = workaday("validate", "--format", "json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found[0]["code"].startswith("P2")
    assert found[0]["position"]["line"] == 3


def test_no_color_and_pipes_are_plain(workaday, tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text("version: 2\n")
    assert "\033[" not in workaday("validate").stderr


def test_explain_prints_a_page(workaday) -> None:
    done = workaday("explain", "L101")
    assert done.returncode == 0
    assert done.stdout.startswith("# L101: port is taken")


def test_init_writes_a_valid_project_and_never_overwrites(workaday, tmp_path: Path) -> None:
    assert workaday("init", "shop").returncode == 0
    written = (tmp_path / "shop" / "project.yaml").read_text()
    assert "name: shop" in written
    assert workaday("validate", cwd=tmp_path / "shop").returncode == 0
    again = workaday("init", "shop")
    assert again.returncode == 1
    assert "nothing was written" in again.stderr
    assert (tmp_path / "shop" / "project.yaml").read_text() == written


def test_init_copies_an_example(workaday, tmp_path: Path) -> None:
    examples = Path(__file__).parents[2] / "examples"
    done = workaday("init", "mine", "--example", "chat")
    assert done.returncode == 0, done.stderr
    copied = {each.relative_to(tmp_path / "mine") for each in (tmp_path / "mine").rglob("*") if each.is_file()}
    assert {Path("README.md"), Path("environments/aws.yaml"), Path("models/chat/page.html")} <= copied
    assert not any({"deploy", ".workaday", "__pycache__"} & {*each.parts} for each in copied)
    for each in copied:
        assert (tmp_path / "mine" / each).read_bytes() == (examples / "chat" / each).read_bytes()
    assert workaday("validate", "--env", "gcp", cwd=tmp_path / "mine").returncode == 0
    refused = workaday("init", "other", "--example", "chat", "--platform", "aws")
    assert "error[X120]" in refused.stderr
    assert "workaday plan --env aws --offline" in refused.stderr
    unknown = workaday("init", "other", "--example", "nope")
    assert "chat" in unknown.stderr
    assert "hello" in unknown.stderr
    assert not (tmp_path / "other").exists()


def test_init_in_a_repository_keeps_its_gitignore(workaday, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    assert workaday("init").returncode == 0
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize("folder", ["file", "file/below", "x" * 300])
def test_init_where_it_cannot_write_is_one_error(workaday, tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    done = workaday("init", folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error[X12" in done.stderr


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("models.hello.limits.concurrency", "derived: one prediction fills the processor"),
        ("models.hello.config.epochs", "written: project.yaml:9"),
        ("models[0].server.kind", "written: project.yaml:8"),
        ("models.hello.limits.timeout", "models.hello.limits.timeout = 1m\n"),
        ("models.hello.limits", '"queue": 64'),
        ("models.hello.limits", "derived, key by key: `workaday explain models.hello.limits.concurrency`"),
        ("models.hello.weights.uri", "not set: Where a cluster finds them."),
        ("models.hello.secrets.TOKEN.key", "not set: The key in it."),
        ("overlays", "overlays = []\n  not set: empty by default"),
        ("gateway", "gateway\n  not set: The one door to the models."),
    ],
)
def test_explain_tells_where_a_value_comes_from(workaday, tmp_path: Path, key: str, said: str) -> None:
    workaday("init", ".")
    done = workaday("explain", key)
    assert done.returncode == 0
    assert said in done.stdout


def test_explain_suggests_the_likely_key(workaday) -> None:
    workaday("init", ".")
    assert "did you mean `queue`?" in workaday("explain", "models.hello.limits.quue").stderr
    assert "did you mean `weights`?" in workaday("explain", "models.hello.wieghts.uri").stderr
    assert workaday("explain", "C999").stderr.startswith("error[X122]: there is no `C999`\n")


def test_every_key_that_the_shell_offers_is_explained(tmp_path: Path) -> None:
    from workaday.cli.explain import look_up, parse_key
    from workaday.cli.start import init
    from workaday.execute.workspace import open_workspace
    from workaday.project.fields import keys_at

    init(tmp_path / "shop", "aws", "hello")
    workspace = open_workspace(tmp_path / "shop" / "project.yaml", None)
    data = workspace.loaded.sources.data
    parts = {
        "models.hello": ("models", 0),
        "pools.gpu": ("pools", 0),
        "platform": ("platform",),
        "gateway": ("gateway",),
    }
    for spelled, path in parts.items():
        for key in keys_at(path, data):
            asked = f"{spelled}.{key}"
            value, origin = look_up(workspace, parse_key(asked, workspace), asked)
            assert origin.startswith(("written: project.yaml:", "derived", "not set: "))
            assert value is not None or origin.startswith("not set: ")


def test_two_environments_are_compared(workaday, tmp_path: Path) -> None:
    workaday("init", ".")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text("models:\n  - name: hello\n    config: {epochs: 90}\n")
    done = workaday("diff", "default", "prod")
    assert done.returncode == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["key", "default", "prod"],
        ["models[hello].config.epochs", "60", "90", "environments/prod.yaml:3"],
    ]
    assert "are the same" in workaday("diff", "prod", "prod").stdout
    assert workaday("diff", "default", "pord").returncode == 1


def test_environments_render_beside_each_other(workaday, tmp_path: Path) -> None:
    workaday("init", ".")
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text("platform: {port: 8099}\n")
    assert workaday("render").returncode == 0
    assert workaday("render", "--env", "prod").returncode == 0
    ports = [
        json.loads((tmp_path / "deploy" / env / "local/main.json").read_text())["port"] for env in ("default", "prod")
    ]
    assert ports == [8080, 8099]


@pytest.mark.parametrize("line", ["plan --fil x --format json", "vaildate --format=json", "render --format json --env"])
def test_usage_errors_as_json(workaday, line: str) -> None:
    done = workaday(*line.split())
    assert (done.returncode, done.stderr) == (1, "")
    (found,) = json.loads(done.stdout)
    assert (found["code"], found["position"]) == ("X100", None)
    assert found["message"]
    assert found["hints"]


def test_a_full_disk_is_no_bug() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "workaday", "explain", "P201"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "error: no space left on device\n")


@pytest.mark.parametrize("platform", ["aws", "gcp", "azure"])
def test_a_clouds_first_file_has_a_spot_pool_with_fallback_and_validates(
    workaday, tmp_path: Path, platform: str
) -> None:
    done = workaday("init", "shop", "--platform", platform)
    assert done.returncode == 0
    assert "workaday plan --offline" in done.stdout
    text = (tmp_path / "shop" / "project.yaml").read_text()
    assert "PLATFORM" not in text
    assert text.count("spot: true") == 1
    checked = workaday("validate", cwd=tmp_path / "shop")
    assert (checked.returncode, checked.stderr) == (0, "")
    told = workaday("explain", "pools.gpu.spot.fallback", cwd=tmp_path / "shop")
    assert 'pools.gpu.spot.fallback = "on_demand"' in told.stdout
