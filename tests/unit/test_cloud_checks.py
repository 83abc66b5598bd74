"""What a cloud would refuse (C5xx): each code's page yields exactly that code, and what the pages do not show."""

from __future__ import annotations

from pathlib import Path

import pytest

from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.resolve import resolve
from workaday.checks import check
from workaday.project import codes, load
from workaday.project.diagnostics import Diagnostic

PAGES = [page for code in codes.codes() if code.startswith("C5") and (page := codes.page(code))]
PREDICTOR = "class Predictor:\n    def predict(self, payload):\n        return payload\n"


def findings(folder: Path, text: str) -> list[Diagnostic]:
    code = folder / "models" / "story" / "predictor.py"
    code.parent.mkdir(parents=True, exist_ok=True)
    code.write_text(PREDICTOR)
    (folder / "project.yaml").write_text(text)
    loaded = load(folder / "project.yaml")
    return check(loaded, resolve(loaded.project, read_inputs(loaded), "default"))


def on(cloud: str, **keys: str) -> str:
    """Return a sound project on a cloud, some keys of its platform changed or (with an empty text) removed."""
    sound = {
        "aws": {"region": "us-east-1", "admins": '["arn:aws:iam::111122223333:role/platform"]'},
        "gcp": {"region": "us-central1", "admins": '["group:ops@shop.example"]', "project": "shop-prod"},
        "azure": {
            "region": "eastus",
            "admins": "[00000000-0000-0000-0000-000000000001]",
            "subscription": "00000000-0000-0000-0000-000000000000",
        },
    }[cloud]
    sound = {"cidrs": "[203.0.113.7/32]"} | sound | keys
    access = ", ".join(f"{key}: {sound.pop(key)}" for key in ("endpoint", "via", "cidrs", "admins") if sound.get(key))
    platform = "".join(f"  {key}: {value}\n" for key, value in sound.items() if key not in ("pools", "cidrs") and value)
    pools = f"pools:\n  - {sound['pools']}\n" if "pools" in sound else ""
    return (
        f"version: 1\nname: shop\nplatform:\n  kind: {cloud}\n  access: {{{access}}}\n{platform}{pools}"
        "models:\n  - {name: story, server: {kind: torch, predictor: models/story/predictor.py}}\n"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_bad_example_yields_its_code_and_the_good_one_nothing(page: codes.Page, tmp_path: Path) -> None:
    bad = {each.code for each in findings(tmp_path, page.bad[0].text)}
    assert page.code in bad
    beside = {"C801"} if page.code == "C504" else set()  # what is not tested is not what the add-ons are for either
    assert bad <= {page.code, "C502"} | beside, "an administrator that says no account is none either"
    assert findings(tmp_path, page.good[0].text) == []


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_a_sound_project_has_no_finding_but_an_unwritten_catalogue(cloud: str, tmp_path: Path) -> None:
    assert {each.code for each in findings(tmp_path, on(cloud))} <= {"C206"}


@pytest.mark.parametrize(
    ("cloud", "keys", "code", "severity"),
    [
        ("aws", {"cidrs": "[0.0.0.0/0]"}, "C501", "warning"),
        ("gcp", {"cidrs": "[0.0.0.0/0]"}, "C501", "warning"),
        ("gcp", {"admins": "[ops]"}, "C502", "error"),
        ("azure", {"admins": "[ops@shop.example]"}, "C502", "error"),
        ("azure", {"admins": ""}, "C502", "error"),
        ("gcp", {"cidrs": ""}, "C503", "error"),
        ("azure", {"endpoint": "private"}, "C503", "error"),
        ("aws", {"region": "us-east-9"}, "C505", "warning"),
        ("aws", {"region": "us_east_1"}, "C505", "error"),
        ("gcp", {"pools": "{name: cpu, instances: [e2-standard-8], image: al2023}"}, "C506", "error"),
        ("aws", {"pools": "{name: a, accelerator: {type: A100, count: 8, share: mig}}"}, "C507", "error"),
        ("aws", {"pools": "{name: a, accelerator: {type: L4, share: mig, partition: 1g.10gb}}"}, "C507", "error"),
        ("gcp", {"pools": "{name: a, accelerator: {type: A100, share: mig, partition: 9g.99gb}}"}, "C507", "error"),
        ("aws", {"zones": "[us-east-1a]"}, "C509", "error"),
        ("aws", {"zones": "1"}, "C509", "error"),
        ("azure", {"pools": "{name: a, accelerator: T4, reservation: {id: a, block: true}}"}, "C508", "error"),
        ("gcp", {"pools": "{name: a, accelerator: L4, spot: {max_price: 0.3}}"}, "C508", "error"),
        ("aws", {"pools": "{name: a, accelerator: L4, spot: {max_price: 0.3}}"}, "C508", "error"),
    ],
)
def test_each_cloud_is_asked_in_its_own_words(
    cloud: str, keys: dict[str, str], code: str, severity: str, tmp_path: Path
) -> None:
    assert (code, severity) in {(each.code, each.severity) for each in findings(tmp_path, on(cloud, **keys))}


def test_a_private_endpoint_with_a_way_there_is_sound(tmp_path: Path) -> None:
    text = on("aws", endpoint="private", via="vpn", cidrs="")
    assert findings(tmp_path, text) == []


def test_another_clouds_weights_are_a_warning(tmp_path: Path) -> None:
    text = on("gcp").replace("predictor.py}}", 'predictor.py}, weights: {uri: "s3://shop/story"}}')
    assert ("C511", "warning") in {(each.code, each.severity) for each in findings(tmp_path, text)}
