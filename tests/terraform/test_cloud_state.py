"""`plan`, `apply` and `destroy` of a cloud: real Terraform, its real S3 backend on moto's server, no cloud behind them.

The state, its lock and who waits for whom are real; what Terraform creates is made up by the pinned schemas' providers.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from workaday.execute import cloud, deploy, terraform
from workaday.execute.offline.provider import Provider
from workaday.execute.offline.server import serving
from workaday.execute.workspace import Workspace, open_workspace
from workaday.project.diagnostics import ProjectError

PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"
PROJECT = """\
version: 1
name: shop
platform:
  kind: aws
  region: us-east-1
  access: {cidrs: [203.0.113.7/32], admins: ["arn:aws:iam::123456789012:role/platform"]}
models:
  - {name: story, server: {kind: torch, predictor: models/story/predictor.py}}
"""

INFRA = ("--only", "infra")  # behind what Terraform makes here there is no API server

# moto answers at an address, where S3 puts the bucket into the host's name: only `init` of the S3 backend is told so.
WRAPPER = """\
#!/bin/sh
if [ "$1" = init ] && grep -qs '"s3"' backend.tf && [ ! -f workaday_offline_override.tf ]; then
  exec {terraform} "$@" -backend-config=use_path_style=true
fi
exec {terraform} "$@"
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a shell with an AWS account would have; here it leads to moto and to providers of our own."""
    wrapper = tmp_path_factory.mktemp("bin") / "terraform"
    wrapper.write_text(WRAPPER.format(terraform=shutil.which("terraform")))
    wrapper.chmod(0o755)
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        with serving() as providers:
            yield {
                **providers,
                "PATH": f"{wrapper.parent}:{os.environ['PATH']}",
                "AWS_ACCESS_KEY_ID": "moto",
                "AWS_SECRET_ACCESS_KEY": "moto",
                "AWS_REGION": "us-east-1",
                "AWS_ENDPOINT_URL_S3": url,
                "AWS_ENDPOINT_URL_STS": url,
                "AWS_ENDPOINT_URL_IAM": url,
                "TF_CLI_CONFIG_FILE": "/dev/null",
            }
    finally:
        server.stop()


@pytest.fixture
def project(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder; the bucket of its state is gone before each test."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "story").mkdir(parents=True)
    (tmp_path / "models" / "story" / "predictor.py").write_text(PREDICTOR)
    (tmp_path / "project.yaml").write_text(PROJECT)
    s3 = boto3.resource("s3", region_name="us-east-1")
    for bucket in s3.buckets.all():
        bucket.object_versions.delete()
        bucket.objects.delete()
        bucket.delete()
    return tmp_path


def opened(folder: Path) -> Workspace:
    return open_workspace(folder / "project.yaml", None)


def make_bucket(folder: Path) -> Any:
    """Make the state's bucket, which at a real cloud the bootstrap root has made."""
    found = opened(folder).blueprint.cloud
    assert found
    return boto3.resource("s3", region_name="us-east-1").create_bucket(Bucket=found.state.bucket)


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "workaday", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def resources(bucket: Any) -> list[str]:
    state = json.loads(bucket.Object("cluster.tfstate").get()["Body"].read())
    return [f"{each.get('module', '')}.{each['type']}.{each['name']}" for each in state["resources"]]


def test_before_there_is_a_bucket_the_plan_is_a_preview_that_begins_with_it(project: Path) -> None:
    shown = run(project, "plan")
    assert "first of all, `shop-state-" in shown
    assert "eks cluster" in shown
    planned = deploy.saved_plan(opened(project))
    assert planned is not None
    assert planned.preview


