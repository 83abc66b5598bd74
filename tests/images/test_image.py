"""Images that are really built, and a prediction from one; what builders are told is tests/unit/test_image_verb.py."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from urllib.request import Request, urlopen

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from load import debian
from plane import programs

from workaday.cli.run import run
from workaday.execute import images
from workaday.execute.images import context
from workaday.execute.workspace import open_workspace
from workaday.project.lock import LOCK_NAME
from workaday.render import render
from workaday.resources import bundle

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]
HELLO = bundle() / "templates" / "init" / "hello" / "models" / "hello"
PROJECT = """\
version: 1
name: dungeon
platform: {{kind: existing, context: prod}}
registry: {{prefix: "{prefix}"}}
models:
  - name: hello
    server: {{kind: torch, predictor: models/hello/predictor.py{requirements}}}
    compute: {{cpu: 2, memory: 4Gi}}
"""
COMPILERS = {"gcc", "g++", "cc", "c++", "cpp", "clang", "ld", "as", "make", "rustc", "cargo", "go", "uv", "nvcc"}
BASE, KEPT = "localhost/base", "localhost/torch"  # as conftest.py makes them
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Image(NamedTuple):
    """An image that was built, where its project is, and what it says is in it."""

    reference: str
    root: Path
    sbom: dict


def build(root: Path, buildah, *options: str, builder: str = "buildah") -> Image:
    """Build a project's one image by the command, as a user would."""
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{buildah.bin}:{path}"
    try:
        file = str(root / "project.yaml")
        done = run(["image", "hello", "--file", file, "--builder", builder, "--build-arg", f"BASE={BASE}", *options])
    finally:
        os.environ["PATH"] = path
    assert done == 0
    [found] = images.wanted(open_workspace(root / "project.yaml", None).blueprint)
    sbom = json.loads((root / f".workaday/default/images/{found.file}.cdx.json").read_text())
    return Image(found.reference, root, sbom)


def project(root: Path, prefix: str = "localhost/test", requirements: str = "") -> Path:
    """Write a project with one model, and perhaps requirements of its own."""
    shutil.copytree(HELLO, root / "models/hello", ignore=shutil.ignore_patterns("__pycache__"))
    named = ""
    if requirements:
        (root / "models/hello/requirements.txt").write_text(requirements)
        named = ", requirements: models/hello/requirements.txt"
    (root / "project.yaml").write_text(PROJECT.format(prefix=prefix, requirements=named))
    return root


@pytest.fixture(scope="module", autouse=True)
def same(tmp_path_factory) -> Iterator[None]:
    """The server as it is now, whatever becomes of the sources meanwhile: layers are compared."""
    copy = tmp_path_factory.mktemp("same")
    (copy / "requirements").symlink_to(bundle() / "requirements")
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(bundle() / "model_server", copy / "model_server", ignore=skipped)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "bundle", lambda: copy)
        yield


@pytest.fixture(scope="module")
def whole(buildah, tmp_path_factory) -> Image:
    """An image with torch and all, built once; its torch stays in the cache for the next session."""
    found = build(project(tmp_path_factory.mktemp("whole")), buildah)
    workspace, folder = open_workspace(found.root / "project.yaml", None), tmp_path_factory.mktemp("torch")
    context.write(workspace, images.wanted(workspace.blueprint)[0], folder)
    script = 'buildah build --layers --build-arg "BASE=$1" --build-arg TORCH=cpu --target torch --tag "$2" "$3"'
    buildah.inside(script, BASE, KEPT, str(folder))
    return found


def reduced(patch: pytest.MonkeyPatch, folder: Path, *names: str) -> None:
    """Leave a server's pins of some packages alone, where torch is not the question: seconds in place of minutes."""
    (folder / "requirements").mkdir(parents=True)
    (folder / "model_server").symlink_to(context.bundle() / "model_server")
    shutil.copy(bundle() / "requirements/uv.txt", folder / "requirements")
    entries = (bundle() / "requirements/server.txt").read_text().replace("\\\n", "\\\0").splitlines()
    kept = [each.replace("\0", "\n") for each in entries if each.partition("==")[0] in names]
    (folder / "requirements/server.txt").write_text("\n".join(kept) + "\n")
    patch.setattr(context, "bundle", lambda: folder)


@pytest.fixture
def small(monkeypatch, tmp_path) -> None:
    """Pins of a server that needs next to nothing."""
    reduced(monkeypatch, tmp_path / "pins", "orjson", "numpy")


