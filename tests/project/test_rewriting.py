"""Values set and keys removed in a project file's text, with everything else as it was."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workaday.project.diagnostics import ProjectError
from workaday.project.rewriting import flow, rewritten
from workaday.project.source import parse

TEXT = """\
# ours
version: 1
models:
  - name: story      # the storyteller
    server: {kind: container, image: "a:1", port: 8080}   # one line
    # how it is asked
    config:
      tokens: 80     # enough
      stop: [a, b]
    canary:
      percent: 10
      overrides:
        config: {tokens: 120}   # more
    # what it may
    limits: {queue: 4}
  - canary: {overrides: {}}
    name: other
"""


def edited(text: str, sets: dict, removes: list | None = None) -> str:
    return rewritten(parse(text, "project.yaml"), sets, removes or [])


def test_a_value_is_replaced_where_it_stands() -> None:
    new = edited(TEXT, {("models", 0, "server", "image"): "a:2", ("models", 0, "config", "tokens"): 120})
    assert new == TEXT.replace('"a:1"', "a:2").replace("tokens: 80 ", "tokens: 120 ")


def test_keys_are_added_in_blocks_and_in_flow_maps() -> None:
    new = edited(TEXT, {("models", 0, "config", "top_k"): 3, ("models", 0, "limits", "body"): "1Mi"})
    assert "      stop: [a, b]\n      top_k: 3\n" in new
    assert "limits: {queue: 4, body: 1Mi}\n" in new


def test_maps_on_the_way_are_made() -> None:
    assert "    name: other\n    env: {A: {B: '1'}}\n" in edited(TEXT, {("models", 1, "env", "A", "B"): "1"})
    assert edited("a:\n", {("a", "b"): 1}) == "a: {b: 1}\n"


def test_a_list_in_block_style_becomes_one_line() -> None:
    assert edited("a:\n- 1\n- 2\nb: 3\n", {("a",): [4]}) == "a: [4]\nb: 3\n"
    assert edited("a: |\n  one\n  two\nb: 3\n", {("a",): "x"}) == "a: x\nb: 3\n"


def test_a_key_goes_with_all_its_lines_and_nothing_else() -> None:
    new = edited(TEXT, {}, [("models", 0, "canary")])
    gone = "    canary:\n      percent: 10\n      overrides:\n        config: {tokens: 120}   # more\n"
    assert new == TEXT.replace(gone, "")


def test_a_first_key_goes_and_leaves_the_dash_of_its_item() -> None:
    assert edited(TEXT, {}, [("models", 1, "canary")]).endswith("  - name: other\n")


@pytest.mark.parametrize(
    ("text", "path", "left"),
    [
        ("{a: 1, b: 2, c: 3}\n", "a", "{b: 2, c: 3}\n"),
        ("{a: 1, b: 2, c: 3}\n", "b", "{a: 1, c: 3}\n"),
        ("{a: 1, b: 2, c: {d: 1}}\n", "c", "{a: 1, b: 2}\n"),
    ],
)
def test_a_key_of_a_flow_map_goes_with_its_comma(text: str, path: str, left: str) -> None:
    assert edited(text, {}, [(path,)]) == left


def test_what_is_not_understood_is_left_alone() -> None:
    aliased = "base: &b {x: 1}\none: *b\ntwo: *b\n"
    with pytest.raises(ProjectError, match=r"cannot change `one\.x` here"):
        edited(aliased, {("one", "x"): 2})


KEYS = st.sampled_from(["a", "b", "c d", "no", "1"])
VALUES = st.one_of(st.integers(), st.booleans(), st.none(), st.text(max_size=5), st.lists(st.integers(), max_size=2))
MAPS = st.recursive(
    st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), lambda m: st.dictionaries(KEYS, m, min_size=1)
)


@settings(max_examples=100, deadline=None)
@given(MAPS, KEYS, VALUES, st.booleans())
def test_any_map_has_the_value_afterwards_or_is_refused(data: dict, key: str, value: object, in_flow: bool) -> None:
    import yaml

    text = flow(data) + "\n" if in_flow else yaml.safe_dump(data, allow_unicode=True)
    try:
        document = parse(text, "project.yaml")
        new = rewritten(document, {(key,): value})
    except ProjectError:
        return
    assert parse(new, "project.yaml").data == {**document.data, key: value}