def test_plan_apply_nothing_to_do_and_destroy_by_name(project: Path) -> None:
    bucket = make_bucket(project)
    shown = run(project, "plan")
    assert "the plan is saved" in shown
    assert "an hour" in shown
    assert "then in the cluster:" in shown
    assert shown.index("kserve-crd") < shown.index("story")
    run(project, "plan", *INFRA)
    made = run(project, "apply")
    assert "eks cluster" in made
    assert "cluster `shop` is up in us-east-1 (aws 123456789012)" in made
    assert any("aws_eks_cluster" in each for each in resources(bucket))
    assert "nothing to do" in run(project, "apply", *INFRA)
    assert "X115" in run(project, "destroy", *INFRA, "--confirm", "shop", code=1)
    text = (project / "project.yaml").read_text().replace("  region:", "  deletion_protection: false\n  region:")
    (project / "project.yaml").write_text(text)
    run(project, "apply", *INFRA, "--yes")
    assert "X103" in run(project, "destroy", "--yes", code=1)
    assert "X103" in run(project, "destroy", "--confirm", "other", code=1)
    assert "destroyed; the bucket" in run(project, "destroy", *INFRA, "--confirm", "shop")
    assert resources(bucket) == []
    assert "nothing to destroy" in run(project, "destroy", *INFRA, "--confirm", "shop")


def test_a_planted_lock_is_respected_and_says_who_holds_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = make_bucket(project)
    lock = {
        "ID": "abc-1", "Operation": "OperationTypeApply", "Who": "ann@laptop", "Version": "1.11.4",
        "Created": "2026-11-24T10:00:00Z", "Info": "", "Path": "",
    }  # fmt: skip
    bucket.put_object(Key="cluster.tfstate.tflock", Body=json.dumps(lock))
    monkeypatch.setattr(terraform, "LOCK_WAIT", "1s")
    with pytest.raises(ProjectError) as error:
        deploy.plan(opened(project))
    [found] = error.value.diagnostics
    assert found.code == "X113"
    assert "ann@laptop runs apply since 2026-11-24 10:00:00" in found.message


def test_another_account_is_refused_before_anything_is_made(project: Path) -> None:
    text = (project / "project.yaml").read_text().replace("123456789012", "111122223333")
    (project / "project.yaml").write_text(text)
    shown = run(project, "plan", code=1)
    assert "error[X117]: you are logged in to account 123456789012; this project is for 111122223333" in shown


def test_of_two_applies_one_wins_and_the_other_is_told_that_its_plan_is_old(project: Path) -> None:
    bucket = make_bucket(project)
    workspace = opened(project)
    deploy.plan(workspace)
    second = workspace.saved_plan.with_name("second.tfplan")
    second.write_bytes(workspace.saved_plan.read_bytes())
    root = cloud.cluster_root(workspace)
    codes = []

    def apply(plan: Path) -> None:
        try:
            with cloud.at_its_origin(workspace):
                root.apply(plan, lambda _: None)
        except ProjectError as error:
            codes.append(error.diagnostics[0].code)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(apply, (workspace.saved_plan, second)))
    assert codes == ["X116"]
    assert any("aws_eks_cluster" in each for each in resources(bucket))
    assert deploy.plan(workspace, "infra").changes == ()


def test_a_killed_apply_is_gone_on_with(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = make_bucket(project)
    real = Provider.ApplyResourceChange

    def slow(self: Provider, request: Any, call: Any) -> Any:
        time.sleep(0.2)
        return real(self, request, call)

    monkeypatch.setattr(Provider, "ApplyResourceChange", slow)
    with serving() as providers:  # a slow cloud, for this test alone
        environment = {**os.environ, **providers}
        run(project, "plan", *INFRA)
        child = subprocess.Popen(
            [sys.executable, "-m", "workaday", "apply"], cwd=project, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        child.stdout.readline()  # the first resource is made
        child.send_signal(signal.SIGKILL)
        child.wait()
        again = subprocess.run(
            [sys.executable, "-m", "workaday", "apply", *INFRA, "--yes"],
            cwd=project, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert again.returncode == 0, again.stdout + again.stderr
    assert any("aws_eks_cluster" in each for each in resources(bucket))
    assert deploy.plan(opened(project), "infra").changes == ()
