"""The stand-in says what the pinned lists have, and nothing else."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from standin import page, pinned
from watching import emitted


def test_prometheus_reads_it_and_each_name_is_pinned():
    names = {sample.name for family in text_string_to_metric_families(page(1.0)) for sample in family.samples}
    assert "DCGM_FI_DEV_GPU_UTIL" in names
    assert names <= emitted()


def test_a_label_that_its_project_has_not_is_refused():
    with pytest.raises(AssertionError, match="colour"):
        list(pinned(iter([("kube_pod_info", {"pod": "a", "colour": "red"}, 1.0)])))
