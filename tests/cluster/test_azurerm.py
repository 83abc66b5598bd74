"""Every azure profile against the real azurerm provider, which needs no account to judge a configuration.

`terraform validate` has it check what the modules write; a plan with `mock_provider` has it check every value as well,
since mocks leave that to the provider itself. The offline plan is held against it: same schemas, same refusals.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from workaday.execute.offline import plan
from workaday.execute.workspace import open_workspace
from workaday.project.diagnostics import ProjectError
from workaday.render import render
from workaday.render.tree import write

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

REPOSITORY = Path(__file__).parents[2]
BUILD = Path(__file__).parent / "tools" / "azurerm" / "build.sh"
PROFILES = sorted(
    (REPOSITORY / "tests" / "terraform" / "profiles" / "azure").glob("*.yaml"), key=lambda path: path.stem
)
MODULES = sorted(path.parent for path in (REPOSITORY / "infra/azure").glob("*/versions.tf"))
EVERYTHING = next(path for path in PROFILES if path.stem == "everything")
AZURERM = "registry.terraform.io/hashicorp/azurerm"
MOCKED = 'mock_provider "azurerm" {}\n\nrun "plan" {\n  command = plan\n}\n'
# what a schema says of an argument; descriptions are not pinned
FLAGS = ("required", "optional", "computed", "sensitive", "deprecated", "write_only", "type")

Terraform = Callable[..., subprocess.CompletedProcess[str]]
Render = Callable[[Path], Path]


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Run a verb of Terraform in a root with the real provider, which is built where it is not there yet."""
    built = subprocess.run([BUILD], capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.fail(f"the real azurerm provider is not here and cannot be built:\n{built.stderr}", pytrace=False)
    folder = tmp_path_factory.mktemp("azurerm")
    mirror = f'filesystem_mirror {{\n path = "{built.stdout.strip()}"\n include = ["{AZURERM}"]\n }}'
    (folder / "mirror.tfrc").write_text(f"provider_installation {{\n {mirror}\n}}\n")

    def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TF_CLI_CONFIG_FILE": str(folder / "mirror.tfrc"), "TF_IN_AUTOMATION": "1"}
        environment["TF_DATA_DIR"] = str(folder / "data" / root.relative_to("/"))
        return subprocess.run(
            ["terraform", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Render a profile; returns the folder of its two roots."""

    def make(profile: Path) -> Path:
        project = tmp_path_factory.mktemp(profile.stem)
        (project / "models" / "story").mkdir(parents=True)
        (project / "models" / "story" / "predictor.py").write_text("class Predictor: ...\n")
        shutil.copy(profile, project / "project.yaml")
        opened = open_workspace(project / "project.yaml", None)
        write(opened.tree, render(opened.blueprint))
        return opened.tree / "terraform"

    return make


def initialised(terraform: Terraform, root: Path) -> Path:
    done = terraform(root, "init", "-backend=false", "-input=false", "-no-color")
    assert done.returncode == 0, done.stderr
    return root


def mocked_plan(terraform: Terraform, root: Path) -> subprocess.CompletedProcess[str]:
    (root / "tests").mkdir(exist_ok=True)
    (root / "tests" / "plan.tftest.hcl").write_text(MOCKED)
    return terraform(initialised(terraform, root), "test", "-no-color")


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("root", ["bootstrap", "cluster"])
def test_the_provider_accepts_what_the_modules_write(
    profile: Path, root: str, rendered: Render, terraform: Terraform
) -> None:
    done = terraform(initialised(terraform, rendered(profile) / root), "validate", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("root", ["bootstrap", "cluster"])
def test_the_provider_accepts_every_value(profile: Path, root: str, rendered: Render, terraform: Terraform) -> None:
    done = mocked_plan(terraform, rendered(profile) / root)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_modules_own_tests_pass(module: Path, tmp_path: Path, terraform: Terraform) -> None:
    copy = shutil.copytree(module, tmp_path / module.name)
    done = terraform(initialised(terraform, copy), "test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


# an argument of a node pool, what is put in its place, and the word by which the complaint is known
WRONG = {
    "a word": ("eviction_policy ", 'eviction_policy = "Sometimes"', "Sometimes"),
    "a conflict": ("max_unavailable ", 'max_unavailable = "1"', "conflicts"),
    "a name": ("gpu_driver ", 'gpu_drivers = "None"', "gpu_drivers"),
}
# ranges are functions of the provider's, which no schema tells
ONLY_THE_PROVIDER = {
    "a number": ("os_disk_size_gb ", "os_disk_size_gb = 0", "os_disk_size_gb"),
    "a tag": ("tags ", 'tags = { long = join("", [for n in range(300) : "x"]) }', "256"),
}


def with_mistake(tree: Path, argument: str, wrong: str) -> Path:
    """Put a mistake into the node pools of a rendered tree; returns the root to plan."""
    module = tree / "modules" / "azure" / "node_groups" / "main.tf"
    lines = module.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if line.strip().startswith(argument))
    lines[place] = wrong
    module.write_text("\n".join(lines))
    return tree / "cluster"


@pytest.mark.parametrize(
    ("argument", "wrong", "complaint"), (WRONG | ONLY_THE_PROVIDER).values(), ids=WRONG | ONLY_THE_PROVIDER
)
def test_the_provider_refuses_what_is_wrong(
    argument: str, wrong: str, complaint: str, rendered: Render, terraform: Terraform
) -> None:
    done = mocked_plan(terraform, with_mistake(rendered(EVERYTHING), argument, wrong))
    assert done.returncode != 0
    assert complaint in done.stdout + done.stderr


@pytest.mark.parametrize(("argument", "wrong", "complaint"), WRONG.values(), ids=WRONG)
def test_the_offline_plan_refuses_it_too(argument: str, wrong: str, complaint: str, rendered: Render) -> None:
    root = with_mistake(rendered(EVERYTHING), argument, wrong)
    with pytest.raises(ProjectError) as refused:
        plan(root)
    assert complaint in str([each.message + str(each.hints) + str(each.label) for each in refused.value.diagnostics])


def test_the_offline_plans_schemas_are_the_providers(tmp_path: Path, terraform: Terraform) -> None:
    shutil.copy(REPOSITORY / "infra/azure/network/versions.tf", tmp_path)
    said = terraform(initialised(terraform, tmp_path), "providers", "schema", "-json")
    assert said.returncode == 0, said.stderr
    real = json.loads(said.stdout)["provider_schemas"][AZURERM]
    pinned = json.loads((REPOSITORY / "schemas" / "terraform" / "azurerm.json").read_bytes())["provider_schemas"][
        AZURERM
    ]
    for kinds in ("resource_schemas", "data_source_schemas"):
        different = [
            name
            for name, schema in pinned[kinds].items()
            if shape(schema["block"]) != shape(real[kinds].get(name, {}).get("block", {}))
        ]
        assert different == []
    assert shape(pinned["provider"]["block"]) == shape(real["provider"]["block"])


def shape(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the protocol says of a block, without its descriptions."""
    attributes = {
        name: {flag: attribute[flag] for flag in FLAGS if attribute.get(flag)}
        for name, attribute in block.get("attributes", {}).items()
    }
    blocks = {
        name: (each["nesting_mode"], each.get("min_items", 0), each.get("max_items", 0), shape(each["block"]))
        for name, each in block.get("block_types", {}).items()
    }
    return {"attributes": attributes, "blocks": blocks}
