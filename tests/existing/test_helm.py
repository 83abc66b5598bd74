"""The adapter's command lines and answers, with a fake helm; and what a release's Secret tells."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from workaday.execute import releases
from workaday.execute.helm import Helm, HelmFailure, find_binary
from workaday.execute.refusals import helm_failed
from workaday.project.diagnostics import ProjectError

HERE = Path(__file__).parent


@pytest.fixture
def adapter(helm) -> Helm:
    return Helm(str(helm.binary), Path("/k/config"), "plane", "dungeon")


def test_a_release_is_sent_with_its_values_and_where_it_comes_from(helm, adapter) -> None:
    send = adapter.install_or_upgrade("story", Path("/a chart"), {"image": "i"}, description="workaday d/s 0")
    answer = asyncio.run(send)
    argv = helm.argv("upgrade")
    assert argv[:3] == ["upgrade", "story", "/a chart"]
    for pair in (["--namespace", "dungeon"], ["--kube-context", "plane"], ["--kubeconfig", "/k/config"]):
        assert argv[argv.index(pair[0]) :][:2] == pair
    assert "--install" in argv
    assert "--reset-values" in argv
    assert not {"--wait", "--atomic", "--create-namespace"} & set(argv)
    assert (answer["version"], answer["config"]) == (1, {"image": "i"})


def test_a_refusal_has_helms_words_without_its_frame(helm, adapter) -> None:
    helm.fails("upgrade", "story", "WARNING: Kubernetes configuration file is group-readable.\nError: no such chart\n")
    with pytest.raises(HelmFailure) as caught:
        asyncio.run(adapter.install_or_upgrade("story", Path("c"), {}, description="d"))
    assert caught.value.said == "no such chart"


def test_a_refusal_is_told_once(tmp_path: Path, helm) -> None:
    helm.fails("upgrade", "story", "Error: no such chart\n")
    program = """
import asyncio, sys
from pathlib import Path
from workaday.execute.helm import Helm, HelmFailure
helm = Helm(sys.argv[1], Path("k"), "plane", "dungeon")
try:
    asyncio.run(helm.install_or_upgrade("story", Path("c"), {}, description="d"))
except HelmFailure:
    pass
