"""What a project's cluster costs an hour, from dated prices: never a guess, and what is not known is said. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from workaday.blueprint.cloud import ON_DEMAND, SPOT, Cloud
from workaday.blueprint.machines import instances_of
from workaday.blueprint.model import Blueprint, Pool
from workaday.blueprint.node_groups import MOST_TYPES, capacities
from workaday.catalog import Catalogue, Instance, read
from workaday.catalog.clouds import AS_OF, TERMS, Terms
from workaday.foresight.locked import LOCK_NAME, Prices

SPOKEN = {ON_DEMAND: "on demand", SPOT: "spot"}
# What is paid for and not in the table: it depends on use, or on what the cloud charges by the month.
LEFT_OUT = ("disks", "traffic", "load balancers", "logs and metrics", "storage")


@dataclass(frozen=True, slots=True)
class Price:
    """What one node costs, in US dollars an hour: `low` to `high` over the zones, the same on demand.

    Attributes:
        low, high: the bounds.
        source: `workaday.lock` or `catalogue`.
        as_of: the ISO date on which it held.
    """

    low: float
    high: float
    source: str
    as_of: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: such as `g6.xlarge, spot (pool gpu)`.
        least, most: how many.
        price: of each; None is not known.
        ceiling: where `price` is not known, what each costs at most: on demand for a spot node.
        note: what a reader should know of the price.
    """

    what: str
    least: int
    most: int
    price: Price | None
    ceiling: float | None = None
    note: str = ""

    @property
    def low(self) -> float | None:
        """The least it costs an hour; None is not known."""
        if self.least == 0:
            return 0.0
        return self.least * self.price.low if self.price else None

    @property
    def high(self) -> float | None:
        """The most it costs an hour; None is not known."""
        each = self.price.high if self.price else self.ceiling
        return 0.0 if self.most == 0 else None if each is None else self.most * each


@dataclass(frozen=True, slots=True)
class CostTable:
    """What a project costs an hour.

    Attributes:
        rows: the cluster, its network, its nodes.
        low: the least, with the fewest nodes; what is not known is not in it.
        high: the most, with the most nodes of each pool at the price of its first type; likewise.
        dearest: the same where the dearest of each group's types stands in.
        unknown: what has no price, in words.
        left_out: what is not counted at all.
    """

    rows: tuple[Row, ...]
    low: float
    high: float
    dearest: float
    unknown: tuple[str, ...]
    left_out: tuple[str, ...] = LEFT_OUT


@dataclass(frozen=True, slots=True)
class _Nodes:
    """The nodes of one capacity of a pool: its row, and the dearest that one of them may cost."""

    row: Row
    dearest: float | None


def price(instance: Instance, capacity: str, region: str, prices: Prices) -> Price | None:
    """Return what a node costs in a region, or None where no source says.

    Args:
        instance: its type.
        capacity: `on-demand`, `spot` or `reserved`; what is reserved is counted as on demand.
        region: where.
        prices: those of `workaday.lock`; they come before the catalogue's.
    """
    fetched = prices.of(instance.cloud, region)
    if capacity == SPOT:
        zones = fetched.spot.get(instance.name) if fetched else None
        if not fetched or not zones:
            return None
        return Price(min(zones.values()), max(zones.values()), LOCK_NAME, fetched.as_of.date().isoformat())
    if fetched and instance.name in fetched.on_demand:
        usd = fetched.on_demand[instance.name]
        return Price(usd, usd, LOCK_NAME, fetched.as_of.date().isoformat())
    catalogue = read(instance.cloud)
    listed = catalogue.usd_hour(instance.name, region) if catalogue else None
    if catalogue is None or listed is None:
        return None
    return Price(listed, listed, "catalogue", catalogue.prices_as_of)


