"""Terraform's failure, shown at the line of project.yaml that the failing resource comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from workaday.execute.failures import as_project_error, at_its_key, at_its_origin
from workaday.execute.terraform import TerraformFailure
from workaday.execute.workspace import Workspace, open_workspace
from workaday.project.diagnostics import Diagnostic, ProjectError, render_text
from workaday.render import render
from workaday.render.tree import write

PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"
PROJECT = """\
version: 1
name: shop
platform: {kind: local}
models:
  # the first
  - name: echo
    server: {kind: torch, predictor: predictor.py}
  - name: story
    server: {kind: torch, predictor: predictor.py, requirements: requirements.txt}
"""
DETAIL = "Error running command: exit status 1. Output: x\nerror: no such file: weights.bin"
LINES = {
    'module.local.terraform_data.model["story"]': "8:5  (models[1])\n  |\n8 |   - name: story\n  |     ^",
    'module.local.terraform_data.server["story"]': "8:5  (models[1])\n",
    'module.local.terraform_data.layer["story"]': "9:66  (models[1].server.requirements)\n",
    'module.local.terraform_data.server["main"]': "3:11  (platform)\n",
    "module.local.terraform_data.base": "3:11  (platform)\n",
    "": "3:11  (platform)\n",
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    Path("predictor.py").write_text(PREDICTOR)
    Path("requirements.txt").write_text("six\n")
    Path("project.yaml").write_text(PROJECT)
    opened = open_workspace(Path("project.yaml"), None)
    write(opened.tree, render(opened.blueprint))
    return opened


def shown(workspace: Workspace, address: str) -> str:
    event = {"address": address, "summary": "local-exec provisioner error", "detail": DETAIL}
    with pytest.raises(ProjectError) as error, at_its_origin(workspace):
        raise TerraformFailure("apply", [event], "")
    return render_text(error.value.diagnostics, error.value.sources)


@pytest.mark.parametrize("address", LINES)
def test_the_caret_stands_at_the_origin_of_the_resource(workspace: Workspace, address: str) -> None:
    assert f"--> project.yaml:{LINES[address]}" in shown(workspace, address)


@pytest.mark.parametrize("raw", [None, b"", b"[]"])
def test_without_an_origin_table_the_failure_is_told_all_the_same(workspace: Workspace, raw: bytes | None) -> None:
    table = workspace.tree / "origins.json"
    table.unlink() if raw is None else table.write_bytes(raw)
    assert "no such file: weights.bin" in shown(workspace, 'module.local.terraform_data.model["story"]')


def told(event: dict[str, object], output: str = "", platform: str = "aws") -> list[Diagnostic]:
    failure = TerraformFailure("plan", [event] if event else [], output)
    return list(as_project_error(failure, lambda subject: ("platform", subject), platform).diagnostics)


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ({"snippet": {"context": 'variable "access"', "code": "condition = x"}}, "var.access"),
        ({"snippet": {"context": None, "code": '  "network": {'}}, "var.network"),
        ({"snippet": {"context": 'module "cluster"', "code": "  access = var.access"}}, "var.access"),
        ({"snippet": {"context": 'module "budget"', "code": "  notify = var.budget.notify"}}, "var.budget"),
        (
            {"address": "module.dns", "snippet": {"context": 'module "dns"', "code": "  dns   = var.dns"}},
            "var.dns",
        ),
        (
            {"address": 'module.node_groups.aws_eks_node_group.this["gpu"]'},
            'module.node_groups.aws_eks_node_group.this["gpu"]',
        ),
    ],
)
def test_what_a_module_refuses_is_told_in_its_words_at_what_it_is_about(raw: dict[str, object], subject: str) -> None:
    words = "node group gpu: a capacity block lies in one zone;\nname it."
    by = "\n\nThis was checked by the validation rule at modules/aws/network/variables.tf:10,3-13."
    [found] = told({"summary": "Invalid value for variable", "detail": words + by, **raw})
    assert (found.code, found.message) == ("X111", words.replace("\n", " "))
    assert found.path == ("platform", subject)


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ("platform.kind must be another", ("platform", "kind")),
        ("platform.port must be lower", ("platform",)),
        ("it must be another", ("platform",)),
    ],
)
def test_a_refusal_is_told_at_the_key_that_it_names_where_the_file_has_it(
    workspace: Workspace, message: str, path: tuple[str, ...]
) -> None:
    found = at_its_key(Diagnostic("X111", message, ("platform",)), workspace.loaded.sources)
    assert (found.message, found.path) == (message, path)


def test_a_refused_node_group_is_told_at_its_pool_without_the_modules_own_line() -> None:
    place = "\nat deploy/default/terraform/modules/aws/node_groups/launch_templates.tf:127:23: condition = x == null"
    raw = {"address": "module.node_groups.aws_launch_template.this", "summary": "Resource precondition failed"}
    [found] = told({**raw, "detail": "node group gpu-spot: EKS takes no bid." + place})
    assert found.message == "node group gpu-spot: EKS takes no bid."
    assert found.path == ("platform", 'var.node_groups["gpu-spot"]')


def test_a_locked_state_says_who_holds_it_and_since_when() -> None:
    detail = (
        "Error message: api error PreconditionFailed\nLock Info:\n  ID:        abc-1\n  Path:      b/cluster.tfstate\n"
        "  Operation: OperationTypeApply\n  Who:       ann@laptop\n  Version:   1.11.4\n"
        "  Created:   2026-11-24 10:00:00 +0000 UTC\n  Info:      \n"
    )
    [found] = told({"summary": "Error acquiring the state lock", "detail": detail})
    assert (found.code, found.message) == (
        "X113",
        "the state is locked: ann@laptop runs apply since 2026-11-24 10:00:00 +0000 UTC",
    )
    assert "force-unlock abc-1" in found.hints[1]


@pytest.mark.parametrize(
    ("platform", "login"), [("aws", "aws sso login"), ("gcp", "gcloud auth"), ("azure", "az login")]
)
def test_without_credentials_each_cloud_says_how_to_log_in(platform: str, login: str) -> None:
    [found] = told({}, "│ Error: No valid credential sources found", platform)
    assert found.code == "X112"
    assert login in found.hints[0]
    assert "--offline" in found.hints[-1]


def test_what_is_protected_is_named_with_the_way_out_and_without_terraforms_advice() -> None:
    detail = (
        "Resource module.bootstrap.aws_s3_bucket.this has lifecycle.prevent_destroy set, but the plan calls for this "
        "resource to be destroyed. To avoid this error, reduce the scope of the plan using the -target option."
    )
    [found] = told({"summary": "Instance cannot be destroyed", "detail": detail})
    assert found.code == "X110"
    assert found.message.startswith("this would destroy module.bootstrap.aws_s3_bucket.this, which is protected")
    assert "take the change back" in found.hints
    assert "-target" not in found.message


def test_terraforms_frame_is_taken_off() -> None:
    [found] = told({}, "╷\n│ Error: Unsupported Terraform Core version\n│\n│ it is too old\n╵")
    assert found.message == "terraform plan failed: Error: Unsupported Terraform Core version\n\nit is too old"
