"""What a project costs an hour: known prices with their source and day, bounds that hold, and no guesses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workaday.blueprint.model import Spot
from workaday.catalog import read
from workaday.catalog.clouds import TERMS
from workaday.foresight.cost import Price, as_cells, hourly, most_of, price, summary
from workaday.foresight.locked import Prices, RegionPrices

NOTHING = Prices()


@pytest.fixture
def resolved(blueprint):
    return blueprint("aws")


def fetched(now, cloud="aws", region="us-east-1", on_demand=None, spot=None) -> Prices:
    return Prices({(cloud, region): RegionPrices(now, "test", on_demand or {}, spot or {})})


def table_of(blueprint, cloud, prices=NOTHING, **kwargs):
    catalogue = read(cloud)
    assert catalogue
    return hourly(blueprint(cloud, **kwargs), catalogue, prices)


def test_a_price_says_where_it_is_from_and_of_what_day(now):
    g6 = read("aws").instances["g6.xlarge"]
    assert price(g6, "on-demand", "us-east-1", NOTHING) == Price(0.8048, 0.8048, "catalogue", "2026-07-20")
    assert price(g6, "on-demand", "us-west-2", NOTHING) is None
    assert price(g6, "spot", "us-east-1", NOTHING) is None
    prices = fetched(now, on_demand={"g6.xlarge": 0.9}, spot={"g6.xlarge": {"a": 0.3, "b": 0.4}})
    assert price(g6, "on-demand", "us-east-1", prices) == Price(0.9, 0.9, "workaday.lock", "2026-11-24")
    assert price(g6, "reserved", "us-east-1", prices) == Price(0.9, 0.9, "workaday.lock", "2026-11-24")
    assert price(g6, "spot", "us-east-1", prices) == Price(0.3, 0.4, "workaday.lock", "2026-11-24")
    assert price(g6, "spot", "us-west-2", prices) is None


def test_the_table_without_fetched_prices(blueprint):
    table = table_of(blueprint, "aws")
    assert as_cells(table) == [
        ("resource", "count", "per hour"),
        ("eks cluster", "1", "$0.10"),
        ("nat gateway", "1", "$0.05"),
        ("m7i.large, on demand (system)", "2", "$0.10 each (catalogue, 2026-07-20)"),
        ("g6.xlarge, spot (pool gpu)", "0-9", "spot price unknown; on demand $0.80 each"),
        ("g6.xlarge, on demand (pool gpu)", "1-10", "$0.80 each (catalogue, 2026-07-20)"),
    ]
    # 0.10 + 0.05 + 2 x 0.1008, and one or ten nodes of 0.8048
    assert table.low == pytest.approx(0.3516 + 0.8048)
    assert table.high == pytest.approx(0.3516 + 10 * 0.8048)
    assert table.unknown == ("g6.xlarge, spot (pool gpu)",)
    assert summary(table)[0] == "between $1.16 and $8.40 an hour"
    assert "price unknown: g6.xlarge, spot (pool gpu)" in summary(table)
    assert summary(table)[-1].startswith("not counted: disks")


def test_the_table_with_fetched_prices(blueprint, now):
    on_demand = {"m7i.large": 0.1, "g6.xlarge": 0.8}
    prices = fetched(now, on_demand=on_demand, spot={"g6.xlarge": {"us-east-1a": 0.25, "us-east-1b": 0.35}})
    table = table_of(blueprint, "aws", prices)
    assert as_cells(table)[4:] == [
        ("g6.xlarge, spot (pool gpu)", "0-9", "$0.25 to $0.35 each (workaday.lock, 2026-11-24)"),
        ("g6.xlarge, on demand (pool gpu)", "1-10", "$0.80 each (workaday.lock, 2026-11-24)"),
    ]
    assert table.unknown == ()
    assert table.high == pytest.approx(0.35 + 10 * 0.8)  # the fallback can be all of the pool


def test_without_fallback_spot_nodes_bound_the_cost(blueprint, now):
    prices = fetched(now, spot={"g6.xlarge": {"a": 0.3}})
    table = table_of(blueprint, "aws", prices, pool="spot: {fallback: none}")
    assert [row.what for row in table.rows if "pool" in row.what] == ["g6.xlarge, spot (pool gpu)"]
    assert table.high == pytest.approx(0.3516 + 10 * 0.3)
    assert table.low == pytest.approx(0.3516 + 0.3)


def test_a_bid_bounds_what_a_spot_node_of_unknown_price_costs(blueprint):
    table = table_of(blueprint, "aws", pool="spot: {fallback: none, max_price: 0.5}")
    assert table.high == pytest.approx(0.3516 + 10 * 0.5)


def test_a_dearer_type_that_stands_in_is_said(blueprint):
    table = table_of(blueprint, "aws")
    assert table.dearest > table.high
    assert summary(table)[1] == f"up to ${table.dearest:.2f} where a pool's first type is not to be had"


@pytest.mark.parametrize(("cloud", "cluster"), [("aws", "eks"), ("gcp", "gke"), ("azure", "aks")])
def test_every_cloud_has_a_table(blueprint, cloud, cluster):
    table = table_of(blueprint, cloud)
    assert table.rows[0].what == f"{cluster} cluster"
    assert table.rows[0].low == table.rows[0].high == 0.1
    assert [row.what for row in table.rows if row.price is None] == list(table.unknown)
    assert 0 < table.low < table.high <= table.dearest


def test_outside_the_catalogues_region_nothing_is_made_up(blueprint, project, now):
    path = project("aws")
    path.write_text(path.read_text().replace("us-east-1", "us-west-1"))
    from workaday.blueprint.inputs import read_inputs
    from workaday.blueprint.resolve import resolve
    from workaday.project import load

    loaded = load(path)
    table = hourly(resolve(loaded.project, read_inputs(loaded), "default"), read("aws"), NOTHING)
    cells = {what: cost for what, _, cost in as_cells(table)}
    assert cells["m7i.large, on demand (system)"] == "price unknown; $0.10 each in us-east-1"
    assert cells["nat gateway"] == "$0.05 each in us-east-1"
    assert table.low == pytest.approx(0.10)
    assert len(table.unknown) == len(table.rows) - 1


@pytest.mark.parametrize(
    ("nat", "expected"), [("single", [("nat gateway", 1)]), ("per_zone", [("nat gateways", 3)]), ("none", [])]
)  # fmt: skip
def test_nat_gateways_are_as_many_as_there_are(blueprint, nat, expected):
    table = table_of(blueprint, "aws", platform=f"network: {{nat: {nat}}}")
    assert [(row.what, row.most) for row in table.rows if "nat" in row.what] == expected


def test_google_clouds_nat_is_paid_by_the_machine(blueprint):
    table = table_of(blueprint, "gcp")
    (nat,) = [row for row in table.rows if "nat" in row.what]
    assert nat.low == pytest.approx(3 * 0.0014 + 0.005)
    assert nat.high == pytest.approx(12 * 0.0014 + 0.005)


def test_karpenter_has_the_same_table_as_node_groups(blueprint):
    karpenter = table_of(blueprint, "aws", platform="provisioner: karpenter")
    groups = table_of(blueprint, "aws", platform="provisioner: node_groups")
    assert as_cells(karpenter) == as_cells(groups)


def test_a_project_on_no_cloud_costs_nothing_here(blueprint):
    with pytest.raises(ValueError, match="no cloud"):
        hourly(blueprint("local"), read("aws"), NOTHING)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    least=st.integers(0, 5),
    more=st.integers(0, 5),
    base=st.integers(0, 12),
    fallback=st.sampled_from(["none", "on_demand"]),
    spot=st.none() | st.floats(0.01, 5),
)
def test_the_least_is_never_more_than_the_most(resolved, now, least, more, base, fallback, spot):
    most = max(1, least + more)
    pool = replace(resolved.pools[0], nodes_min=least, nodes_max=most, spot=Spot(min(base, most), fallback, None))
    prices = fetched(now, spot={"g6.xlarge": {"a": spot}} if spot else {})
    project = replace(resolved, pools=(pool,), cloud=replace(resolved.cloud, node_groups=()))
    table = hourly(project, read("aws"), prices)
    assert 0 < table.low <= table.high + 1e-9
    assert table.high <= table.dearest + 1e-9


@given(st.lists(st.tuples(st.integers(1, 20), st.none() | st.floats(0, 100)), max_size=5), st.integers(0, 50))
def test_the_most_of_some_groups_is_within_what_all_of_them_cost(groups, nodes):
    known = [(count, cost) for count, cost in groups if cost is not None]
    total = most_of(groups, nodes)
    assert 0 <= total <= sum(cost for _, cost in known) + 1e-9
    assert total <= nodes * max((cost / count for count, cost in known), default=0.0) + 1e-9
    if nodes >= sum(count for count, _ in known):
        assert total == pytest.approx(sum(cost for _, cost in known))


def test_every_cloud_has_terms():
    assert {cloud: (terms.spot_notice_seconds, terms.usable_notice_seconds) for cloud, terms in TERMS.items()} == {
        "aws": (120, 120),
        "gcp": (30, 15),
        "azure": (30, 30),
    }