def hourly(blueprint: Blueprint, catalogue: Catalogue, prices: Prices) -> CostTable:
    """Return what a project's cluster costs an hour.

    Args:
        blueprint: one on a cloud.
        catalogue: the cloud's.
        prices: those of `workaday.lock`.

    Raises:
        ValueError: the project is on no cloud.
    """
    cloud = blueprint.cloud
    if cloud is None:
        raise ValueError(f"a project on {blueprint.platform} is on no cloud")
    terms = TERMS[cloud.kind]
    flat = Price(terms.cluster_usd_hour, terms.cluster_usd_hour, "list price", AS_OF)
    system = system_row(cloud, catalogue, prices)
    least = system.least + sum(pool.nodes_min for pool in blueprint.pools)
    most = system.most + sum(pool.nodes_max for pool in blueprint.pools)
    fixed = (Row(f"{terms.cluster} cluster", 1, 1, flat), *nat_rows(cloud, terms, least, most), system)
    pools = [tuple(pool_nodes(pool, blueprint, catalogue, prices)) for pool in blueprint.pools]
    rows = (*fixed, *(each.row for found in pools for each in found))
    usual = sum(row.high or 0.0 for row in fixed)
    dearest = usual
    for pool, found in zip(blueprint.pools, pools, strict=True):
        usual += most_of(((each.row.most, each.row.high) for each in found), pool.nodes_max)
        dearest += most_of(((each.row.most, _times(each.row.most, each.dearest)) for each in found), pool.nodes_max)
    unknown = tuple(row.what for row in rows if row.most and row.price is None)
    return CostTable(rows, sum(row.low or 0.0 for row in rows), usual, dearest, unknown)


def system_row(cloud: Cloud, catalogue: Catalogue, prices: Prices) -> Row:
    """Return the row of the pool where controllers run."""
    name, count = cloud.system.instances[0], cloud.system.nodes
    instance = catalogue.instances.get(name)
    found = price(instance, ON_DEMAND, cloud.region, prices) if instance else None
    return Row(f"{name}, on demand (system)", count, count, found, note=_elsewhere(instance, found, catalogue))


def nat_rows(cloud: Cloud, terms: Terms, least: int, most: int) -> Iterator[Row]:
    """Give the row of the NAT gateways that we make; `least` and `most` are how many nodes go through them."""
    count = {"single": 1, "per_zone": len(cloud.zones)}.get(cloud.network.nat, 0)
    if cloud.network.existing or not count:
        return
    name = f"nat gateway{'s' * (count > 1)}"
    if terms.nat_regions and cloud.region not in terms.nat_regions:
        yield Row(name, count, count, None, note=f"${terms.nat_usd_hour:.2f} each in {terms.nat_regions[0]}")
        return
    if cloud.kind == "gcp":  # one for the region, charged by the machines behind it
        low, high = (min(nodes * terms.nat_usd_hour + 0.005, terms.nat_most_usd_hour) for nodes in (least, most))
        yield Row("nat gateway", 1, 1, Price(low, high, "list price", AS_OF))
        return
    yield Row(name, count, count, Price(terms.nat_usd_hour, terms.nat_most_usd_hour, "list price", AS_OF))


def pool_nodes(pool: Pool, blueprint: Blueprint, catalogue: Catalogue, prices: Prices) -> Iterator[_Nodes]:
    """Give the nodes of a pool, one line a capacity type."""
    cloud = blueprint.cloud
    assert cloud
    for capacity, least, most in capacities(pool):
        types = types_of(pool, capacity, blueprint, catalogue)
        spoken = f"{SPOKEN.get(capacity, capacity)} (pool {pool.name})"
        if not types:
            yield _Nodes(Row(f"nodes, {spoken}", least, most, None), None)
            continue
        first, found = types[0], price(types[0], capacity, cloud.region, prices)
        listed = [price(each, ON_DEMAND, cloud.region, prices) for each in types]
        ceiling = _ceiling(pool, listed[0]) if capacity == SPOT else None
        note = _elsewhere(first, listed[0], catalogue)
        if capacity == SPOT and found is None:
            note = "spot price unknown" + (f"; on demand ${listed[0].high:.2f} each" if listed[0] else "")
        costs = [each.high for each in (price(one, capacity, cloud.region, prices) for one in types) if each]
        costs += [each.high for each in listed if each] if capacity == SPOT and found is None else []
        yield _Nodes(Row(f"{first.name}, {spoken}", least, most, found, ceiling, note), max(costs, default=None))


