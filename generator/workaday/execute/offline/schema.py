"""The pinned provider schemas: `terraform providers schema -json` as values, and as the protocol's messages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from workaday.execute.offline.protocol import NESTING, message
from workaday.resources import bundle

Type = str | list[Any]


@dataclass(frozen=True)
class Attribute:
    """One argument or result; `type` is Terraform's JSON notation, such as `["list", "string"]`."""

    name: str
    type: Type
    required: bool
    optional: bool
    computed: bool
    write_only: bool
    raw: Mapping[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True)
class NestedBlock:
    """A block inside of a block; `mode` is single, list, set, map or group, `most` 0 where there is no limit."""

    name: str
    mode: str
    least: int
    most: int
    block: Block


@dataclass(frozen=True)
class Block:
    """Attributes and nested blocks by name."""

    attributes: Mapping[str, Attribute]
    blocks: Mapping[str, NestedBlock]

    @cached_property
    def type(self) -> Type:
        """The type of a value of this block."""
        parts: dict[str, Type] = {name: each.type for name, each in self.attributes.items()}
        for name, nested in self.blocks.items():
            inner = nested.block.type
            parts[name] = inner if nested.mode in ("single", "group") else [nested.mode, inner]
        return ["object", parts]


class ProviderSchema:
    """One provider's schemas, each parsed when it is first asked for.

    Attributes:
        name: such as `aws`.
        address: such as `registry.terraform.io/hashicorp/aws`.
        version: the provider's release that the schemas are from.
    """

    def __init__(self, address: str, raw: Mapping[str, Any], version: str) -> None:
        self.name = address.rsplit("/", 1)[1]
        self.address = address
        self.version = version
        self._raw = raw
        self._parsed: dict[tuple[str, str], Block] = {}

    @property
    def provider(self) -> Block:
        """The provider block's own schema."""
        return parse_block(self._raw["provider"]["block"])

    def resource(self, kind: str) -> Block:
        """Return a managed resource's schema. Raises KeyError: there is none."""
        return self._get("resource_schemas", kind)

    def data_source(self, kind: str) -> Block:
        """Return a data source's schema. Raises KeyError: there is none."""
        return self._get("data_source_schemas", kind)

    def kinds(self) -> tuple[str, ...]:
        """Return the managed resources' types, in order."""
        return tuple(sorted(self._raw["resource_schemas"]))

    def data_kinds(self) -> tuple[str, ...]:
        """Return the data sources' types, in order."""
        return tuple(sorted(self._raw["data_source_schemas"]))

    @cached_property
    def encoded(self) -> bytes:
        """The answer to GetProviderSchema, ready to send."""
        # The real schema versions are not all known, so states are brought to version 0 (see `states`).
        schema = message("Schema")
        return bytes(
            message("GetProviderSchema.Response")(
                provider=schema(block=encode_block(self.provider)),
                provider_meta=schema(block=message("Schema.Block")()),
                resource_schemas={kind: schema(block=encode_block(self.resource(kind))) for kind in self.kinds()},
                data_source_schemas={
                    kind: schema(block=encode_block(self.data_source(kind))) for kind in self.data_kinds()
                },
                server_capabilities={"get_provider_schema_optional": True, "move_resource_state": True},
            ).SerializeToString()
        )

    def _get(self, room: str, kind: str) -> Block:
        if (room, kind) not in self._parsed:
            self._parsed[room, kind] = parse_block(self._raw[room][kind]["block"])
        return self._parsed[room, kind]


def schema_files() -> dict[str, Path]:
    """Return the pinned schemas' files by provider, such as `aws`."""
    folder = bundle() / "schemas" / "terraform"
    return {path.name.split(".")[0]: path for path in sorted(folder.glob("*.json*"))}


@cache
def load(name: str) -> ProviderSchema:
    """Return a provider's pinned schemas.

    Raises KeyError: none are pinned.
    """
    raw = schema_files()[name].read_bytes()
    document = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    [(address, schemas)] = document["provider_schemas"].items()
    provenance = document.get("x_provenance", {})
    version = str(provenance.get("provider_version") or provenance.get("version", "")).split(" ")[0]
    return ProviderSchema(address, schemas, version)


def parse_block(raw: Mapping[str, Any]) -> Block:
    """Return a block of the JSON as values."""
    attributes = {name: _attribute(name, each) for name, each in sorted(raw.get("attributes", {}).items())}
    blocks = {
        name: NestedBlock(
            name, each["nesting_mode"], each.get("min_items", 0), each.get("max_items", 0), parse_block(each["block"])
        )
        for name, each in sorted(raw.get("block_types", {}).items())
    }
    return Block(attributes, blocks)


def encode_block(block: Block) -> Any:
    """Return a block as a `Schema.Block` message."""
    encoded = message("Schema.Block")()
    for attribute in block.attributes.values():
        _encode_attribute(encoded.attributes.add(), attribute.name, attribute.raw)
    for name, nested in block.blocks.items():
        counted = nested.mode in ("list", "set")  # the protocol has no counts for the others
        encoded.block_types.add(
            type_name=name,
            nesting=NESTING[nested.mode],
            block=encode_block(nested.block),
            min_items=nested.least if counted else 0,
            max_items=nested.most if counted else 0,
        )
    return encoded


def _attribute(name: str, raw: Mapping[str, Any]) -> Attribute:
    required, optional, computed, write_only = (
        bool(raw.get(flag)) for flag in ("required", "optional", "computed", "write_only")
    )
    return Attribute(name, _type(raw), required, optional, computed, write_only, raw)


def _type(raw: Mapping[str, Any]) -> Type:
    if "type" in raw:
        found: Type = raw["type"]
        return found
    nested = raw["nested_type"]
    inner: Type = ["object", {name: _type(each) for name, each in nested["attributes"].items()}]
    return inner if nested["nesting_mode"] == "single" else [nested["nesting_mode"], inner]


def _encode_attribute(encoded: Any, name: str, raw: Mapping[str, Any]) -> None:
    encoded.name = name
    for flag in ("required", "optional", "computed", "sensitive", "write_only", "deprecated"):
        if raw.get(flag):
            setattr(encoded, flag, True)
    if "type" in raw:
        encoded.type = json.dumps(raw["type"], separators=(",", ":")).encode()
        return
    encoded.nested_type.nesting = NESTING[raw["nested_type"]["nesting_mode"]]
    for part, each in sorted(raw["nested_type"]["attributes"].items()):
        _encode_attribute(encoded.nested_type.attributes.add(), part, each)
