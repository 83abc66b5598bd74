"""What a cloud names only when it makes it, and models' service accounts need: on azure, their identities' client ids.

Terraform's state has them. They are read from it on the way into the cluster, and kept beside the cluster's kubeconfig
for the verbs that ask no Terraform. The rendered tree does not have them: it is the same before anything is made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workaday.blueprint.serving import CLIENT_ID
from workaday.execute import kubeconfig, releases

if TYPE_CHECKING:
    from pathlib import Path

    from workaday.execute.releases import Wanted
    from workaday.execute.terraform import Terraform
    from workaday.execute.workspace import Folders

OUTPUT = "client_ids"


def wanted_of(folders: Folders) -> tuple[Wanted, ...]:
    """Return the releases of the tree on disk, each with the identity of its service account, in their order.

    Raises:
        OSError, ValueError: the tree is not as it was rendered.
    """
    client_ids = known(folders)
    return releases.wanted_of(folders.tree, lambda values: bound(values, client_ids))


def learn(folders: Folders, terraform: Terraform) -> None:
    """Keep the client ids that Terraform's state has; none where it has none.

    Raises:
        TerraformFailure: the state cannot be read.
    """
    path = path_of(folders)
    path.parent.mkdir(parents=True, exist_ok=True)
    kubeconfig.replace(path, json.dumps(terraform.outputs().get(OUTPUT) or {}, indent=2, sort_keys=True) + "\n")


def known(folders: Folders) -> Mapping[str, str]:
    """Return the client ids that were learned last, by service account; nothing where there are none."""
    path = path_of(folders)
    found: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


def path_of(folders: Folders) -> Path:
    """Return where they are kept."""
    return folders.state / "identities.json"


def bound(values: Mapping[str, Any], client_ids: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a release's values with its models' service accounts bound to their identities; what is written stays.

    Args:
        values: the chart's.
        client_ids: by service account, which has its model's name.
    """
    if not client_ids or not values.get("models"):
        return values
    return {**values, "models": [_bound(each, client_ids) for each in values["models"]]}


def _bound(model: Mapping[str, Any], client_ids: Mapping[str, str]) -> Mapping[str, Any]:
    account = model.get("serviceAccount") or {}
    client_id = client_ids.get(account.get("name") or model["name"])
    if client_id is None or not account.get("create", True):  # another release makes it
        return model
    annotations = {CLIENT_ID: client_id, **(account.get("annotations") or {})}
    return {**model, "serviceAccount": {**account, "annotations": annotations}}
