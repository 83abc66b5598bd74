"""Names for clouds: within limits, stable, and different where what they name is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workaday.blueprint import naming
from workaday.project.codes import page
from workaday.project.limits import CLOUDS, HOST_LABEL, LABEL_VALUE, NAMESPACE, RELEASE
from workaday.project.units import LABEL_PATTERN

WORDS = st.from_regex(r"\A[a-z]([-a-z0-9]{0,60}[a-z0-9])?\Z")
KINDS = [(cloud, what) for cloud, rules in CLOUDS.items() for what in rules]


@pytest.mark.parametrize(("cloud", "what"), KINDS)
@given(parts=st.lists(WORDS, min_size=1, max_size=3))
def test_a_name_is_within_its_limits(cloud: str, what: str, parts: list[str]) -> None:
    rule = CLOUDS[cloud][what]
    name = naming.resource_name(cloud, what, *parts)
    assert rule.least <= len(name) <= rule.most
    assert re.fullmatch(r"[a-z][a-z0-9]*" if rule.plain else LABEL_PATTERN, name)


@pytest.mark.parametrize(("cloud", "what"), KINDS)
@given(texts=st.sets(WORDS, min_size=2, max_size=8))
def test_names_that_differ_stay_different(cloud: str, what: str, texts: set[str]) -> None:
    assert len({naming.resource_name(cloud, what, text) for text in texts}) == len(texts)


@pytest.mark.parametrize("cloud", CLOUDS)
@given(cluster=WORDS, scopes=st.sets(st.text(min_size=1), min_size=2, max_size=4))
def test_two_owners_never_share_a_bucket(cloud: str, cluster: str, scopes: set[str]) -> None:
    names = {naming.bucket(cloud, cluster, "state", scope) for scope in scopes}
    assert len(names) == len(scopes)
    assert all(len(name) <= CLOUDS[cloud]["bucket"].most for name in names)


def test_what_fits_stands_as_it_is() -> None:
    assert naming.cluster_name("dungeon", "default") == "dungeon"
    assert naming.cluster_name("dungeon", "prod") == "dungeon-prod"
    assert naming.identity("aws", "dungeon-prod", "karpenter") == "dungeon-prod-karpenter"
    assert naming.node_pool("azure", "gpu") == "gpu"
    assert naming.node_pool("gcp", "gpu-l4") == "gpu-l4"
    assert naming.event_rule("dungeon", "spot") == naming.queue("dungeon", "spot") == "dungeon-spot"
    assert naming.registry("aws", "dun--geon", "").startswith("dun-geon-")  # ECR: no two hyphens in a row
    assert naming.resource_group("dungeon") == naming.dns_prefix("dungeon") == naming.release("dungeon")


def test_names_never_change() -> None:
    """A name that changes replaces what it names: these were given out, so they stay."""
    assert naming.node_pool("azure", "gpu-l4") == "gpul4fx4f7i"
    assert naming.bucket("aws", "dungeon", "state", "111122223333") == "dungeon-state-zzthbmp7"
    assert naming.bucket("azure", "dungeon-prod", "state", "sub") == "dungeonprodstatesbbpbzoh"
    assert naming.registry("azure", "dungeon", "sub") == "dungeonoavqj3mc"
    assert naming.registry("gcp", "dungeon", "dungeon-prod-1") == "dungeon"
    assert naming.identity("gcp", "dungeon-production-europe", "story-model") == "dungeon-production-euro-js4lqm"


def test_the_page_has_the_limits_that_are_checked() -> None:
    found = page("C106")
    assert found
    for rule in (HOST_LABEL, LABEL_VALUE, NAMESPACE, RELEASE, *(rules["cluster"] for rules in CLOUDS.values())):
        assert f"| {rule.called} | {rule.most} | {rule.source} |" in found.text
