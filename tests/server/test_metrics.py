"""The list in docs/metrics.md is the server's own, and Prometheus' parser reads what the server writes."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from workaday_server.metrics import Metrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) \|")


def test_the_page_lists_exactly_what_the_server_has() -> None:
    written = {
        (name, kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(PAGE.read_text())
    }
    assert written == {(each.name, each.kind, each.labels) for each in Metrics().families}


def test_prometheus_reads_them_even_with_strange_names() -> None:
    metrics = Metrics()
    metrics.requests.add(('a"b\\c\nd', "v1", "200"))
    metrics.batch_size.series("m").observe(3)
    families = {each.name: each for each in text_string_to_metric_families(metrics.render().decode())}
    sample = families["workaday_requests"].samples[0]
    assert sample.labels["model"] == 'a"b\\c\nd'
    buckets = {each.labels["le"]: each.value for each in families["workaday_batch_size"].samples if "le" in each.labels}
    assert (buckets["2"], buckets["4"], buckets["+Inf"]) == (0, 1, 1)
    assert families["process_resident_memory_bytes"].samples[0].value > 1e6


def test_a_models_samples_go_with_it() -> None:
    metrics = Metrics()
    for model in ("a", "b"):
        metrics.requests.add((model, "v1", "200"))
        metrics.batch_size.series(model).observe(1)
    metrics.forget("a")
    text = metrics.render().decode()
    assert 'model="a"' not in text
    assert text.count('model="b"') > 2


def test_a_served_model_is_counted(server) -> None:
    server.model("a")
    server.start()
    for _ in range(3):
        server.post("/a", 1)
    server.post("/a", b"{")
    assert server.metric('workaday_requests_total{model="a",protocol="raw",code="200"}') == 3
    assert server.metric('workaday_errors_total{model="a",cause="client"}') == 1
    assert server.metric('workaday_model_state{model="a",state="ready"}') == 1
    assert server.metric('workaday_request_seconds_count{model="a"}') == 4
    assert server.metric('workaday_stage_seconds_count{model="a",stage="predict"}') == 3
    assert server.metric('workaday_in_flight{model="a"}') == 0


def test_a_promise_is_the_end_of_a_bucket(server) -> None:
    server.model("a", promise_seconds=3)
    server.model("b", promise_seconds=5)
    server.start()
    for model in ("a", "b"):
        server.post(f"/{model}", 1)
    assert server.metric('workaday_request_seconds_bucket{model="a",le="3"}') == 1
    buckets = [line for line in server.get("/metrics").text.splitlines() if "request_seconds_bucket" in line]
    assert sum('model="b"' in line for line in buckets) + 1 == sum('model="a"' in line for line in buckets)
