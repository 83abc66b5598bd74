"""When each alert fires and when it does not, as unit tests of promtool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Labels = Mapping[str, str]
STORY = 'namespace="dungeon",model="story"'
DEPLOYMENT = 'namespace="dungeon",deployment="story-predictor"'
ANSWERS = 'namespace="dungeon",model="story",name="label"'
FAST, SLOW, EVER = {"window": "1h"}, {"window": "6h"}, {"window": "3d"}
AVAILABILITY, LATENCY = "WorkadayAvailabilityBurn", "WorkadayLatencyBurn"


@dataclass(frozen=True)
class Case:
    """A test.

    Attributes:
        series: what was measured, in promtool's notation, a value every `every`.
        at: when it is looked.
        fires: alert → of each that fires, labels that choose its rule or come from what was measured.
    """

    name: str
    at: str
    series: Mapping[str, str]
    fires: Mapping[str, Sequence[Labels]] = field(default_factory=dict)
    every: str = "1m"


def requests(**codes: str) -> dict[str, str]:
    """Return counters of requests by status."""
    return {f'workaday_requests_total{{{STORY},code="{code[1:]}"}}': values for code, values in codes.items()}


def seconds(fast: str, every: str, bound: str = "3") -> dict[str, str]:
    """Return how many answers were as fast as is promised, and how many there were."""
    return {
        f'workaday_request_seconds_bucket{{{STORY},le="{bound}"}}': fast,
        f"workaday_request_seconds_count{{{STORY}}}": every,
    }


def nodes(**kinds: str) -> dict[str, str]:
    """Return nodes of the pool `gpu`, by name and capacity."""
    labels = 'label_workaday_dev_pool="gpu",label_node_kubernetes_io_instance_type="g6.xlarge"'
    return {
        f'kube_node_labels{{node="{name}",{labels},label_workaday_dev_capacity="{kind}"}}': "1x600"
        for name, kind in kinds.items()
    }


def replicas(wanted: str, ready: str) -> dict[str, str]:
    return {
        f"kube_deployment_spec_replicas{{{DEPLOYMENT}}}": wanted,
        f"kube_deployment_status_replicas_available{{{DEPLOYMENT}}}": ready,
    }


CERTIFICATE = 'certmanager_certificate_expiration_timestamp_seconds{name="workaday-tls",namespace="workaday-system"}'
POD = {'kube_pod_info{namespace="dungeon",pod="story-predictor-1"}': "1x600"}
STATE = {f'workaday_model_state{{{STORY},state="ready"}}': "1x60"}
NOBODY = {"model": "story", "deployment": "story-predictor"}
CASES = (
    Case("2 % fail", "2h", requests(c200="0+98x200", c500="0+2x200"), {AVAILABILITY: [FAST, SLOW, EVER]}),
    Case("full queues", "2h", requests(c200="0+98x200", c429="0+2x200"), {AVAILABILITY: [FAST, SLOW, EVER]}),
    Case("0.8 % fail", "400m", requests(c200="0+992x500", c503="0+8x500"), {AVAILABILITY: [SLOW, EVER]}),
    Case("0.2 % fail", "75h", requests(c200="0+998x500", c500="0+2x500"), {AVAILABILITY: [EVER]}, "10m"),
    Case("0.05 % fail", "75h", requests(c200="0+1999x500", c500="0+1x500"), {}, "10m"),
    Case("callers' mistakes", "2h", requests(c200="0+50x200", c400="0+50x200")),
    Case("no requests", "2h", requests(c200="7x200", c500="3x200")),
    Case(
        "it is over", "160m", requests(c200="0+98x300", c500="0+2x120 240x180"), {AVAILABILITY: [EVER]}
    ),
    Case("a fifth is slow", "2h", seconds("0+80x200", "0+100x200"), {LATENCY: [FAST, SLOW, EVER]}),
    Case("as Prometheus 3 writes it", "2h", seconds("0+80x200", "0+100x200", "3.0"), {LATENCY: [FAST, SLOW, EVER]}),
    Case("a tenth is slow", "2h", seconds("0+90x200", "0+100x200"), {LATENCY: [SLOW, EVER]}),
    Case("one in two hundred is slow", "2h", seconds("0+995x200", "0+1000x200")),
    Case("none is ready", "20m", replicas("2x60", "0x60"), {"WorkadayNoReplica": [NOBODY]}),
    Case("none is ready yet", "8m", replicas("2x60", "0x60")),
    Case("none is wanted", "20m", replicas("0x60", "0x60")),
    Case("one is ready", "20m", {**replicas("2x60", "1x60"), **STATE}),
    Case("nothing is measured", "20m", replicas("2x60", "1x60"), {"WorkadayMetricsVanished": [{"model": "story"}]}),
    Case(
        "other answers than there were",
        "27h",
        {
            f'workaday_answer_class_total{{{ANSWERS},class="cat"}}': "0+9x900",
            f'workaday_answer_class_total{{{ANSWERS},class="dog"}}': "0+1x900",
            f'workaday_answer_reference_share{{{ANSWERS},class="cat"}}': "0.5x900",
            f'workaday_answer_reference_share{{{ANSWERS},class="dog"}}': "0.5x900",
        },
        {"WorkadayDrift": [{"model": "story", "name": "label"}]},
        "2m",
    ),
    Case(
        "a class that nobody expected",
        "27h",
        {
            f'workaday_answer_class_total{{{ANSWERS},class="cat"}}': "0+1x900",
            f'workaday_answer_class_total{{{ANSWERS},class="bird"}}': "0+1x900",
            f'workaday_answer_reference_share{{{ANSWERS},class="cat"}}': "1x900",
        },
        {"WorkadayDrift": [{"model": "story", "name": "label"}]},
        "2m",
    ),
    Case(
        "the same answers",
        "27h",
        {
            f'workaday_answer_class_total{{{ANSWERS},class="cat"}}': "0+6x900",
            f'workaday_answer_class_total{{{ANSWERS},class="dog"}}': "0+4x900",
            f'workaday_answer_reference_share{{{ANSWERS},class="cat"}}': "0.5x900",
            f'workaday_answer_reference_share{{{ANSWERS},class="dog"}}': "0.5x900",
        },
        {},
        "2m",
    ),
    Case(
        "answers without a reference",
        "27h",
        {f'workaday_answer_class_total{{{ANSWERS},class="a"}}': "0+9x900"},
        {},
        "2m",
    ),
    Case("spot alone", "40m", {**nodes(a="spot", b="spot"), **POD}, {"WorkadaySpotBase": [{"pool": "gpu"}]}),
    Case("spot with its base", "40m", {**nodes(a="spot", b="on-demand"), **POD}),
    Case(
        "a certificate of eleven days",
        "2h",
        {CERTIFICATE: "1000000x200"},
        {"WorkadayCertificateExpiry": [{"name": "workaday-tls"}]},
    ),
    Case("a certificate of two months", "2h", {CERTIFICATE: "5000000x200"}),
    Case("three nodes on demand", "8h", nodes(a="on-demand", b="on-demand", c="on-demand"), {"WorkadayBudget": [{}]}),
    Case("one node of each", "8h", nodes(a="on-demand", b="spot")),
)  # fmt: skip


def document(case: Case, rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a case as promtool reads it: every alert is looked at, also those that are to be silent."""
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    return {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": case.every,
                "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
                "alert_rule_test": [
                    {
                        "eval_time": case.at,
                        "alertname": alert,
                        "exp_alerts": [expected(alert, labels, rules) for labels in case.fires.get(alert, ())],
                    }
                    for alert in sorted(alerts)
                ],
            }
        ],
    }


def expected(alert: str, labels: Labels, rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an alert as it fires: its rule's labels and words, and the labels of what was measured."""
    (rule,) = [
        each
        for each in rules
        if each.get("alert") == alert and all(each["labels"].get(key, value) == value for key, value in labels.items())
    ]
    words = dict(rule["annotations"])
    for key, value in labels.items():
        words["summary"] = words["summary"].replace("{{ $labels.%s }}" % key, value)  # noqa: UP031 -- braces
    return {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": words}
