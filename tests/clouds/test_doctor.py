"""`doctor`'s own judgement: needs against limits, versions, addresses, this machine; and the verb as people meet it."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workaday.catalog import read
from workaday.cli.run import run
from workaday.execute.clouds import Address, Quota, Who
from workaday.execute.doctor import examine, network, tools
from workaday.execute.doctor.account import prices
from workaday.execute.doctor.findings import Finding, looked
from workaday.execute.doctor.machine import memory, python
from workaday.execute.doctor.quotas import Need, aws_class, gcp_card, judged, needs
from workaday.project.diagnostics import mistake

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GIB = 2**30


@pytest.mark.parametrize(
    ("family", "spot", "expected"),
    [
        ("g6", True, "g"),
        ("gr6", False, "g"),
        ("m7i", False, "standard"),
        ("im4gn", True, "standard"),
        ("p4d", True, "p"),
        ("p5", False, "p"),
        ("p5en", True, "p5"),
        ("p6-b200", True, "p6"),
        ("inf2", False, "inf"),
        ("trn1n", False, "trn"),
        ("x2idn", False, "x"),
        ("vt1", False, "g"),
    ],
)
def test_the_classes_that_ec2_limits(family, spot, expected):
    assert aws_class(family, spot=spot) == expected


def test_every_family_of_the_catalogue_has_a_class():
    classes = {aws_class(each.family, spot=False) for each in read("aws").instances.values()}
    assert classes <= {"standard", "g", "p", "inf", "trn", "x", "f", "dl", "hpc", "highmem", "mac"}


@pytest.mark.parametrize(
    ("accelerator", "metric"),
    [
        ("nvidia-l4", "NVIDIA_L4_GPUS"),
        ("nvidia-tesla-t4", "NVIDIA_T4_GPUS"),
        ("nvidia-tesla-a100", "NVIDIA_A100_GPUS"),
        ("nvidia-a100-80gb", "NVIDIA_A100_80GB_GPUS"),
        ("nvidia-h100-80gb", "NVIDIA_H100_GPUS"),
    ],
)
def test_the_metrics_that_google_limits_cards_by(accelerator, metric):
    assert gcp_card(accelerator) == metric


def test_a_fallback_may_grow_to_the_whole_pool_and_all_together_do_not_grow_past_it(workspace):
    found = {each.key: each for each in needs(workspace("gcp").blueprint, read("gcp"), {})}
    assert (found["NVIDIA_L4_GPUS"].least, found["NVIDIA_L4_GPUS"].most) == (1, 10)
    assert (found["PREEMPTIBLE_NVIDIA_L4_GPUS"].least, found["PREEMPTIBLE_NVIDIA_L4_GPUS"].most) == (0, 9)
    assert (found["GPUS_ALL_REGIONS"].least, found["GPUS_ALL_REGIONS"].most) == (1, 10)


def test_without_fallback_only_the_base_is_on_demand(workspace):
    blueprint = workspace("aws", pool="spot: {on_demand_base: 2, fallback: none}").blueprint
    found = {each.key: each for each in needs(blueprint, read("aws"), {})}
    assert (found["g/ondemand"].least, found["g/ondemand"].most % 2) == (8, 0)
    assert found["g/spot"].whose == ("gpu",)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 20), st.integers(0, 200))
def test_a_limit_fails_exactly_where_not_even_the_least_fits(least, more, each, limit):
    [found] = judged(
        [Need("g/spot", each, least, least + more, ("gpu",))], {"g/spot": Quota("L-1", "G", limit)}, "aws", "r"
    )
    assert (found.state == "failed") == (limit < max(least, each))
    assert (found.state == "ok") == (limit >= max(least + more, each))
    assert bool(found.fix) == (found.state != "ok")


@pytest.mark.parametrize(
    ("wanted", "version", "taken"),
    [
        (">= 1.11, < 2.0", "1.11.0", True),
        (">= 1.11, < 2.0", "1.11.4", True),
        (">= 1.11, < 2.0", "1.9.8", False),
        (">= 1.11, < 2.0", "2.0.0", False),
        (">= 1.11, < 2.0", "1.12.0-rc1", True),
        ("~> 1.11", "1.14.2", True),
        ("~> 1.11", "2.0.0", False),
    ],
)
def test_versions_within_bounds(wanted, version, taken):
    assert tools.takes(wanted, version) is taken


def test_the_bounds_are_those_of_the_tree():
    assert all(tools.required(each).startswith(">= 1.") for each in ("local", "aws", "azure"))


def test_an_old_terraform_is_named(workspace, monkeypatch):
    done = subprocess.CompletedProcess([], 0, json.dumps({"terraform_version": "1.5.7"}), "")
    monkeypatch.setattr(tools.subprocess, "run", lambda *_, **__: done)
    found = tools.terraform(workspace("aws"))
    assert (found.state, found.said.partition(":")[0]) == ("failed", "1.5.7, and >= 1.11, < 2.0 is needed")


def test_a_check_that_cannot_look_says_so_and_stops_no_other():
    def refused() -> Finding:
        raise mistake("X150", "no", "ask")

    def wrong() -> Finding:
        raise KeyError("x")

    found = looked({"a": refused, "b": wrong, "c": lambda: Finding("c", "ok", "fine")})
    assert found == (
        Finding("a", "unknown", "no", "ask"),
        Finding("b", "unknown", "KeyError: 'x'"),
        Finding("c", "ok", "fine"),
    )


@pytest.mark.parametrize(
    ("address", "state"), [("203.0.113.7", "ok"), ("198.51.100.1", "failed"), ("2001:db8::1", "failed")]
)
def test_our_own_address_is_let_in_or_not(cloud, monkeypatch, address, state):
    monkeypatch.setattr(network, "own_address", lambda: address)
    found = network.let_in(cloud("aws").access)
    assert found.state == state
    assert bool(found.fix) == (state != "ok")


def test_where_nobody_tells_our_address_it_is_unknown(cloud, monkeypatch):
    def nobody() -> str:
        raise OSError("no way out")

    monkeypatch.setattr(network, "own_address", nobody)
    assert network.let_in(cloud("aws").access).state == "unknown"


def test_a_cluster_that_does_not_answer(cloud, free_port):
    access = cloud("aws").access
    gone = network.answering(Address(f"https://127.0.0.1:{free_port}", None), access)
    assert (gone.state, "Connection refused" in gone.said) == ("failed", True)
    private = network.answering(
        Address(f"https://127.0.0.1:{free_port}", None), replace(access, endpoint="private", via="vpn")
    )
    assert (private.state, private.fix) == ("warning", "its endpoint is private: come via vpn")
    assert network.answering(None, access).state == "ok"


def test_a_cluster_that_answers_a_stranger_and_one_that_is_someone_else(cloud, api, certificate):
    access = cloud("aws").access
    server, authority = api.over_tls(certificate), base64.b64encode(certificate.read_bytes()).decode()
    api.on("GET", "/version", {"message": "who are you"}, status=401)
    found = network.answering(Address(server, authority), access)
    assert (found.state, found.said) == ("ok", f"{server} answers (401)")
    other = network.answering(Address(server, None), access)
    assert (other.state, "is someone else: self" in other.said) == ("failed", True)


def test_prices_of_last_spring_are_a_warning(workspace):
    opened = workspace("aws")
    assert prices(opened, NOW).state == "ok"
    entry = {"as_of": (NOW - timedelta(days=40)).isoformat(), "source": "x", "on_demand": {}, "spot": {}}
    (opened.root / "workaday.lock").write_text(json.dumps({"prices": {"aws": {"us-east-1": entry}}}))
    found = prices(opened, NOW)
    assert (found.state, "40 days old" in found.said) == ("warning", True)


def test_this_machine(workspace):
    opened = workspace("local")
    assert python((3, 10, 9)).state == "failed"
    assert python((3, 11, 0)).state == "ok"
    wanted = sum(each.compute.memory_bytes for each in opened.blueprint.models)
    assert memory(opened, wanted - 1, wanted - 1).state == "failed"
    assert memory(opened, wanted, wanted - 1).state == "warning"
    assert memory(opened, wanted, wanted).state == "ok"


class Nobody:
    """An account that says nothing but who asks."""

    def who(self) -> Who:
        return Who("ann", "123456789012")

    def __getattr__(self, name):
        raise mistake("X150", f"{name}: not for you")


def test_an_account_that_refuses_all_else_is_unknown_in_all_else(workspace, monkeypatch):
    monkeypatch.setenv("WORKADAY_HELM", "/bin/false")
    found = examine(workspace("aws"), NOW, Nobody())
    states = {each.what: each.state for each in found}
    assert states == {
        "terraform": "ok", "credentials": "ok", "helm": "unknown", "prices": "ok", "own address": "ok",
        "permissions": "unknown", "instance types": "unknown", "quotas": "unknown", "state": "unknown",
        "cluster api": "unknown", "cluster": "unknown",
    }  # fmt: skip


def test_the_verb_on_this_machine(workspace, capsys, monkeypatch):
    file = str(
        workspace(
            "local",
        ).root
        / "project.yaml"
    )
    monkeypatch.setattr("workaday.execute.local.check_ports", lambda workspace: None)
    monkeypatch.setattr("workaday.execute.doctor.machine.memory_bytes", lambda: (64 * GIB, 64 * GIB))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert run(["doctor", "-f", file]) == 0
    said = capsys.readouterr().out
    assert "ok       memory" in said
    monkeypatch.setattr("workaday.execute.doctor.machine.memory_bytes", lambda: (1, 1))
    assert run(["doctor", "-f", file, "--format", "json"]) == 1
    found = {each["what"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["memory"]["state"] == "failed"
    assert found["memory"]["fix"]


def test_the_verb_without_an_account(workspace, capsys, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert run(["doctor", "-f", str(workspace("aws").root / "project.yaml")]) == 1
    said = capsys.readouterr().out
    assert "failed   credentials" in said
    assert "fix: log in" in said
    assert "unknown  permissions" in said


def test_a_cluster_that_is_there_needs_its_context(tmp_path, capsys, monkeypatch):
    predictor = tmp_path / "predictor.py"
    predictor.write_text("class Predictor:\n    def predict(self, payload):\n        return payload\n")
    (tmp_path / "config").write_text("contexts: [{name: other}]\n")
    platform = "{kind: existing, context: work, kubeconfig: config}"
    registry = "registry: {prefix: ghcr.io/team}\n"
    model = "models:\n  - {name: story, server: {kind: torch, predictor: predictor.py}}\n"
    (tmp_path / "project.yaml").write_text(f"version: 1\nname: shop\nplatform: {platform}\n{registry}{model}")
    monkeypatch.setenv("WORKADAY_HELM", "/bin/false")
    assert run(["doctor", "-f", str(tmp_path / "project.yaml")]) == 1
    said = capsys.readouterr().out
    assert "no context `work`" in said
    assert "there are: other" in said
    assert "unknown  helm" in said
