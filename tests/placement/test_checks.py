"""The checks on placement and spot: what they say, where they point, and what they leave alone."""

from __future__ import annotations

import pytest

from workaday.project import render_text

HEAD = "version: 1\nname: shop\nplatform: {kind: aws, region: us-east-1}\n"
STORY = "  - name: story\n    server: {kind: torch, predictor: models/story/predictor.py}\n"
OTHER = "  - name: other\n    server: {kind: torch, predictor: models/story/predictor.py}\n"


def on(kind: str, region: str) -> str:
    more = {"gcp": ", project: shop-prod", "azure": ", subscription: 00000000-0000-0000-0000-000000000000"}
    return HEAD.replace("kind: aws, region: us-east-1", f"kind: {kind}, region: {region}{more.get(kind, '')}")


def text(pools: list[str], *models: str, head: str = HEAD) -> str:
    written = "".join(f"  - {{name: {each}}}\n" for each in pools)
    return head + (f"pools:\n{written}" if pools else "") + "models:\n" + "".join(models)


def said(error) -> list[tuple[str, str]]:
    return [(each.severity, each.code) for each in error.diagnostics]


L4 = "gpu, accelerator: L4, nodes: {max: 4}"
CPU = "cpu, instances: [m7i.xlarge], nodes: {max: 4}"


def test_the_full_project_has_no_finding(full, found_in):
    assert said(found_in(full)) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("memory: 12Gi, shm", "memory: 1200Gi, shm", "C201"),
        ("count: 1, memory: 14Gi", "count: 1, memory: 24Gi", "C202"),
        ("max: 20, metric", "max: 25, metric", "C203"),
        ("max: 20, metric", "max: 24, metric", "C204"),
        ("accelerator: {type: L4", "accelerator: {type: L44", "C205"),
        ("fallback: on_demand", "fallback: none", "C401"),
        ("timeout: 60s", "timeout: 106s", "C402"),
    ],
)
def test_the_full_project_with_one_mistake_has_one_finding(full, found_in, tmp_path, old, new, code):
    import shutil

    folder = tmp_path / "full"
    shutil.copytree(full.parent, folder)
    project = (folder / "project.yaml").read_text()
    assert project.count(old) == 1
    (folder / "project.yaml").write_text(project.replace(old, new))
    assert [each.code for each in found_in(folder / "project.yaml").diagnostics] == [code]


def test_a_request_of_105_seconds_is_done_before_the_node_goes(full, found_in, tmp_path):
    import shutil

    folder = tmp_path / "full"
    shutil.copytree(full.parent, folder)
    project = (folder / "project.yaml").read_text()
    (folder / "project.yaml").write_text(project.replace("timeout: 60s", "timeout: 105s"))
    assert said(found_in(folder / "project.yaml")) == []


def test_a_finding_shows_the_pool_and_the_way_out(checked):
    error = checked(text([L4], STORY + "    compute: {gpu: {type: L4, memory: 140Gi}}\n    pools: [gpu]\n"))
    assert render_text(error.diagnostics, error.sources) == (
        "error[C202]: `story` cannot fit on pool `gpu`: it needs 140Gi of GPU memory\n"
        " --> project.yaml:9:39  (models[0].compute.gpu.memory)\n"
        "  |\n"
        "5 |   - {name: gpu, accelerator: L4, nodes: {max: 4}}\n"
        "  |                              -- the pool is declared here\n"
        "9 |     compute: {gpu: {type: L4, memory: 140Gi}}\n"
        "  |                                       ^^^^^ g6.xlarge: needs 140Gi GPU memory; has 22.3Gi\n"
        "hint: more GPUs would do: g6.48xlarge (8 x L4)\n"
        "hint: another GPU would do: p5en.48xlarge (8 x H200)\n"
    )


def test_only_the_named_pool_where_it_does_not_fit_is_blamed(checked):
    error = checked(
        text([CPU, "big, instances: [m7i.4xlarge]"], STORY + "    compute: {memory: 32Gi}\n    pools: [big, cpu]\n")
    )
    assert [(each.code, each.path) for each in error.diagnostics] == [("C201", ("models", 0, "pools", 1))]


