"""What a pause, a pull secret and a list of images come to in the manifests."""

from __future__ import annotations

import copy
from pathlib import Path

import chart_schemas
import pytest
from chart_profiles import NAMES, values
from helmet import template

from workaday.blueprint.gateway import ENVOY

CHART = Path(__file__).parents[2] / "charts" / "inference"
PAUSED = "autoscaling.keda.sh/paused-replicas"


def test_a_paused_model_is_held_at_no_replica_and_the_others_scale(rendered):
    found = copy.deepcopy(values(rendered("kinds-aws")))
    found["models"][0]["scaling"]["paused"] = True
    scalers = [each for each in template(CHART, found) if each["kind"] == "ScaledObject"]
    held = {each["metadata"]["name"]: each["metadata"].get("annotations", {}).get(PAUSED) for each in scalers}
    name = found["models"][0]["name"]
    assert {key for key, count in held.items() if count is not None} == {f"{name}-predictor"}
    assert held[f"{name}-predictor"] == "0"
    assert not [error for each in scalers for error in chart_schemas.errors(each)]


def pods(manifests):
    """Yield the specification of every pod that a tree makes."""
    for each in manifests:
        if each["kind"] == "InferenceService":
            yield each["spec"]["predictor"]
        elif each["kind"] == "Deployment":
            yield each["spec"]["template"]["spec"]


def test_every_pod_has_the_pull_secret(manifests):
    found = list(pods(manifests("kinds-aws")))
    assert len(found) > 7
    assert all(each["imagePullSecrets"] == [{"name": "pull"}] for each in found)


@pytest.mark.parametrize("name", NAMES)
def test_every_image_of_every_pod_is_in_the_list(name, rendered, manifests):
    listed = rendered(name)["images.txt"].decode().split()
    found = {each["image"] for pod in pods(manifests(name)) for each in pod["containers"]}
    found |= {
        it["image"]["reference"] for pod in pods(manifests(name)) for it in pod.get("volumes", ()) if "image" in it
    }
    found |= {ENVOY}  # of pods that Envoy Gateway makes
    assert found <= set(listed)  # add-ons have images of their own
