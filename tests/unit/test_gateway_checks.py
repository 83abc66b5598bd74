"""What the door cannot do (C9xx): each page, and what the pages do not show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.resolve import resolve
from workaday.checks import gateway
from workaday.project import ProjectError, codes, load

PAGES = [page for code in codes.codes() if code.startswith("C9") and (page := codes.page(code))]
TEXT = """\
version: 1
name: shop
platform: {kind: existing, context: prod}
models:
  - {name: story, server: {kind: container, image: "ghcr.io/team/story:1"}}
"""


@pytest.fixture
def found(tmp_path: Path) -> Callable[[str], ProjectError]:
    def check(text: str) -> ProjectError:
        (tmp_path / "project.yaml").write_text(text)
        loaded = load(tmp_path / "project.yaml")
        blueprint = resolve(loaded.project, read_inputs(loaded), "default")
        return ProjectError(gateway.check(loaded, blueprint), loaded.sources)

    return check


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_the_bad_example_yields_its_code_with_a_place_and_the_good_one_none(page, found) -> None:
    error = found(page.bad[0].text)
    assert {each.code for each in error.diagnostics} == {page.code}
    assert error.sources
    assert error.sources.locate(error.diagnostics[0].path)
    assert found(page.good[0].text).diagnostics == ()


@pytest.mark.parametrize(
    ("keys", "codes"),
    [
        ('host: "*.a.example", tls: {issuer: letsencrypt}', ["C906"]),
        ('host: "*.a.example", tls: {issuer: none}', []),
        ("host: a.example, auth: {jwt: {issuer: me, jwks: 'http://b.example'}}", ["C907"]),
        ("host: a.example, auth: {jwt: {issuer: 'http://b.example', jwks: 'https://b.example'}}", []),
        ("host: a.example, rate_limit: {requests: 4294967295, per: 1d}", []),
        ("host: a.example, dns: {zone: a.example}", []),
        ("host: ba.example, dns: {zone: a.example}", ["C909"]),
        ('host: "*.a.example", tls: {issuer: mine}, dns: {zone: a.example}', []),
    ],
)
def test_what_the_pages_do_not_show(keys, codes, found) -> None:
    assert [each.code for each in found(f"{TEXT}gateway: {{{keys}}}\n").diagnostics] == codes


def test_a_door_of_anothers_has_its_own_certificate(found) -> None:
    text = TEXT + 'addons: {gateway: existing}\ngateway: {host: "*.a.example"}\n'
    assert found(text).diagnostics == ()
