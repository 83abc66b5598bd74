"""What is generated from the schema is what lies in the repository; UPDATE_GOLDEN=1 writes it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from workaday.project import reference

ROOT = Path(__file__).parents[2]
DESIGN = ROOT / "tests" / "golden" / "project" / "full" / "project.yaml"


def test_the_json_schema_is_current(update_golden):
    update_golden(ROOT / "schemas" / reference.SCHEMA_FILE, reference.json_schema_text())


def test_the_reference_is_current(update_golden):
    update_golden(ROOT / "docs" / "reference.md", reference.markdown())


def test_every_key_is_described():
    assert [entry.path for entry in reference.entries() if not entry.description] == []


@pytest.fixture(scope="module")
def editor():
    schema = reference.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_an_editor_accepts_the_full_file(editor):
    assert list(editor.iter_errors(yaml.safe_load(DESIGN.read_text()))) == []


def test_an_editor_accepts_the_shortest_file(editor, minimal):
    assert list(editor.iter_errors(yaml.safe_load(minimal))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Dungeon"},
        {"platform": {"kind": "aws"}},
        {"platform": {"kind": "lcoal"}},
        {"platform": {"kind": "local", "region": "us-east-1"}},
        {"models": [{"name": "story", "server": {"kind": "torch"}}]},
        {"modles": []},
        {"pools": [{"name": "gpu", "accelerator": "L4", "spot": "always"}]},
    ],
    ids=str,
)
def test_an_editor_refuses_what_the_command_refuses(editor, minimal, change):
    assert list(editor.iter_errors({**yaml.safe_load(minimal), **change}))


def test_short_forms_are_in_the_schema(editor, minimal):
    data = yaml.safe_load(minimal)
    data["platform"] = {"kind": "aws", "region": "us-east-1", "zones": 3}
    data["pools"] = [{"name": "gpu", "accelerator": "L4", "spot": True}]
    data["models"][0]["compute"] = {"gpu": 1, "cpu": "500m"}
    data["addons"] = {"cert_manager": "existing"}
    assert list(editor.iter_errors(data)) == []


def test_completions_know_every_depth():
    paths = reference.key_paths()
    for path in (
        "version",
        "platform.kind",
        "models[].scale.schedule[].cron",
        "models[].secrets[].key",
        "gateway.auth.jwt.issuer",
    ):
        assert path in paths
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("path", ["models[0].scale.target", "models[story].scale.target", "models[].scale.target"])
def test_a_key_is_described_however_its_item_is_named(path):
    (entry,) = reference.describe(path)
    assert "replica" in entry.description


def test_kinds_are_choices():
    (entry,) = reference.describe("platform")
    assert entry.choices == ("local", "existing", "aws", "gcp", "azure")


def test_the_schema_text_is_the_same_each_time():
    assert json.loads(reference.json_schema_text()) == reference.json_schema()
