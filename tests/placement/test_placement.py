"""Placement: properties that hold for every type and every size, and figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workaday.blueprint.model import Compute, Model, Pool
from workaday.blueprint.nodes import MIB, allocatable, kubelet_cpu_millis
from workaday.blueprint.placement import GIB, NO_CATALOGUE, Fit, Refusal, candidates, described, fits, place, placements
from workaday.catalog import Catalogue, Instance, read

AWS = read("aws")
assert isinstance(AWS, Catalogue)
TYPES = sorted(AWS.instances)
GPUS = sorted(AWS.gpu_names)

instances = st.sampled_from(TYPES).map(lambda name: AWS.instances[name])
computes = st.builds(
    Compute,
    cpu_cores=st.floats(0.01, 200),
    memory_bytes=st.integers(1, 4096 * GIB),
    shm_bytes=st.none(),
    gpu_type=st.none() | st.sampled_from(GPUS),
    gpu_count=st.integers(0, 16),
    gpu_memory_bytes=st.none() | st.integers(1, 2048 * GIB),
)
pools = st.builds(
    Pool,
    name=st.sampled_from(["a", "b", "c"]),
    gpu_type=st.none() | st.sampled_from([*GPUS, "L5"]),
    gpu_count=st.integers(0, 16),
    share=st.just("none"),
    instances=st.lists(st.sampled_from([*TYPES, "x99.large"]), max_size=6).map(tuple),
    nodes_min=st.just(0),
    nodes_max=st.integers(1, 50),
    spot=st.none(),
    reservation=st.none(),
    disk_bytes=st.just(100 * GIB),
    derived=st.booleans(),
)


def asking(cpu: float = 1, memory: int = 2 * GIB, *, type: str | None = None, count: int = 0, vram: int | None = None):
    return Compute(cpu, memory, None, type, count, vram)


def pool(name: str = "a", **changes) -> Pool:
    plain = Pool(name, None, 0, "none", (), 0, 4, None, None, 100 * GIB, False)
    return replace(plain, **changes)


@given(instances)
def test_a_node_has_less_than_its_type_states(instance: Instance):
    left = allocatable(instance)
    assert 0 <= left.cpu_millis < instance.vcpu * 1000
    assert 0 <= left.memory_bytes < instance.memory_mib * MIB
    assert 0 <= left.pods < instance.pods


@given(instances, st.integers(0, 64), st.integers(0, 2**20))
def test_a_larger_machine_never_leaves_less(instance: Instance, vcpu: int, memory: int):
    small = allocatable(instance)
    large = allocatable(replace(instance, vcpu=instance.vcpu + vcpu, memory_mib=instance.memory_mib + memory))
    assert large.cpu_millis >= small.cpu_millis
    assert large.memory_bytes >= small.memory_bytes


@given(instances, computes, st.booleans())
def test_what_fits_is_within_what_is_left_and_one_replica_more_is_not(instance, compute, partitions):
    judged = fits(instance, compute, partitions=partitions)
    left = allocatable(instance)
    if isinstance(judged, Refusal):
        assert judged.lacks
        assert judged.reason
        return

    def within(replicas: int) -> bool:
        return (
            replicas * ceil(round(compute.cpu_cores * 1000, 3)) <= left.cpu_millis
            and replicas * compute.memory_bytes <= left.memory_bytes
            and replicas * compute.gpu_count <= left.gpus
            and replicas <= left.pods
        )

    assert judged.replicas >= 1
    assert within(judged.replicas)
    assert not within(judged.replicas + 1)
    assert (
        compute.gpu_memory_bytes is None
        or not compute.gpu_count
        or (compute.gpu_memory_bytes <= compute.gpu_count * left.gpu_memory_bytes)
    )


@given(instances, computes, st.floats(0.1, 1), st.floats(0.1, 1), st.booleans())
def test_asking_for_less_never_fits_worse(instance, compute, cpu, memory, partitions):
    judged = fits(instance, compute, partitions=partitions)
    less = replace(
        compute,
        cpu_cores=compute.cpu_cores * cpu,
        memory_bytes=max(1, int(compute.memory_bytes * memory)),
        gpu_memory_bytes=compute.gpu_memory_bytes and max(1, int(compute.gpu_memory_bytes * memory)),
    )
    if isinstance(judged, Fit):
        lighter = fits(instance, less, partitions=partitions)
        assert isinstance(lighter, Fit)
        assert lighter.replicas >= judged.replicas


@settings(deadline=None)
@given(
    st.lists(pools, max_size=3, unique_by=lambda each: each.name),
    computes,
    st.booleans(),
    st.sampled_from([None, "eu-west-1", "moon-1"]),
)
def test_every_candidate_is_answered_once_and_the_cheapest_comes_first(some, compute, named, region):
    for found in place(model_of(compute, some), some, AWS, region=region, named=named):
        mine = next(each for each in some if each.name == found.pool)
        answered = [each.instance for each in (*found.fits, *found.refusals)]
        if found.note:
            assert not answered
            continue
        assert sorted(answered) == sorted(each.name for each in candidates(mine, AWS))
        prices = [float("inf") if each.usd_hour is None else each.usd_hour for each in found.fits]
        assert prices == sorted(prices)
        assert described(found, AWS)[0].startswith(f"story on {found.pool}: ")


@settings(deadline=None)
@given(pools, computes, st.randoms())
def test_the_order_in_which_a_pool_names_its_types_does_not_matter(one, compute, random):
    shuffled = list(one.instances)
    random.shuffle(shuffled)
    first, second = (
        place(model_of(compute, [each]), [each], AWS)[0].fits for each in (one, replace(one, instances=tuple(shuffled)))
    )
    assert first == second


def model_of(compute: Compute, some: list[Pool]) -> Model:
    from workaday.blueprint.model import Limits, Rollout, Scale

    return Model(
        name="story", kind="torch", predictor="p.py", class_name="Predictor", config={}, weights=None, env={},
        requirements=None, compute=compute, pools=tuple(each.name for each in some),
        scale=Scale(1, 1, "in_flight", 1.0, 60.0, 300.0, 0, ()), rollout=Rollout(1, 0),
        limits=Limits(1, 64, 60.0, 2**20), batching=None, route="/story", process="main", load_timeout_seconds=600.0,
        revision="",
    )  # fmt: skip


# as EKS reserves it: 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest
@pytest.mark.parametrize(("vcpu", "millis"), [(1, 60), (2, 70), (4, 80), (8, 90), (96, 310)])
def test_kubelet_keeps_back_what_eks_says(vcpu, millis):
    assert kubelet_cpu_millis(vcpu) == millis


def test_memory_of_a_node_by_hand():
    # 16384 less 7.5 %, 255 + 11 x 58 for kubelet, 100 for eviction, 512 for daemons
    assert allocatable(AWS.instances["m7i.xlarge"]).memory_bytes == (15155 - 255 - 638 - 100 - 512) * MIB
    assert allocatable(AWS.instances["m7i.xlarge"]).cpu_millis == 4000 - 80 - 300
    assert allocatable(AWS.instances["g6.xlarge"]).memory_bytes == (15155 - 255 - 638 - 100 - 1024) * MIB


@pytest.mark.parametrize(
    ("name", "compute", "lacks", "reason"),
    [
        ("m7i.xlarge", asking(memory=16 * GIB), ("memory",), "needs 16Gi memory; 13.3Gi of 16Gi are left"),
        ("m7i.xlarge", asking(cpu=4), ("cpu",), "needs 4 CPU; 3.62 of 4 are left"),
        ("m7i.xlarge", asking(count=1), ("gpu",), "needs 1 GPU; has no GPU"),
        ("g6.xlarge", asking(type="T4", count=1), ("gpu",), "needs 1 x T4; has 1 x L4"),
        ("g6.xlarge", asking(type="L4", count=2), ("gpu",), "needs 2 x L4; has 1 x L4"),
        ("g6.xlarge", asking(count=1, vram=24 * GIB), ("gpu_memory",), "needs 24Gi GPU memory; has 22.3Gi"),
        ("g6.12xlarge", asking(count=4, vram=140 * GIB), ("gpu_memory",), "needs 140Gi GPU memory; has 4 x 22.3Gi"),
        ("g6f.large", asking(count=1), ("gpu_memory",), "has 0.125 of an L4 with 2.7Gi"),
        ("t3.micro", asking(cpu=0.1, memory=MIB), ("pods",), "addresses for 4 pods, all taken by daemons"),
    ],
)  # fmt: skip
def test_refusals_say_what_is_lacking_with_numbers(name, compute, lacks, reason):
    judged = fits(AWS.instances[name], compute)
    assert isinstance(judged, Refusal)
    assert judged.lacks == lacks
    assert reason in judged.reason


def test_two_replicas_of_two_gpus_go_on_four():
    assert fits(AWS.instances["g6.12xlarge"], asking(count=2, vram=40 * GIB)) == Fit("g6.12xlarge", 2, 4.6016)


def test_a_part_of_a_card_is_taken_where_its_memory_is_enough_or_the_pool_names_it():
    small = asking(type="L4", count=1)
    by_type = pool(gpu_type="L4", gpu_count=1)
    unknown = place(model_of(small, [by_type]), [by_type], AWS)[0]
    known = place(model_of(replace(small, gpu_memory_bytes=2 * GIB), [by_type]), [by_type], AWS)[0]
    by_name = pool(instances=("g6f.large",))
    named = place(model_of(small, [by_name]), [by_name], AWS)[0]
    assert unknown.fits[0].instance == "g6.xlarge"
    assert known.fits[0].instance == "g6f.large"
    assert [each.instance for each in named.fits] == ["g6f.large"]


def test_unknown_prices_come_last():
    hopper = pool(gpu_type="H200", gpu_count=8)
    found = place(model_of(asking(type="H200", count=8), [hopper]), [hopper], AWS)[0]
    assert [each.instance for each in found.fits] == ["p5en.48xlarge", "p5e.48xlarge"]


def test_a_type_that_the_region_lacks_is_refused():
    gpus = pool(gpu_type="L4", gpu_count=1)
    found = place(model_of(asking(type="L4", count=1), [gpus]), [gpus], AWS, region="eu-west-1")[0]
    assert not found.fits
    assert "is not offered in eu-west-1" in {each.reason for each in found.refusals}


def test_a_gpu_that_comes_only_in_eights_is_told():
    single = pool(gpu_type="A100", gpu_count=1)
    found = place(model_of(asking(type="A100", count=1), [single]), [single], AWS)[0]
    assert found.note == "no type of aws has 1 x A100; there is 8 x A100"


def test_arm_is_taken_only_where_the_gpu_is_had_no_other_way():
    assert {each.arch for each in candidates(pool(gpu_type="T4g", gpu_count=1), AWS)} == {"arm64"}
    assert {each.arch for each in candidates(pool(gpu_count=1), AWS)} == {"x86_64"}
    assert {each.arch for each in candidates(pool(), AWS)} == {"x86_64"}
    assert not any(each.burstable for each in candidates(pool(), AWS))


def test_a_model_without_gpus_keeps_off_gpu_nodes_unless_it_names_them_or_has_no_other():
    both = [pool("gpu", gpu_type="L4", gpu_count=1), pool("cpu", instances=("m7i.xlarge",))]
    model = model_of(asking(), both)
    assert [bool(each.fits) for each in place(model, both, AWS, named=False)] == [False, True]
    assert [bool(each.fits) for each in place(model, both, AWS, named=True)] == [True, True]
    assert [bool(each.fits) for each in place(model, both[:1], AWS, named=False)] == [True]


def test_without_a_catalogue_nothing_is_known_and_all_is_possible():
    gpus = pool(gpu_type="L4", gpu_count=1)
    found = place(model_of(asking(type="L4", count=1), [gpus]), [gpus], None)
    assert [(each.note, each.possible) for each in found] == [(NO_CATALOGUE, True)]
    assert described(found[0], None) == [f"story on a: {NO_CATALOGUE}"]


def test_every_cloud_is_placed_on(project):
    _, blueprint = project(
        "version: 1\nname: shop\nplatform: {kind: gcp, region: us-central1, project: shop-prod}\n"
        "models: [{name: story, server: {kind: torch, predictor: models/story/predictor.py}, compute: {gpu: L4}}]\n"
    )
    (found,) = placements(blueprint)
    assert found.fits[0] == Fit("g2-standard-4", 1, 0.706832)


def test_the_local_platform_has_no_placements(project):
    _, blueprint = project(
        "version: 1\nname: shop\nplatform: {kind: local}\n"
        "models: [{name: story, server: {kind: torch, predictor: models/story/predictor.py}}]\n"
    )
    assert placements(blueprint) == []


def test_a_placement_in_words():
    gpus = pool(instances=("g6.xlarge", "p5e.48xlarge", "m7i.xlarge"))
    found = place(model_of(asking(count=1), [gpus]), [gpus], AWS)[0]
    assert described(found, AWS) == [
        "story on a: 2 instance types fit",
        "  g6.xlarge        $0.8048 an hour    1 replica a node",
        "  p5e.48xlarge     price unknown      8 replicas a node",
        "  m7i.xlarge       no: needs 1 GPU; has no GPU",
        "  on demand in us-east-1, as of 2026-07-20",
    ]


def test_a_placement_in_words_where_names_are_long():
    azure = read("azure")
    gpus = pool(gpu_type="T4", gpu_count=4)
    found = place(model_of(asking(count=1), [gpus]), [gpus], azure, region="westeurope")[0]
    usd = azure.usd_hour("Standard_NC64as_T4_v3", "westeurope")
    assert described(found, azure, region="westeurope") == [
        "story on a: 1 instance type fits",
        f"  Standard_NC64as_T4_v3 ${usd:.4f} an hour    4 replicas a node",
        "  on demand in westeurope, as of 2026-06-18",
    ]
