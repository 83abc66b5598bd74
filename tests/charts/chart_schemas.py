"""What the API server takes: strict schemas of the pinned CRDs, and of Kubernetes' own kinds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from kubernetes_validate import utils
from referencing import Registry, Resource

CRDS = Path(__file__).parents[2] / "schemas" / "crds"
KUBERNETES = ("1.33", "1.34", "1.35", "1.36")
RANGES = {"int32": 31, "int64": 63}


class Loader(yaml.CSafeLoader):
    """Reads `=` as the text that it is in YAML 1.2, and to Kubernetes."""


Loader.add_constructor("tag:yaml.org,2002:value", Loader.construct_yaml_str)


def errors(manifest: Mapping[str, Any], version: str = KUBERNETES[-1]) -> list[str]:
    """Return what is wrong with a manifest; unknown keys are, as `kubectl apply --validate=strict` has it.

    Raises KeyError: its kind is neither Kubernetes' own nor among the pinned CRDs.
    """
    kind = (manifest["apiVersion"], manifest["kind"])
    if found := validator(*kind):
        return [f"{error.json_path}: {error.message[:200]}" for error in found.iter_errors(dict(manifest))]
    found = builtin(*kind, version)
    return [f"{error.json_path}: {error.message[:200]}" for error in found.iter_errors(dict(manifest))]


@cache
def definitions(folder: str) -> Resource[Any]:
    """Return the definitions that all kinds of a version refer to, read once."""
    return Resource.from_contents(utils.schema_contents(f"{folder}/_definitions.json", ""))


@cache
def builtin(api: str, kind: str, version: str) -> jsonschema.Draft202012Validator:
    """Return what validates one of Kubernetes' own kinds.

    Raises KeyError: it is none of them.
    """
    known = next(each for each in utils.all_versions() if each.startswith(f"{version}."))
    folder = f"kubernetes-json-schema/v{known}-local-strict"
    group, slash, of_group = api.rpartition("/")
    try:
        schema = utils.schema_contents(
            f"{folder}/{kind.lower()}-{group.split('.')[0]}{slash and '-'}{of_group}.json", ""
        )
    except FileNotFoundError as error:
        raise KeyError(f"{api} {kind} in Kubernetes {version}") from error
    registry = definitions(folder) @ (Resource.from_contents(schema) @ Registry())
    return jsonschema.Draft202012Validator(schema, registry=registry)


@cache
def validator(api: str, kind: str) -> jsonschema.Draft202012Validator | None:
    """Return what validates a custom kind, or None for what is none."""
    group, _, version = api.rpartition("/")
    for path in sorted(CRDS.glob(f"*/{group}_{kind.lower()[:-1]}*.yaml")):
        spec = yaml.load(path.read_text("utf-8"), Loader)["spec"]
        if spec["names"]["kind"] == kind:
            found = next(each for each in spec["versions"] if each["name"] == version)
            schema = strict(found["schema"]["openAPIV3Schema"])
            text = {"type": "string"}
            schema["properties"] |= {"apiVersion": text, "kind": text, "metadata": {"type": "object"}}
            return jsonschema.Draft202012Validator(schema)
    return None


def strict(schema: Any) -> Any:
    """Return a CRD's schema as JSON Schema: what the API server would prune is an error."""
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    if "properties" in made:
        made["properties"] = {name: strict(each) for name, each in made["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), dict):
            made[key] = strict(made[key])
    open_ = "additionalProperties" in made or made.get("x-kubernetes-preserve-unknown-fields")
    if made.get("type") == "object" and not open_:
        made["additionalProperties"] = False
    if made.pop("nullable", False) and "type" in made:
        made["type"] = [made["type"], "null"]
    if made.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    if bits := RANGES.get(made.get("format", "")):
        made = {"minimum": -(2**bits), "maximum": 2**bits - 1} | made
    return made