def test_a_pool_that_was_not_named_may_be_too_small_if_another_is_not(checked):
    assert said(checked(text([CPU, "big, instances: [m7i.4xlarge]"], STORY + "    compute: {memory: 32Gi}\n"))) == []


def test_a_model_that_fits_none_of_the_pools_it_did_not_name_is_one_finding(checked):
    error = checked(text([L4, CPU], STORY + "    compute: {memory: 32Gi}\n"))
    assert [(each.code, each.path) for each in error.diagnostics] == [("C201", ("models", 0, "compute"))]
    assert error.diagnostics[0].label == "m7i.xlarge: needs 32Gi memory; 13.3Gi of 16Gi are left"


def test_a_model_larger_than_any_machine_is_told_to_ask_for_less(checked):
    error = checked(text([], STORY + "    compute: {memory: 90000Gi}\n"))
    assert said(error) == [("error", "C201")]
    assert "ask for less" in error.diagnostics[0].hints[0]


@pytest.mark.parametrize(("stated", "expected"), [("", [("error", "C202")]), (", memory: 20Gi", [])])
def test_weights_must_fit_unless_the_file_says_what_they_take(checked, stated, expected):
    model = (
        f"    weights: {{uri: 's3://b/w', size: 30Gi}}\n    compute: {{gpu: {{type: L4{stated}}}}}\n    pools: [gpu]\n"
    )
    assert said(checked(text([L4], STORY + model))) == expected


def test_weights_of_a_model_without_gpus_need_no_gpu_memory(checked):
    model = "    weights: {uri: 's3://b/w', size: 30Gi}\n    pools: [cpu]\n"
    assert said(checked(text([CPU], STORY + model))) == []


def test_a_region_without_the_gpu_is_told(checked):
    head = HEAD.replace("us-east-1", "eu-west-1")
    error = checked(text([L4], STORY + "    compute: {gpu: L4}\n    pools: [gpu]\n", head=head))
    assert said(error) == [("error", "C201")]
    assert error.diagnostics[0].label.endswith("is not offered in eu-west-1")
    assert error.diagnostics[0].hints == ("another GPU would do: g4dn.xlarge (1 x T4)",)


def test_two_gpus_a_replica_take_half_the_replicas_of_a_node(checked):
    pool = "gpu, accelerator: {type: L4, count: 4}, nodes: {max: 2}"
    model = "    compute: {gpu: {type: L4, count: 2}}\n    pools: [gpu]\n    scale: {max: %d}\n"
    model += "    rollout: {max_surge: 0, max_unavailable: 1}\n"
    assert said(checked(text([pool], STORY + model % 4))) == []
    assert said(checked(text([pool], STORY + model % 5))) == [("error", "C203")]


@pytest.mark.parametrize(("least", "expected"), [(1, [("warning", "C203")]), (3, [("error", "C203")])])
def test_models_that_share_a_pool_are_told_if_it_is_too_small_for_all(checked, least, expected):
    each = f"    compute: {{gpu: L4}}\n    pools: [gpu]\n    scale: {{min: {least}, max: 3}}\n"
    error = checked(text([L4], STORY + each, OTHER + each))
    assert said(error) == expected
    assert error.diagnostics[0].path == ("pools", 0, "nodes", "max")


def test_how_many_share_a_gpu_is_not_known(checked):
    pool = "gpu, accelerator: {type: L4, share: time_slicing}, nodes: {max: 4}"
    assert said(checked(text([pool], STORY + "    compute: {gpu: L4}\n    pools: [gpu]\n    scale: {max: 9}\n"))) == []


def test_a_derived_pool_is_as_large_as_its_models_ask(checked):
    assert said(checked(text([], STORY + "    compute: {gpu: L4}\n    scale: {max: 9}\n"))) == []


@pytest.mark.parametrize(
    ("rollout", "expected"),
    [
        ("", ["C204"]),
        ("    rollout: {max_surge: 25%}\n", ["C204"]),
        ("    rollout: {max_surge: 1, max_unavailable: 25%}\n", []),
        ("    rollout: {max_surge: 1, max_unavailable: 24%}\n", ["C204"]),
    ],
)
def test_percentages_round_as_kubernetes_rounds_them(checked, rollout, expected):
    model = "    compute: {gpu: L4}\n    pools: [gpu]\n    scale: {max: 4}\n" + rollout
    assert [each.code for each in checked(text([L4], STORY + model)).diagnostics] == expected


