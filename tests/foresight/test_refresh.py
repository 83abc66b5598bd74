"""`prices refresh`: which types are asked for, and what becomes of the lock."""

from __future__ import annotations

import json

import pytest

from workaday.catalog import CLOUDS, read
from workaday.execute.prices import azure as azure_prices
from workaday.execute.prices import refresh, replace_text, wanted
from workaday.foresight.cost import hourly
from workaday.foresight.locked import RegionPrices, parse
from workaday.project import ProjectError


def fake(types, region, now):
    """A source that knows a price of everything but the dearest."""
    return RegionPrices(
        now, "fake", {each.name: 1.0 for each in types[:-1]}, {types[0].name: {region: 0.5}}
    )  # fmt: skip


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_types_that_the_nodes_may_have_are_asked_for(blueprint, cloud):
    found = blueprint(cloud)
    names = [each.name for each in wanted(found, read(cloud))]
    assert len(names) == len(set(names))
    assert set(found.cloud.system.instances) <= set(names)
    assert {name for group in found.cloud.node_groups for name in group.instances} <= set(names)


def test_prices_are_written_beside_what_other_verbs_wrote(blueprint, tmp_path, now):
    images = {"registry.example/story:1": "sha256:" + "1" * 64}
    (tmp_path / "workaday.lock").write_text(json.dumps({"images": images}))
    found = refresh(tmp_path, blueprint("aws"), None, now, fake)
    text = (tmp_path / "workaday.lock").read_text()
    assert json.loads(text)["images"] == images
    assert parse(text).of("aws", "us-east-1") == found.prices
    assert found.unpriced == (list(wanted(blueprint("aws"), read("aws")))[-1].name,)
    assert sorted(each.name for each in tmp_path.iterdir() if "lock" in each.name) == ["workaday.lock"]


def test_the_prices_that_were_fetched_are_those_that_the_table_has(blueprint, tmp_path, now):
    project = blueprint("gcp")
    refresh(tmp_path, project, None, now, fake)
    table = hourly(project, read("gcp"), parse((tmp_path / "workaday.lock").read_text()))
    assert {row.price.source for row in table.rows if row.price and "pool" in row.what} == {"workaday.lock"}


def test_another_region_is_asked_for_what_it_has(blueprint, tmp_path, now):
    asked = []

    def source(types, region, now):
        asked.append((region, [each.name for each in types]))
        return RegionPrices(now, "fake", {}, {})

    refresh(tmp_path, blueprint("aws"), "eu-west-1", now, source)
    ((region, names),) = asked
    assert region == "eu-west-1"
    assert "m7i.large" in names
    assert "g6.xlarge" not in names  # the catalogue says that Ireland has none


@pytest.mark.parametrize(
    ("cloud", "region", "said"), [("local", None, "rents nothing"), ("aws", "moon-1", "no region `moon-1`")]
)  # fmt: skip
def test_what_has_no_price_is_a_named_error(blueprint, tmp_path, now, cloud, region, said):
    with pytest.raises(ProjectError) as refused:
        refresh(tmp_path, blueprint(cloud), region, now, fake)
    (finding,) = refused.value.diagnostics
    assert (finding.code, said in finding.message) == ("X134", True)


def test_a_lock_that_cannot_be_read_is_left_alone_and_nobody_is_asked(blueprint, tmp_path, now):
    (tmp_path / "workaday.lock").write_text("<<<<<<< HEAD")

    def never(*_: object) -> RegionPrices:
        raise AssertionError("asked")

    with pytest.raises(ProjectError) as refused:
        refresh(tmp_path, blueprint("aws"), None, now, never)
    assert [each.code for each in refused.value.diagnostics] == ["X133"]
    assert (tmp_path / "workaday.lock").read_text() == "<<<<<<< HEAD"


def test_a_lock_that_cannot_be_written_is_a_named_error(tmp_path):
    with pytest.raises(ProjectError) as refused:
        replace_text(tmp_path / "none" / "workaday.lock", "{}")
    assert [each.code for each in refused.value.diagnostics] == ["X133"]


def test_the_verb_prints_what_it_wrote(project, price_list, monkeypatch, capsys):
    from workaday.cli.run import run

    monkeypatch.setattr(azure_prices, "URL", f"{price_list.url}/prices")
    item = {
        "armSkuName": "Standard_NC4as_T4_v3",
        "unitOfMeasure": "1 Hour",
        "productName": "Virtual Machines NCasT4 v3",
    }
    items = [{**item, "retailPrice": 0.526, "skuName": "NC4as T4 v3"}]
    items += [{**item, "retailPrice": 0.19, "skuName": "NC4as T4 v3 Spot"}]
    price_list.on("/prices", {"Items": items, "NextPageLink": None})
    path = project("azure")
    assert run(["prices", "refresh", "-f", str(path)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["eastus,", "an", "hour", "on", "demand", "spot"]
    assert said[1].split() == ["Standard_NC4as_T4_v3", "$0.5260", "$0.1900"]
    assert said[-1] == "workaday.lock: written; commit it"
    assert "Standard_D4s_v5" in said[-2]
    assert run(["prices", "refresh", "-f", str(path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["spot"] == {"Standard_NC4as_T4_v3": {"eastus": 0.19}}


def test_help_says_what_the_verb_does(workaday):
    done = workaday("prices", "refresh", "--help", COLUMNS="100", TERMINAL_WIDTH="100")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Fetch on-demand and spot prices into workaday.lock." in done.stdout
    assert "--region" in done.stdout


def test_a_project_on_this_machine_is_told_in_the_project_files_voice(project, workaday):
    done = workaday("prices", "refresh", "-f", str(project("local", gpu="")))
    assert done.returncode == 1
    assert done.stderr.startswith("error[X134]: a project on `local` rents nothing that has a price")
