"""Each code's page: its bad example yields exactly that code, its good one nothing."""

from __future__ import annotations

import pytest

from workaday.project import codes

PAGES = [page for code in codes.codes() if code.startswith(("C2", "C4")) and (page := codes.page(code))]


def test_every_code_has_its_page():
    assert [page.code for page in PAGES] == ["C201", "C202", "C203", "C204", "C205", "C206", "C207", "C401", "C402"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_bad_example_yields_exactly_its_code(page, checked):
    assert [each.code for each in checked(page.bad[0].text).diagnostics] == [page.code]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_good_example_has_no_finding(page, checked):
    assert [each.code for each in checked(page.good[0].text).diagnostics] == []