def types_of(pool: Pool, capacity: str, blueprint: Blueprint, catalogue: Catalogue) -> list[Instance]:
    """Return the types of a pool's nodes: those of its node groups, else what a provisioner may take."""
    cloud = blueprint.cloud
    assert cloud
    groups = [group for group in cloud.node_groups if group.pool == pool.name and group.capacity == capacity]
    names = [name for group in groups for name in group.instances]
    if names:
        return [catalogue.instances[name] for name in names if name in catalogue.instances]
    asked = {ON_DEMAND: "on_demand", SPOT: "spot"}.get(capacity)
    found = instances_of(pool, catalogue, cloud.region, models=blueprint.models, capacity=asked)
    return list(found[:MOST_TYPES])


def most_of(groups: Iterable[tuple[int, float | None]], nodes: int) -> float:
    """Return the most that some groups cost together: `nodes` of them, the dearest first.

    Args:
        groups: the most nodes of each and what they cost together; None is not known, and not counted.
        nodes: how many there may be in all.
    """
    total, left = 0.0, nodes
    each = sorted(((cost / count, count) for count, cost in groups if count and cost is not None), reverse=True)
    for usd, count in each:
        taken = min(count, left)
        total, left = total + taken * usd, left - taken
    return total


def as_cells(table: CostTable) -> list[tuple[str, str, str]]:
    """Return the table as people read it: what, how many, and dollars an hour for all of them."""
    cells = [("resource", "count", "per hour")]
    for row in table.rows:
        count = str(row.least) if row.least == row.most else f"{row.least}-{row.most}"
        cells.append((row.what, count, _spoken(row)))
    return cells


def summary(table: CostTable) -> Sequence[str]:
    """Return the lines below the table: the bounds, what may make it more, and what they do not hold."""
    lines = [f"between ${table.low:.2f} and ${table.high:.2f} an hour"]
    if round(table.dearest, 2) > round(table.high, 2):
        lines.append(f"up to ${table.dearest:.2f} where a pool's first type is not to be had")
    if table.unknown:
        lines.append(f"price unknown: {'; '.join(table.unknown)}")
    lines.append(f"not counted: {', '.join(table.left_out)}")
    return lines


def _spoken(row: Row) -> str:
    if row.price is None:
        return row.note or "price unknown"
    each = row.price
    if row.least == row.most and row.most == 1:
        low, high = each.low, each.high
        text = f"${low:.2f}" if round(low, 2) == round(high, 2) else f"${low:.2f} to ${high:.2f}"
    else:
        text = f"${each.low:.2f} each" if each.low == each.high else f"${each.low:.2f} to ${each.high:.2f} each"
    return f"{text} ({each.source}, {each.as_of})" if each.source != "list price" else text


def _elsewhere(instance: Instance | None, found: Price | None, catalogue: Catalogue) -> str:
    if found or instance is None or instance.usd_hour is None:
        return ""
    return f"price unknown; ${instance.usd_hour:.2f} each in {catalogue.price_region}"


def _ceiling(pool: Pool, on_demand: Price | None) -> float | None:
    """Return what a spot node costs at most: the pool's own bound, or what it costs on demand."""
    bounds = [pool.spot.max_price if pool.spot else None, on_demand.high if on_demand else None]
    return min((each for each in bounds if each is not None), default=None)


def _times(count: int, usd: float | None) -> float | None:
    return None if usd is None else count * usd
