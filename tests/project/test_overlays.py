"""What overlays may hold beside their defaults: templates, modules, values; and what is said of mistakes in them."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workaday.blueprint.inputs import read_inputs
from workaday.blueprint.resolve import resolve
from workaday.project import render_text
from workaday.project.overlays import NONE
from workaday.render import render
from workaday.render.origins import ORIGINS, parse
from workaday.render.stock import Stock

PROJECT = """\
version: 1
name: dungeon
platform: {kind: local}
overlays: [./overlays/house, overlays/team]
models:
  - name: story
    server: {kind: torch, predictor: models/story/predictor.py}
"""
README = "templates/tree_readme.md.j2"


@pytest.fixture
def over(folder):
    """`over({"house/values/…": text})`: write files of the two overlays, return the rendered tree."""

    def render_with(files: dict[str, str | bytes]) -> dict[str, bytes]:
        for name in ("house", "team"):
            folder.write(f"overlays/{name}/defaults.yaml", "platform: {}\n")
        for name, text in files.items():
            folder.write(f"overlays/{name}", text)
        loaded = folder.load(PROJECT)
        return render(resolve(loaded.project, read_inputs(loaded), "default"))

    return render_with


@pytest.fixture
def said(folder, over):
    """The text of the error that files of overlays lead to."""

    def text_of(files: dict[str, str | bytes]) -> str:
        over({})
        for name, text in files.items():
            folder.write(f"overlays/{name}", text)
        error = folder.error(PROJECT)
        assert error.diagnostics
        return render_text(error.diagnostics, error.sources)

    return text_of


def test_without_more_than_defaults_the_tree_is_the_same(folder, over):
    plain = folder.load(PROJECT.replace("overlays: [./overlays/house, overlays/team]\n", ""))
    assert over({}) == render(resolve(plain.project, read_inputs(plain), "default"))


def test_a_template_takes_the_place_of_ours_and_later_overlays_win(over):
    tree = over({f"house/{README}": "house: {{ name }}\n", f"team/{README}": "team: {{ name }}, {{ stage }}\n"})
    assert tree["README.md"] == b"team: dungeon, default\n"


def test_a_changed_template_changes_the_tree(over):
    assert over({f"team/{README}": "one\n"})["README.md"] == b"one\n"
    assert over({f"team/{README}": "two\n"})["README.md"] == b"two\n"


def test_extra_files_are_rendered_or_copied(over):
    tree = over(
        {
            "team/templates/extra/netpol/deny.yaml.j2": "namespace: {{ blueprint.namespace }}\n",
            "team/templates/extra/logo.bin": b"\x00\xff{{ name }}",
        }
    )
    assert tree["extra/netpol/deny.yaml"] == b"namespace: dungeon\n"
    assert tree["extra/logo.bin"] == b"\x00\xff{{ name }}"
    origins = parse(tree[ORIGINS])
    assert origins.lookup("extra/netpol/deny.yaml") == ("overlays", 1)
    assert origins.lookup("local/main.json", "/models/0") == ("models", 0)


def test_a_module_is_replaced_as_a_whole(over):
    tree = over({"house/infra/local/main.tf": "# house\n", "team/infra/local/own.tf": "# own\n"})
    module = {path for path in tree if path.startswith("terraform/modules/local/") and path.endswith(".tf")}
    assert module == {"terraform/modules/local/own.tf"}
    assert tree["terraform/modules/local/own.tf"] == b"# own\n"


def test_values_merge_and_later_overlays_win(over):
    plain = json.loads(over({})["local/main.json"])
    tree = over(
        {
            "house/values/local/main.yaml": "drain_seconds: 5\nmodels:\n  - {name: story, env: {A: house}}\n",
            "team/values/local/main.json": '{"drain_seconds": 7}\n',
            "team/values/terraform.yaml": "models: {story: {timeout_seconds: 900}}\n",
        }
    )
    merged = json.loads(tree["local/main.json"])
    assert merged["drain_seconds"] == 7
    assert merged["models"] == [plain["models"][0] | {"env": {"A": "house"}}]
    variables = json.loads(tree["terraform/cluster/workaday.auto.tfvars.json"])
    assert variables["models"]["story"]["timeout_seconds"] == 900
    assert variables["models"]["story"]["process"] == "main"


def test_a_server_restarts_for_values_that_it_reads_only_when_it_starts(over):
    def fingerprint(tree: dict[str, bytes]) -> str:
        return json.loads(tree["terraform/cluster/workaday.auto.tfvars.json"])["processes"]["main"]["fingerprint"]

    before = fingerprint(over({}))
    first = fingerprint(over({"team/values/local/main.yaml": "drain_seconds: 5\n"}))
    assert len({before, first, fingerprint(over({"team/values/local/main.yaml": "drain_seconds: 6\n"}))}) == 3


def test_nothing_is_left_to_chance(said):
    assert "error[P312]" in said({f"team/{README}": "{{ [1, 2] | random }}\n"})


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("ok\n# {{ nam }}\n", "2:6", "`nam` is not defined here"),
        ("ok\n{% if name %}\n", "2:1", "unexpected end of template"),
        ("{% for x in %}\n", "1:1", "expected an expression"),
        ("{{ name / 2 }}\n", "1:1", "unsupported operand"),
        ("{% include 'other.j2' %}\n", "1:1", "there is no template `other.j2`"),
        ("{{ name | shout }}\n", "1:1", "no filter named `shout`"),
        ("{{ contents.first.second }}\n", "1:1", "a list has no `first`"),
        ("{{ name.__class__.__mro__ }}\n", "1:1", "access to attribute `__class__`"),
        ("{{ cycler.__init__.__globals__.os.environ }}\n", "1:1", "access to attribute `__init__`"),
        ("{% include 'tree_readme.md.j2' %}\n", "1:1", "recursion"),
    ],
)
def test_a_mistake_in_a_template_is_one_error_at_its_line(said, text, place, message):
    text = said({f"team/{README}": text})
    assert text.count("error[") == 1
    assert text.startswith("error[P312]: ")
    assert message in text
    assert f"overlays/team/{README}:{place}" in text


def test_an_unknown_variable_is_pointed_at_with_what_was_meant(said):
    assert said({f"team/{README}": "# {{ platfrom }}\n"}) == (
        "error[P312]: `platfrom` is not defined here\n"
        f" --> overlays/team/{README}:1:6\n"
        "  |\n"
        "1 | # {{ platfrom }}\n"
        "  |      ^^^^^^^^ did you mean `platform`?\n"
        "hint: it can use `commands`, `contents`, `name`, `platform`, `stage`\n"
    )


@pytest.mark.parametrize(
    ("file", "code", "label"),
    [
        ("team/templates/tree_readme.j2", "P310", "did you mean `templates/tree_readme.md.j2`?"),
        ("team/templates/init/hello/project.yaml", "P310", "`templates/init/hello/project.yaml` replaces no template"),
        ("team/infra/locl/main.tf", "P310", "did you mean `infra/local`?"),
        ("team/template/x.j2", "P302", "did you mean `templates`?"),
        ("team/defaults.yml", "P302", "did you mean `defaults.yaml`?"),
        ("team/values/teraform.yaml", "P311", "did you mean `terraform`?"),
        ("team/values/origins.yaml", "P311", "is for nothing"),
        ("team/values/terraform.toml", "P311", "values are `.yaml` or `.json`"),
    ],
)
def test_a_file_that_nothing_reads_is_an_error(said, file, code, label):
    text = said({file: "x: 1\n"})
    assert text.count("error[") == 1
    assert f"error[{code}]" in text
    assert label in text.replace("overlays/team/", "")


def test_the_rest_of_a_team_s_folder_is_its_own(over):
    over({"team/README.md": "ours\n", "team/tests/x.py": "", "team/templates/.keep": "", "team/.gitignore": ""})


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ("- a\n", "P"),
        ("models: [{name: ghost, remove: true}]\n", "P304"),
        ("models: [{env: {A: b}}]\n", "P305"),
        ("a: [\n", "P1"),
    ],
)
def test_a_mistake_in_values_has_a_place_in_its_file(said, values, code):
    text = said({"team/values/local/main.yaml": values})
    assert f"error[{code}" in text
    assert " --> overlays/team/values/local/main.yaml:" in text


def test_every_stray_file_is_named_at_once(said):
    text = said({"team/templates/a.j2": "", "team/infra/b/c.tf": "", "house/templates/d.j2": ""})
    assert text.count("error[P310]") == 3


def test_a_template_that_is_not_utf8_is_said_so(said):
    assert f"overlays/team/{README}:1:2" in said({f"team/{README}": b"\xe9t\xe9".replace(b"\xe9t", b"a\xe9")})


def test_an_empty_overlay_is_an_error(folder):
    folder.write("overlays/house/notes.md", "")
    folder.write("overlays/team/defaults.yaml", "platform: {}\n")
    assert folder.codes(PROJECT) == ["P302"]


TEMPLATE_TEXT = st.lists(
    st.sampled_from(
        ["{{", "}}", "{%", "%}", "{#", " name ", " for ", " in ", " if ", " endif ", "|", "(", ")", "'", "\n"]
    )
    | st.text(max_size=4)
).map("".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(template=TEMPLATE_TEXT, values=st.text(alphabet="ab:- {}[]\n\t'1", max_size=30), raw=st.binary(max_size=20))
def test_whatever_an_overlay_holds_every_mistake_is_said(folder, template, values, raw):
    for name in ("house", "team"):
        folder.write(f"overlays/{name}/defaults.yaml", "platform: {}\n")
    folder.write(f"overlays/house/{README}", template)
    folder.write(f"overlays/team/{README}", raw)
    folder.write("overlays/team/values/local/main.yaml", values)
    for each in folder.error(PROJECT).diagnostics:
        assert each.span is not None
        assert each.span.file.startswith("overlays/")


def test_what_was_read_is_known(folder, over):
    over({f"team/{README}": "x", "team/values/terraform.yaml": "a: 1\n"})
    read = {path.relative_to(folder.root).as_posix() for path in folder.load(PROJECT).files}
    assert {f"overlays/team/{README}", "overlays/team/values/terraform.yaml", "overlays/house/defaults.yaml"} <= read


def test_an_environment_needs_a_name_that_can_be_part_of_names(folder, minimal):
    folder.write("environments/Prod_EU.yaml", "platform: {}\n")
    error = folder.error(minimal, env="Prod_EU")
    assert [each.code for each in error.diagnostics] == ["P309"]
    assert "rename the file to `environments/prod-eu.yaml`" in error.diagnostics[0].hints[0]


def test_a_tree_is_never_rendered_from_parts_that_are_not_there():
    for draw in (Stock(NONE).module, Stock(NONE).templates):
        with pytest.raises(LookupError, match="nothing lies in"):
            draw("nowhere")