@pytest.fixture
def cpu_index(tmp_path) -> Iterator[str]:
    """An index of packages that has one: torch for CPUs, of the pinned version, with nothing in it."""
    version = context.pins((bundle() / "requirements/server.txt").read_text())["torch"]
    name = f"torch-{version}+cpu"
    folder = tmp_path / "index/simple/torch"
    folder.mkdir(parents=True)
    files = {
        "torch/__init__.py": f"__version__ = '{version}+cpu'\n",
        f"{name}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}+cpu\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{name}.dist-info/RECORD"] = "".join(f"{each},,\n" for each in (*files, f"{name}.dist-info/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "index"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
        server.shutdown()
        thread.join()


def test_a_prediction_from_the_built_root(whole, buildah, tmp_path, free_port):
    tree = render(open_workspace(whole.root / "project.yaml", None).blueprint)
    values = json.loads(tree["releases/hello.json"])["models"][0]
    configuration = values["config"] | {"host": "127.0.0.1", "port": free_port}
    (tmp_path / "server.json").write_text(json.dumps(configuration))
    tmp_path.chmod(0o755)
    log = tmp_path / "log"
    with buildah.running(whole.reference, tmp_path, *values["command"], *values["args"]) as server:
        at = f"http://127.0.0.1:{free_port}"
        until_ready(f"{at}/v2/health/ready", server, log)
        body = json.dumps({"text": "guten Abend, mein Freund"}).encode()
        with urlopen(Request(f"{at}/hello", data=body, headers={"content-type": "application/json"})) as answer:
            assert json.load(answer)["language"] == "german"
    assert values["user"] == 1000


def until_ready(url: str, server: subprocess.Popen[str], log: Path) -> None:
    end = time.monotonic() + 600
    while time.monotonic() < end:
        assert server.poll() is None, server.communicate()[0]
        try:
            with urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail("the server never became ready")


def test_its_root_cannot_be_written_to_and_it_is_nobody_in_particular(whole, buildah, tmp_path):
    script = (
        "import os, pathlib\n"
        "print(os.getuid(), os.getgid(), os.getgroups())\n"
        "for each in ('/', '/workaday', '/opt/venv', '/opt/server', '/etc', '/var/tmp'):\n"
        "    try:\n        (pathlib.Path(each) / 'x').touch()\n        print('wrote', each)\n"
        "    except OSError as error:\n        pass\n"
        "pathlib.Path('/tmp/x').touch()\n"
    )
    with buildah.running(whole.reference, tmp_path, "python", "-c", script) as process:
        assert process.communicate(timeout=300)[0] == "1000 1000 []\n"


def test_there_is_no_compiler_and_nothing_that_its_user_could_change(whole, buildah):
    files = buildah.files(whole.reference)
    programs_there = {Path(path).name for kind, _, _, path in files if kind != "d" and "/bin/" in path}
    assert not programs_there & COMPILERS
    assert not [name for name in programs_there if name.startswith(("gcc-", "clang-", "x86_64-linux-gnu-"))]
    assert not {path for kind, _, owner, path in files if owner == 1000}
    sticky = {"/tmp", "/var/tmp", "/run/lock", "/dev/shm", "/dev/mqueue"}
    loose = {path for kind, mode, _, path in files if kind in "fd" and mode & 0o002}
    assert loose <= sticky
    packages = {each["name"] for each in whole.sbom["components"] if each.get("purl", "").startswith("pkg:deb/")}
    assert not packages & {"gcc", "g++", "build-essential", "binutils", "make"}


def test_it_starts_as_charts_start_it(whole, buildah):
    found = buildah.configuration(whole.reference)["config"]
    assert found["User"] == "1000:1000"
    assert found["Cmd"] == ["python", "-m", "workaday_server", "/etc/workaday/server.json"]
    assert "Entrypoint" not in found


def test_the_list_says_what_is_in_it(whole):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(whole.sbom)) is None
    assert whole.sbom["metadata"]["component"]["name"] == whole.reference
    addresses = {each.get("purl", "") for each in whole.sbom["components"]}
    pinned = context.pins((bundle() / "requirements/server.txt").read_text())
    unused = ("triton", "cuda-bindings", "nvidia-cusolver", "nvidia-nvtx")
    assert {
        f"pkg:pypi/{name}@{pinned[name]}" for name in ("torch", "numpy", "uvloop", "nvidia-cudnn-cu13")
    } <= addresses
    assert not {f"pkg:pypi/{name}@{pinned[name]}" for name in unused} & addresses  # a CPU never loads them
    assert any(each.startswith("pkg:deb/debian/libc6@") for each in addresses)
    assert any(each.startswith("pkg:pypi/workaday-server@") for each in addresses)
    [code] = [each for each in whole.sbom["components"] if each["name"] == "/workaday/models/hello/predictor.py"]
    digest = hashlib.sha256((HELLO / "predictor.py").read_bytes()).hexdigest()
    assert code["hashes"] == [{"alg": "SHA-256", "content": digest}]


def test_torch_is_below_the_code(whole, buildah, tmp_path):
    """A change of the code, and then of the requirements, leaves the layers below as they are."""
    root = project(tmp_path / "one")
    with (root / "models/hello/predictor.py").open("a") as file:
        file.write("# another\n")
    changed = build(root, buildah)
    other = build(project(tmp_path / "two", requirements="six==1.17.0\n"), buildah)
    assert len({whole.reference, changed.reference, other.reference}) == 3
    first, of_code, of_packages = (
        buildah.layers(each) for each in (whole.reference, changed.reference, other.reference)
    )
    [torch] = [at for at, (made, _) in enumerate(first) if "uv venv" in made]
    [code] = [at for at, (made, _) in enumerate(first) if "/workaday/" in made and "COPY" in made]
    assert torch < code
    assert first[:code] == of_code[:code]
    assert first[code][1] != of_code[code][1]
    same = [one == two for one, two in zip(first, of_packages, strict=False)]
    assert same.index(False) > torch
    assert any(each.get("purl") == "pkg:pypi/six@1.17.0" for each in other.sbom["components"])


def test_two_models_of_one_predictor_share_their_layers(whole, buildah):
    text = (whole.root / "project.yaml").read_text()
    twin = whole.root / "twin.yaml"
    twin.write_text(text.replace("name: hello", "name: twin"))
    os.environ["PATH"], path = f"{buildah.bin}:{os.environ['PATH']}", os.environ["PATH"]
    try:
        assert run(["image", "twin", "--file", str(twin), "--build-arg", f"BASE={BASE}"]) == 0
    finally:
        os.environ["PATH"] = path
    [found] = images.wanted(open_workspace(twin, None).blueprint)
    assert buildah.layers(found.reference) == buildah.layers(whole.reference)


def test_what_a_package_was_compiled_with_does_not_stay(small, buildah, tmp_path):
    root = project(tmp_path / "one", requirements="--no-binary regex\nregex==2025.9.18\n")
    made = build(root, buildah, "--build-arg", "BUILD_PACKAGES=gcc libc6-dev python3-dev")
    files = {path for _, _, _, path in buildah.files(made.reference)}
    assert any("/site-packages/regex/_regex." in each for each in files)
    assert not {Path(each).name for each in files if "/bin/" in each} & COMPILERS


def test_requirements_that_cannot_be_had_with_the_servers_are_refused(small, buildah, tmp_path, capfd):
    root = project(tmp_path / "one", requirements="numpy<2\n")
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{buildah.bin}:{path}"
    try:
        done = run(["image", "hello", "--file", str(root / "project.yaml"), "--build-arg", f"BASE={BASE}"])
    finally:
        os.environ["PATH"] = path
    said = capfd.readouterr().err
    assert done == 1
    assert "X172" in said
    assert "numpy<2" in said


def test_torch_for_cpus_comes_from_an_index_of_its_own(cpu_index, buildah, monkeypatch, tmp_path):
    reduced(monkeypatch, tmp_path / "pins", "orjson", "torch", "triton", "nvidia-nccl-cu13", "cuda-bindings")
    made = build(project(tmp_path / "one"), buildah, "--build-arg", f"TORCH_INDEX={cpu_index}")
    addresses = {each.get("purl", "").partition("@")[0] for each in made.sbom["components"]}
    assert {each for each in addresses if each.startswith("pkg:pypi/")} == {
        "pkg:pypi/orjson",
        "pkg:pypi/torch",
        "pkg:pypi/workaday-server",
    }
    [torch] = [each for each in made.sbom["components"] if each["name"] == "torch"]
    assert torch["version"].endswith("+cpu")


@pytest.fixture
def registry(tmp_path, free_port) -> Iterator[str]:
    """A registry of images on this machine's loopback."""
    try:
        program = debian.find("docker-registry")
    except programs.Missing as reason:
        if os.environ.get("CI"):
            pytest.fail(str(reason), pytrace=False)
        pytest.skip(f"left out: {reason}")

    port = free_port
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}
    (tmp_path / "registry.yml").write_text(
        json.dumps({"version": 0.1, "storage": storage, "http": {"addr": f"127.0.0.1:{port}"}})
    )
    with (tmp_path / "registry.log").open("w") as log:
        process = subprocess.Popen([program.path, "serve", tmp_path / "registry.yml"], stdout=log, stderr=log)
    try:
        until_ready(f"http://127.0.0.1:{port}/v2/", process, tmp_path / "registry.log")
        yield f"localhost:{port}/team"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("builder", ["buildah", "podman"])
def test_what_is_pushed_is_what_charts_name(small, registry, buildah, tmp_path, builder):
    root = project(tmp_path / "one", prefix=registry)
    file = root / "project.yaml"
    assert images.unbuilt(open_workspace(file, None))
    made = build(root, buildah, "--push", builder=builder)
    digest = json.loads((root / LOCK_NAME).read_text())["images"][made.reference]
    workspace = open_workspace(file, None)
    assert images.unbuilt(workspace) == []
    tree = render(workspace.blueprint)
    image = json.loads(tree["releases/hello.json"])["models"][0]["image"]
    assert image == f"{registry}/hello@{digest}"
    assert tree["images.txt"].decode() == f"{image}\n"
    host, _, name = image.partition("@")[0].partition("/")
    for reference in (digest, made.reference.rpartition(":")[2]):
        request = Request(f"http://{host}/v2/{name}/manifests/{reference}", headers={"accept": MANIFEST})
        with urlopen(request) as answer:
            assert f"sha256:{hashlib.sha256(answer.read()).hexdigest()}" == digest