"""
    done = subprocess.run([sys.executable, "-c", program, str(helm.binary)], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_what_is_gone_already_is_removed(helm, adapter) -> None:
    helm.fails("uninstall", "story", "Error: uninstall: Release not loaded: story: release: not found\n")
    asyncio.run(adapter.uninstall("story"))


def test_helm_is_found_where_it_is_said_to_be(helm, tmp_path: Path) -> None:
    assert find_binary({"WORKADAY_HELM": str(helm.binary), "PATH": ""}) == str(helm.binary)
    assert find_binary({"PATH": str(helm.folder)}) == str(helm.binary)
    with pytest.raises(ProjectError) as caught:
        find_binary({"PATH": str(tmp_path / "none")})
    assert caught.value.diagnostics[0].code == "X180"
    with pytest.raises(ProjectError, match="WORKADAY_HELM names no program"):
        find_binary({"WORKADAY_HELM": "/nowhere/helm", "PATH": str(helm.folder)})


FORBIDDEN = (
    'inferenceservices.serving.kserve.io is forbidden: User "ann" cannot create resource "inferenceservices"'
    ' in API group "serving.kserve.io" in the namespace "dungeon"'
)
AWAY = 'Kubernetes cluster unreachable: Get "https://127.0.0.1:1/version": dial tcp: connect: connection refused'
NO_KIND = 'no matches for kind "ScaledObject" in version "keda.sh/v1alpha1" ensure CRDs are installed first'
SOMEBODYS = 'ServiceAccount "story" in namespace "d" exists and cannot be imported into the current release'


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (FORBIDDEN, "X183", "`ann` may not create inferenceservices.serving.kserve.io, which `story` needs"),
        (AWAY, "X182", "does not answer"),
        (
            'server-side apply failed: Patch "https://127.0.0.1:1/apis/keda.sh": unexpected EOF',
            "X182",
            "does not answer",
        ),
        ("the server has asked for the client to provide credentials: Unauthorized", "X181", "credentials"),
        (NO_KIND, "X184", "no ScaledObject"),
        (SOMEBODYS, "X186", "ServiceAccount `story`"),
        ("another operation (install/upgrade/rollback) is in progress", "X186", "another helm"),
        ("values don't meet the specifications of the schema(s)", "X184", "don't meet"),
    ],
)
def test_helms_words_are_sorted_by_what_mends_them(words: str, code: str, said: str) -> None:
    found = helm_failed(HelmFailure("upgrade", "story", words), ("models", 0))
    assert found.code == code
    assert said in found.message


def record(version: int, status: str, description: str, **more: object) -> dict:
    return {"name": "story", "version": version, "info": {"status": status, "description": description}, **more}


def secrets(secret_of, *records: dict) -> list[dict]:
    return [secret_of(each) for each in records]


ONE, TWO = "workaday dungeon/default 1111111111111111", "workaday dungeon/default 2222222222222222"


def test_the_newest_revision_counts(secret_of) -> None:
    found = releases.deployed_of(secrets(secret_of, record(2, "deployed", TWO), record(1, "superseded", ONE)))
    assert (found["story"].revision, found["story"].digest, found["story"].good) == (2, "2222222222222222", 2)


def test_what_failed_has_an_owner_and_something_to_go_back_to(secret_of) -> None:
    failed = record(2, "failed", 'Upgrade "story" failed: no')
    found = releases.deployed_of(secrets(secret_of, failed, record(1, "deployed", ONE)))["story"]
    assert (found.status, found.owner, found.digest, found.good) == ("failed", "dungeon/default", "", 1)


def test_a_rollback_stands_for_what_it_repeats_through_another_rollback(secret_of) -> None:
    newest, between = record(5, "deployed", "Rollback to 3"), record(3, "superseded", "Rollback to 1")
    assert releases.earlier(secrets(secret_of, newest)) == ["sh.helm.release.v1.story.v3"]
    assert releases.earlier(secrets(secret_of, newest, between)) == ["sh.helm.release.v1.story.v1"]
    known = secrets(secret_of, newest, between, record(1, "superseded", ONE))
    assert releases.earlier(known) == []
    assert releases.deployed_of(known)["story"].digest == "1111111111111111"


def test_a_secret_that_is_none_of_helms_is_left_out() -> None:
    assert releases.deployed_of([{"data": {"release": "bm90"}}, {"data": {}}, {}]) == {}


def test_the_digest_is_of_values_and_chart(tmp_path: Path) -> None:
    for folder, text in (("one", "a"), ("two", "b")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "Chart.yaml").write_text(text)
    made = {releases.digest_of(values, tmp_path / chart) for values in ({}, {"a": 1}) for chart in ("one", "two")}
    assert len(made) == 4
    assert releases.digest_of({"a": 1, "b": 2}, tmp_path / "one") == releases.digest_of(
        {"b": 2, "a": 1}, tmp_path / "one"
    )


def test_differences_are_named_by_key() -> None:
    one = {"models": [{"image": "a", "env": {"A": "1"}, "args": ["x"]}]}
    other = {"models": [{"image": "b", "env": {"A": "1", "B": "2"}, "args": ["x", "y"]}]}
    assert list(releases.differences(one, other)) == ["models[0].args", "models[0].env.B", "models[0].image"]


def test_a_plan_of_releases_is_saved_and_read_back(project, cluster, helm) -> None:
    from workaday.execute import deploy

    workspace = project()
    planned = deploy.plan(workspace)
    assert deploy.saved_plan(workspace) == planned
    helm.put("story", [json.loads(json.dumps(record(1, "failed", "x", chart={"metadata": {"name": "inference"}})))])
    assert deploy.saved_plan(workspace) is None, "the cluster is another one by now"
