"""Terraform's other verbs with the providers served: apply and destroy, import, tests with mocks; and no connection."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workaday.execute.offline import plan

ROOTS = Path(__file__).parent / "roots"


def test_apply_makes_up_ids_of_the_right_form_and_destroy_removes_all(shop, applied, tmp_path):
    state = tmp_path / "terraform.tfstate"
    shutil.copy(applied("aws"), state)
    made = {(kind, key): values for (kind, _, key), values in attributes(state).items()}
    vpc, role = made["aws_vpc", ""], made["aws_iam_role", ""]
    first, second = (made["aws_subnet", f"eu-west-1{zone}"] for zone in "ab")
    assert re.fullmatch(r"vpc-0ff11e[0-9a-f]{11}", vpc["id"])
    assert re.fullmatch(r"arn:aws:offline:us-east-1:999999999999:iam_role/[0-9a-f]{12}", role["arn"])
    assert first["vpc_id"] == vpc["id"]
    assert first["id"] != second["id"]
    terraform = shop.terraform(ROOTS / "aws", state)
    terraform.init()
    terraform.save(tmp_path / "plan", destroy=True)
    terraform.apply(tmp_path / "plan", lambda _: None)
    assert json.loads(state.read_text())["resources"] == []


def test_two_of_a_kind_get_two_ids(shop, tmp_path):
    (tmp_path / "main.tf").write_text('resource "aws_eip" "this" {\n  count = 3\n}\n')
    terraform = shop.terraform(tmp_path, tmp_path / "terraform.tfstate")
    terraform.init()
    terraform.save(tmp_path / "plan")
    terraform.apply(tmp_path / "plan", lambda _: None)
    assert len({each["id"] for each in attributes(tmp_path / "terraform.tfstate").values()}) == 3


def test_apply_is_deterministic(applied, shop, tmp_path):
    state = tmp_path / "again.tfstate"
    terraform = shop.terraform(ROOTS / "azurerm", state)
    terraform.init()
    terraform.save(tmp_path / "plan")
    terraform.apply(tmp_path / "plan", lambda _: None)
    first, second = (attributes(each) for each in (applied("azurerm"), state))
    assert first == second


def test_import_takes_the_id(edited):
    root = edited("azurerm")
    with (root / "main.tf").open("a") as file:
        file.write('import {\n  to = azurerm_resource_group.this\n  id = "/subscriptions/x/resourceGroups/shop"\n}\n')
    found = plan(root)
    group = next(each for each in found.document["resource_changes"] if each["type"] == "azurerm_resource_group")
    assert group["change"]["importing"] == {"id": "/subscriptions/x/resourceGroups/shop"}


def test_terraform_tests_with_mocks_run(edited):
    root = edited("aws")
    (root / "tests").mkdir()
    (root / "tests" / "main.tftest.hcl").write_text(
        """
mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["x-1a", "x-1b"] }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}
mock_provider "aws" {
  alias = "global"
}
run "plans" {
  command = plan
  assert {
    condition     = length(output.regions) == 2
    error_message = "two regions"
  }
}
run "applies" {
  assert {
    condition     = aws_eks_node_group.this["spot"].capacity_type == "SPOT"
    error_message = "spot"
  }
}
"""
    )
    done = command(str(root), "--exec", "terraform", "test", "-no-color")
    assert "Success! 2 passed, 0 failed." in done.stdout, done.stdout + done.stderr


def test_the_command_prints_a_table_or_json(edited):
    changed = edited("google", ("default = 8", "default = 9"))
    table = command(str(changed), "--against", str(ROOTS / "google")).stdout
    assert table == (
        "in place google_container_node_pool.spot  autoscaling\n1 in place (offline: no account was asked)\n"
    )
    grades = json.loads(command(str(changed), "--grades").stdout)
    assert grades["offline"] is True
    assert grades["counts"]["create"] == 6
    assert json.loads(command(str(changed), "--json").stdout)["planned_values"]
    varied = json.loads(command(str(changed), "--json", "--var", "max=3").stdout)
    assert varied["variables"]["max"]["value"] == "3"


def test_the_commands_mistakes_are_findings(tmp_path):
    (tmp_path / "main.tf").write_text('module "x" {\n  source = "somewhere/else/aws"\n}\n')
    done = command(str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("error[X142]")


@pytest.mark.skipif(
    subprocess.run(["unshare", "--net", "--map-root-user", "true"], capture_output=True, check=False).returncode != 0
    if shutil.which("unshare")
    else True,
    reason="this system gives a test no network of its own",
)
def test_nothing_needs_a_network():
    """In a network namespace with a loopback device alone, whatever would call out fails."""
    only_loopback = (
        "import fcntl, runpy, socket, struct, sys\n"
        "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:\n"
        "    fcntl.ioctl(probe, 0x8914, struct.pack('16sh', b'lo', 0x41))\n"  # SIOCSIFFLAGS: up, running
        "runpy.run_module('workaday.execute.offline', run_name='__main__')\n"
    )
    alone = ["unshare", "--net", "--map-root-user", sys.executable, "-c", only_loopback]
    done = subprocess.run([*alone, str(ROOTS / "azurerm")], capture_output=True, text=True, check=False, timeout=120)
    assert "7 create" in done.stdout, done.stderr


def test_a_proxy_that_is_down_is_not_asked():
    down = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    assert "7 create" in command(str(ROOTS / "azurerm"), **down).stdout


def attributes(state: Path) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {
        (each["type"], each["name"], instance.get("index_key", "")): instance["attributes"]
        for each in json.loads(state.read_text())["resources"]
        if each["mode"] == "managed"
        for instance in each["instances"]
    }


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workaday.execute.offline", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=120,
    )
