"""The page about overlays does what it says: its snippets are one project, rendered."""

from __future__ import annotations

import json
import re
from pathlib import Path

from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.resolve import resolve
from workaday.project import codes
from workaday.render import render

PAGE = (Path(__file__).parents[2] / "docs" / "overlays.md").read_text()
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_snippets_are_a_project_and_do_what_the_page_says(folder):
    for language, file, text in BLOCK.findall(PAGE):
        if language != "console":
            folder.write(file or "project.yaml", text)
    loaded = folder.load()
    assert loaded.project.platform.port == 9090
    tree = render(resolve(loaded.project, read_inputs(loaded), "default"))
    assert tree["README.md"].startswith(b"# dungeon (default)\n\nAsk the house team")
    assert tree["extra/owners.csv"] == b"story,/story,house@dungeon.example\n"
    variables = json.loads(tree["terraform/cluster/workaday.auto.tfvars.json"])
    assert variables["models"]["story"]["timeout_seconds"] == 900


def test_the_console_is_what_eject_prints(folder, workaday, minimal):
    folder.write("project.yaml", minimal)
    (shown,) = (text for language, _, text in BLOCK.findall(PAGE) if language == "console")
    command, answer = shown.split("\n", 1)
    assert workaday(*command.removeprefix("$ workaday ").split()).stdout == answer


def test_the_pages_that_it_names_exist():
    named = re.findall(r"codes/([A-Z]\d{3})\.md", PAGE)
    assert named
    assert set(named) <= set(codes.codes())
