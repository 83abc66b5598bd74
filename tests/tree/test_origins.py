"""The origin table: the nearest part that is known, and the same bytes whatever the order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workaday.render.origins import Origins, OriginsBuilder, json_pointer, parse

ROOT = "terraform/cluster"


def table() -> OriginsBuilder:
    builder = OriginsBuilder()
    builder.add(ROOT, "module.local", ("platform",))
    builder.add(ROOT, 'module.local.terraform_data.model["story"]', ("models", 0))
    builder.add(ROOT, 'module.local.terraform_data.model["a.b[0]\\"]"]', ("models", 1))
    builder.add("local/main.json", "", ("platform",))
    builder.add("local/main.json", "/models/0", ("models", 2))
    builder.add("local/main.json", "/models/0/limits", ("models", 2, "limits"))
    return builder


@pytest.mark.parametrize(
    ("path", "pointer", "key"),
    [
        (ROOT, 'module.local.terraform_data.model["story"]', ("models", 0)),
        (ROOT, 'module.local.terraform_data.model["story"].input.python', ("models", 0)),
        (ROOT, 'module.local.terraform_data.model["a.b[0]\\"]"].input', ("models", 1)),
        (ROOT, 'module.local.terraform_data.model["storybook"]', ("platform",)),
        (ROOT, "module.local.terraform_data.base[0]", ("platform",)),
        (ROOT, "module.locals", None),
        (ROOT, "", None),
        ("local/main.json", "/models/0/limits/queue", ("models", 2, "limits")),
        ("local/main.json", "/models/0/limits", ("models", 2, "limits")),
        ("local/main.json", "/models/0/name", ("models", 2)),
        ("local/main.json", "/models/01/name", ("platform",)),
        ("local/main.json", "", ("platform",)),
        ("local/other.json", "/models/0", None),
    ],
)
def test_the_nearest_part_around_it_answers(path, pointer, key):
    assert table().build().lookup(path, pointer) == key


def test_two_origins_for_one_part_are_a_bug_of_the_renderer():
    builder = table()
    builder.add("local/main.json", "/models/0", ("models", 2))
    with pytest.raises(ValueError, match=r"two origins for local/main\.json /models/0"):
        builder.add("local/main.json", "/models/0", ("models", 3))


def test_what_was_built_does_not_change_with_its_builder():
    builder = table()
    built = builder.build()
    builder.add("local/main.json", "/models/1", ("models", 3))
    assert built.lookup("local/main.json", "/models/1") == ("platform",)


def test_a_pointer_is_escaped_as_the_standard_says():
    assert json_pointer("models", 0, "a/b~c") == "/models/0/a~1b~0c"
    assert json_pointer() == ""


def test_the_bytes_as_agreed():
    builder = OriginsBuilder()
    builder.add("b.json", "/x", ("models", 10, "name"))
    builder.add("b.json", "", ())
    builder.add("a", 'm["é"]', ("platform",))
    assert builder.build().to_bytes().decode() == (
        '{\n  "version": 1,\n  "origins": {\n'
        '    "a": {\n      "m[\\"é\\"]": ["platform"]\n    },\n'
        '    "b.json": {\n      "": [],\n      "/x": ["models", 10, "name"]\n    }\n'
        "  }\n}\n"
    )


keys = st.lists(st.one_of(st.text(max_size=4), st.integers(0, 99)), max_size=3).map(tuple)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(st.dictionaries(st.tuples(texts, texts), keys, max_size=6), st.randoms())
def test_what_is_written_is_read_and_the_order_does_not_matter(entries, chance):
    shuffled = list(entries.items())
    chance.shuffle(shuffled)
    one, two = OriginsBuilder(), OriginsBuilder()
    for (path, pointer), key in entries.items():
        one.add(path, pointer, key)
    for (path, pointer), key in shuffled:
        two.add(path, pointer, key)
    written = one.build().to_bytes()
    assert written == two.build().to_bytes()
    assert parse(written) == one.build()
    json.loads(written)


@given(st.text(max_size=30))
def test_any_pointer_finds_the_whole(pointer):
    assert Origins({"p": {"": ("name",)}}).lookup("p", pointer) == ("name",)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"version": 2, "origins": {}}',
        b'{"version": 1, "origins": []}',
        b'{"version": 1, "origins": {"a": []}}',
        b'{"version": 1, "origins": {"a": {"": "models"}}}',
        b'{"version": 1, "origins": {"a": {"": [true]}}}',
        b"\xff",
    ],
)
def test_what_is_no_table_is_refused(raw):
    with pytest.raises(ValueError, match=r".+"):
        parse(raw)
