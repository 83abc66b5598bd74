"""Latency as a person reads it, from a server's own page."""

from __future__ import annotations

import asyncio

import pytest

from workaday.execute.figures import p99_by_model, page, quantile
from workaday_server.metrics import Metrics


def test_the_latency_of_each_model_is_read_off_the_servers_page() -> None:
    async def made() -> str:
        metrics = Metrics()
        for _ in range(98):
            metrics.request_seconds.series("quick").observe(0.004)
        for _ in range(2):
            metrics.request_seconds.series("quick").observe(0.4)
        metrics.request_seconds.series("slow").observe(1e6)
        metrics.request_seconds.series("idle")
        return metrics.render().decode()

    found = p99_by_model(asyncio.run(made()))
    assert 0.25 < found["quick"] <= 0.5
    assert found["slow"] >= 10  # the last bound that there is
    assert "idle" not in found


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 1.0), (0.75, 1.5), (0.25, 0.5), (1.0, 2.0)])
def test_a_quantile_is_linear_within_its_bucket(share: float, wanted: float) -> None:
    assert quantile(share, [(1.0, 2.0), (2.0, 4.0), (float("inf"), 4.0)]) == wanted


def test_a_server_that_does_not_answer_has_no_page() -> None:
    assert page("http://127.0.0.1:1") == ""
    assert p99_by_model("") == {}
