"""Each code's page: its bad example yields exactly that code, its good one loads."""

from __future__ import annotations

import re

import pytest

from workaday.project import codes

PAGES = [page for code in codes.codes() if (page := codes.page(code))]
MINE = ("P1", "P2", "P3", "C1", "C3")
EXAMPLES = [page for page in PAGES if page.code.startswith(MINE) and any(each.language == "yaml" for each in page.bad)]


def environment(examples) -> str | None:
    console = " ".join(each.text for each in examples if each.language == "console")
    match = re.search(r"--env (\S+)", console)
    return match[1] if match else None


def write(folder, examples) -> None:
    for each in examples:
        if each.language != "console":
            folder.write(each.file or "project.yaml", each.text)


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.code)
def test_the_bad_example_yields_exactly_its_code(page, folder):
    write(folder, page.bad)
    assert set(folder.codes(env=environment(page.bad))) == {page.code}


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.code)
def test_the_good_example_has_no_mistake(page, folder):
    write(folder, page.good)
    assert folder.codes(env=environment(page.good)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.code)
def test_a_page_is_found_by_its_code_in_either_case(page):
    assert codes.page(page.code.lower()) == page
    assert page.text.startswith(f"# {page.code}: ")


def test_only_what_no_text_can_show_has_an_example_that_does_not_run():
    project_codes = {page.code for page in PAGES if page.code.startswith(MINE)}
    assert project_codes - {page.code for page in EXAMPLES} == {"P101", "P102", "P103", "P308", "P313", "P314"}


def test_every_code_in_the_sources_has_a_page():
    from pathlib import Path

    from workaday import project

    text = "".join(path.read_text() for path in Path(project.__file__).parent.glob("*.py"))
    assert set(re.findall(r'"([PC][0-9]{3})"', text)) <= set(codes.codes())


def test_there_is_no_page_for_what_is_no_code():
    assert codes.page("P999") is None
    assert codes.page("../../etc/passwd") is None


@pytest.mark.parametrize("text", ["", "# P201 no colon\n", "# P201: x\n\nwhy\n\n## bad\n\n```yaml\nx\n```\n"])
def test_a_page_of_another_shape_is_refused(text):
    with pytest.raises(ValueError, match="a page is"):
        codes.parse(text)