@pytest.mark.parametrize(
    ("name", "severity", "label"),
    [
        ("g6.xlarg", "error", "did you mean `g6.xlarge`?"),
        ("m7i_xlarge", "error", "did you mean `m7i.xlarge`?"),
        ("x8g.large", "warning", None),
    ],
)
def test_a_type_of_an_unknown_family_may_be_newer_than_the_catalogue(checked, name, severity, label):
    error = checked(text([f"a, instances: [{name}]"], STORY))
    assert said(error) == [(severity, "C205")]
    assert label is None or error.diagnostics[0].label == label


def test_unknown_hardware_is_found_wherever_it_is_named(checked):
    head = HEAD.replace("us-east-1}", "us-east-1, system: {instances: [m7i.lrge]}}")
    error = checked(text(["a, accelerator: l4", CPU], STORY + "    compute: {gpu: H10O}\n", head=head))
    assert [each.path for each in error.diagnostics] == [
        ("platform", "system", "instances", 0),
        ("pools", 0, "accelerator", "type"),
        ("models", 0, "compute", "gpu", "type"),
    ]
    assert error.diagnostics[1].label == "did you mean `L4`?"


def test_on_demand_nodes_that_stay_make_a_broken_promise_a_warning(checked):
    pool = "gpu, accelerator: L4, nodes: {max: 4}, spot: {fallback: none, on_demand_base: 1}"
    model = "    compute: {gpu: L4}\n    pools: [gpu]\n    slo: {availability: 99.9}\n"
    error = checked(text([pool], STORY + model))
    assert said(error) == [("warning", "C401")]
    assert "only 1 on-demand node stays" in error.diagnostics[0].message


@pytest.mark.parametrize(("slo", "pools"), [("p99: 1s", "[gpu]"), ("availability: 99", "[gpu, more]")])
def test_no_promise_or_a_second_pool_is_no_finding(checked, slo, pools):
    both = ["gpu, accelerator: L4, spot: {fallback: none}", "more, accelerator: L4"]
    model = f"    compute: {{gpu: L4}}\n    pools: {pools}\n    slo: {{{slo}}}\n"
    assert said(checked(text(both, STORY + model))) == []


@pytest.mark.parametrize(
    ("kind", "region", "more", "gpu", "fits"),
    [
        ("gcp", "us-central1", "", "L4", 90),
        ("gcp", "us-central1", 'kubernetes: "1.34"', "L4", None),
        ("gcp", "us-central1", "provisioner: auto_provisioning", "L4", None),
        ("azure", "eastus", "", "T4", 15),
    ],
)
def test_each_cloud_gives_its_own_notice(checked, kind, region, more, gpu, fits):
    """Azure's 30 seconds less 15 to drain; GKE's 120 from 1.35 on less 15 for the system's pods, before it nothing."""
    model = f"    compute: {{gpu: {gpu}}}\n    pools: [gpu]\n    limits: {{timeout: %ds}}\n"
    spot = f"gpu, accelerator: {gpu}, spot: true"
    head = on(kind, region).replace(f"region: {region}", f"region: {region}, {more}" if more else f"region: {region}")
    found = [said(checked(text([spot], STORY + model % (fits or 1), head=head)))]
    found += [said(checked(text([spot], STORY + model % ((fits or 1) + 1), head=head)))]
    assert found == [[] if fits else [("warning", "C402")], [("warning", "C402")]]


