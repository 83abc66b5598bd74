"""The offline providers' wire format: messages of the published definition, schemas, values with unknown parts."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workaday.execute.offline import protocol, schema, server, values
from workaday.project.diagnostics import ProjectError

REFINED = msgpack.ExtType(12, msgpack.packb({1: False}))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False),
    st.text(),
    st.just(values.UNKNOWN),
)
VALUES = st.recursive(
    SCALARS | st.just(REFINED),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_a_value_comes_back_as_it_went(value):
    message = values.encode(value)
    assert values.decode(type(message).FromString(message.SerializeToString())) == value


def test_a_value_may_come_as_json():
    assert values.decode(protocol.message("DynamicValue")(json=b'{"a": [1]}')) == {"a": [1]}
    assert values.decode(protocol.message("DynamicValue")()) is None


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([None, None], None),
        ([{}, None], {}),
        ([{"a": 1, "b": 1}, {"b": 2}], {"a": 1, "b": 2}),
        ([{"a": 1}, values.UNKNOWN], values.UNKNOWN),
        ([{"a": 1}, {"a": values.UNKNOWN}], {"a": values.UNKNOWN}),
    ],
)
def test_maps_are_laid_over_each_other(parts, expected):
    assert values.merged_maps(parts) == expected


def test_a_stored_state_is_brought_into_the_schemas_shape():
    kind = ["object", {"name": "string", "tags": ["map", "string"], "rule": ["list", ["object", {"port": "number"}]]}]
    stored = {"name": "a", "gone": 1, "rule": [{"port": 1, "gone": 2}, {}]}
    assert values.conformed(stored, kind) == {"name": "a", "tags": None, "rule": [{"port": 1}, {"port": None}]}


@pytest.mark.parametrize("name", sorted(schema.schema_files()))
def test_a_schema_says_on_the_wire_what_its_file_says(name):
    loaded = schema.load(name)
    answer = protocol.message("GetProviderSchema.Response").FromString(loaded.encoded)
    document = json.loads(schema.schema_files()[name].read_bytes())
    [raw] = document["provider_schemas"].values()
    assert set(answer.resource_schemas) == set(raw["resource_schemas"])
    assert set(answer.data_source_schemas) == set(raw["data_source_schemas"])
    for kind, each in raw["resource_schemas"].items():
        assert as_json(answer.resource_schemas[kind].block) == shape(each["block"])
    assert as_json(answer.provider.block) == shape(raw["provider"]["block"])
    assert answer.server_capabilities.get_provider_schema_optional


def as_json(block) -> dict[str, object]:
    modes = {number: word for word, number in protocol.NESTING.items()}
    return {
        "attributes": {
            each.name: (json.loads(each.type), each.required, each.optional, each.computed, each.write_only)
            for each in block.attributes
            if each.type
        },
        "blocks": {
            each.type_name: (modes[each.nesting], each.min_items, each.max_items, as_json(each.block))
            for each in block.block_types
        },
    }


def shape(raw) -> dict[str, object]:
    flags = ("required", "optional", "computed", "write_only")
    return {
        "attributes": {
            name: (each["type"], *(bool(each.get(flag)) for flag in flags))
            for name, each in raw.get("attributes", {}).items()
            if "type" in each
        },
        "blocks": {
            name: (
                each["nesting_mode"],
                each.get("min_items", 0) if each["nesting_mode"] in ("list", "set") else 0,
                each.get("max_items", 0) if each["nesting_mode"] in ("list", "set") else 0,
                shape(each["block"]),
            )
            for name, each in raw.get("block_types", {}).items()
        },
    }


def test_the_compiled_definition_is_the_published_one():
    """The messages have every field of the `.proto`, which carries the licence, under its number."""
    source = protocol.DESCRIPTION.with_suffix(".proto").read_text()
    assert source.startswith("// Copyright IBM Corp. 2020, 2026\n// SPDX-License-Identifier: MPL-2.0\n")
    declared = set(fields_of(re.sub(r"//.*|/\*(?:.|\n)*?\*/", "", source)))
    assert len(declared) > 250
    for name, field, number in declared:
        described = protocol.message(name).DESCRIPTOR.fields_by_name[field]
        assert described.number == number


def fields_of(source: str):
    """Yield (message, field, number) of a definition without comments."""
    path: list[tuple[str, str]] = []
    for token in re.finditer(
        r"(message|enum|oneof|service)\s+(\w+)\s*\{|(\w+)\s*=\s*(\d+)\s*(?:\[[^\]]*\])?;|(\{)|(\})", source
    ):
        kind, name, field, number, opens, closes = token.groups()
        if kind or opens:
            path.append((kind or "other", name or ""))
        elif closes:
            path.pop()
        elif path and path[-1][0] in ("message", "oneof"):
            yield ".".join(each for word, each in path if word == "message"), field, int(number)


def test_without_the_packages_the_extra_is_named(monkeypatch):
    found = importlib.util.find_spec

    def missing(name: str, package: str | None = None) -> object:
        if name == "google.protobuf":
            raise ModuleNotFoundError(name)
        return None if name == "msgpack" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", missing)
    with pytest.raises(ProjectError) as error:
        server.need_packages()
    [finding] = error.value.diagnostics
    assert finding.code == "X140"
    assert finding.message.endswith("not installed: google.protobuf, msgpack")
    assert finding.hints == ("pip install 'workaday[offline]'",)


def test_nothing_heavy_is_imported_by_the_package():
    program = (
        "import sys, workaday.execute.offline.tree; print({'grpc', 'google.protobuf', 'msgpack'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_files_are_below_five_megabytes_and_say_where_they_are_from():
    folder = Path(schema.schema_files()["aws"]).parent
    files = [*folder.rglob("*.json")]
    assert all(each.stat().st_size < 5_000_000 for each in files)
    readme = (folder / "README.md").read_text()
    for name in schema.schema_files():
        assert f"`{name}.json` | hashicorp/{name} | {schema.load(name).version} |" in readme