@pytest.mark.parametrize(
    ("kind", "region", "pool", "expected", "path"),
    [
        ("gcp", "us-central1", "accelerator: H100", ["C206"], ("pools", 0, "accelerator")),
        ("gcp", "us-central1", "accelerator: H100, spot: true", ["C206"], ("pools", 0, "spot", "fallback")),
        ("gcp", "us-central1", "accelerator: H100, spot: {on_demand_base: 1, fallback: none}", ["C206"],
         ("pools", 0, "spot", "on_demand_base")),
        ("gcp", "us-central1", "accelerator: H100, spot: {fallback: none}", [], None),
        ("gcp", "us-central1", "accelerator: {type: H100, count: 8}", [], None),
        ("azure", "eastus", "instances: [Standard_B4s_v2], spot: true", ["C206"], ("pools", 0, "spot")),
        ("azure", "eastus", "instances: [Standard_B4s_v2, Standard_D4s_v5], spot: true", [], None),
    ],
)  # fmt: skip
def test_a_pool_asks_for_what_the_cloud_rents(checked, kind, region, pool, expected, path):
    error = checked(text([f"gpu, {pool}"], STORY, head=on(kind, region)))
    found = [each for each in error.diagnostics if each.code == "C206"]
    assert [each.code for each in found] == expected
    assert not found or found[0].path == path


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("g6.xlarge, m7i.xlarge", 1),
        ("m7i.xlarge, m6i.xlarge, m7g.xlarge", 2),
        ("g6.xlarge, g6.12xlarge, g5.xlarge", None),
        ("z9.xlarge, m7i.xlarge", None),
    ],
)
def test_a_pools_machines_are_of_one_kind(checked, named, place):
    found = [each for each in checked(text([f"gpu, instances: [{named}]"], STORY)).diagnostics if each.code == "C207"]
    assert [each.path for each in found] == ([] if place is None else [("pools", 0, "instances", place)])


@pytest.mark.parametrize(
    ("kind", "region", "name", "severity", "label"),
    [
        ("gcp", "us-central1", "g2-standard-5", "error", None),
        ("gcp", "us-central1", "z9-standard-8", "warning", None),
        ("azure", "eastus", "standard_d4s_v5", "error", "did you mean `Standard_D4s_v5`?"),
        ("azure", "eastus", "Standard_NC24ads_A200_v4", "warning", None),
    ],
)
def test_each_cloud_has_its_own_names(checked, kind, region, name, severity, label):
    error = checked(text([f"a, instances: [{name}]"], STORY, head=on(kind, region)))
    assert said(error) == [(severity, "C205")]
    assert label is None or error.diagnostics[0].label == label


@pytest.mark.parametrize(
    ("kind", "region", "gpu", "gib"), [("gcp", "us-central1", "L4", 23), ("azure", "eastus", "T4", 16)]
)
@pytest.mark.parametrize(
    ("compute", "scale", "expected"),
    [
        ("{gpu: %s}", 2, []),
        ("{gpu: %s, memory: 4000Gi}", 2, ["C201"]),
        ("{gpu: {type: %s, memory: %dGi}}", 2, ["C202"]),
        ("{gpu: %s}", 5, ["C203"]),
        ("{gpu: %s}", 4, ["C204"]),
    ],
)
def test_every_cloud_is_checked(checked, kind, region, gpu, gib, compute, scale, expected):
    """A type of one card alone has room for one replica; the pool has four nodes."""
    asked = compute % ((gpu, gib) if compute.count("%") == 2 else gpu)
    model = f"    compute: {asked}\n    pools: [gpu]\n    scale: {{max: {scale}}}\n"
    pool = f"gpu, accelerator: {gpu}, nodes: {{max: 4}}"
    assert [each.code for each in checked(text([pool], STORY + model, head=on(kind, region))).diagnostics] == expected


def test_a_hint_names_what_is_rented_on_demand(checked):
    model = "    compute: {gpu: {type: L4, memory: 70Gi}}\n    pools: [gpu]\n"
    error = checked(text([L4], STORY + model, head=on("gcp", "us-central1")))
    assert error.diagnostics[0].hints == (
        "more GPUs would do: g2-standard-48 (4 x L4)",
        "another GPU would do: g4-standard-48 (1 x RTX PRO 6000)",
    )


def test_a_model_that_keeps_off_the_spot_nodes_is_not_warned_about_them(checked):
    both = ["gpu, accelerator: L4, spot: true", CPU]
    assert said(checked(text(both, STORY + "    limits: {timeout: 5m}\n"))) == []


def test_an_existing_cluster_is_not_checked_against_a_catalogue(checked):
    head = "version: 1\nname: shop\nplatform: {kind: existing, context: c}\n"
    assert said(checked(text([L4], STORY + "    compute: {gpu: {type: H9, memory: 900Gi}}\n", head=head))) == []
