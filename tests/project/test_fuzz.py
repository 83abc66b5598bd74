"""Anything may be in a file: it loads or is refused, and each refusal has a code with a page and a place.

FUZZ_EXAMPLES sets how many inputs each test tries; `make soak` tries 10,000.
"""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workaday.checks import scaling
from workaday.project import ProjectError, codes, load, render_text, to_json

FULL = Path(__file__).parents[1] / "golden" / "project" / "full"
TEXT = (FULL / "project.yaml").read_text()
DATA = yaml.safe_load(TEXT)
KNOWN = set(codes.codes())
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))

fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A copy of the full project, whose project file each input replaces."""
    root = tmp_path_factory.mktemp("fuzz") / "full"
    shutil.copytree(FULL, root)
    return root


def outcome(path: Path, env: str | None = None) -> ProjectError | None:
    try:
        loaded = load(path, env)
    except ProjectError as error:
        return error
    found = scaling.check(loaded.project)
    return ProjectError(found, loaded.sources) if found else None


def check(root: Path, env: str | None = None) -> None:
    """Load the project: every finding has a code with a page, words and a place, and nothing is written."""
    before = sorted(root.rglob("*"))
    error = outcome(root / "project.yaml", env)
    assert sorted(root.rglob("*")) == before
    if error is None:
        return
    findings = to_json(error.diagnostics, error.sources)
    assert findings
    for each in findings:
        assert each["code"] in KNOWN
        assert each["message"]
        assert each["position"]["line"] >= 1
        assert 1 <= each["position"]["column"] <= each["position"]["end_column"]
    assert findings[0]["message"] in render_text(error.diagnostics, error.sources)


def check_file(root: Path, raw: bytes) -> None:
    (root / "project.yaml").write_bytes(raw)
    check(root)


@fuzz
@given(st.binary(max_size=400))
def test_random_bytes(root, raw):
    check_file(root, raw)


@fuzz
@given(st.text(alphabet="abn01:-{}[],#&*!|>'\"%@` \n\t<~.?ü\u2028", max_size=120))
def test_random_yaml_like_text(root, text):
    check_file(root, text.encode())


@fuzz
@given(st.integers(0, len(TEXT)), st.integers(0, 40), st.text(alphabet=" \n\t:{}[]-&*!'\"#,x1", max_size=6))
def test_the_full_file_with_some_text_exchanged(root, start, length, new):
    check_file(root, (TEXT[:start] + new + TEXT[start + length :]).encode())


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["story", "gpu", "6Gi", "60s", "10%", "torch", "existing", "0 8 * * *", "/story", "s3://b/k", "-1"]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["name", "kind", "min", "max", "remove", "server", "path", "x"]), inner, max_size=3
        ),
    ),
    max_leaves=6,
)


def places(node, path=()):
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


PLACES = [path for path in places(DATA) if path]


@fuzz
@given(
    st.lists(
        st.tuples(st.sampled_from(PLACES), st.one_of(st.just("drop"), st.just("rename"), values)),
        min_size=1,
        max_size=3,
    )
)
def test_the_full_file_with_values_exchanged(root, changes):
    data = copy.deepcopy(DATA)
    for path, change in changes:
        node = data
        try:
            for part in path[:-1]:
                node = node[part]
            if change == "drop":
                del node[path[-1]]
            elif change == "rename" and isinstance(node, dict):
                node[f"{path[-1]}x"[1:]] = node.pop(path[-1])
            else:
                node[path[-1]] = change
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    check_file(root, yaml.safe_dump(data, allow_unicode=True).encode())


@fuzz
@given(values)
def test_any_environment(root, value):
    path = root / "project.yaml"
    path.write_text(TEXT)
    environment = root / "environments" / "any.yaml"
    environment.parent.mkdir(exist_ok=True)
    data = {"models": value} if not isinstance(value, dict) else value
    environment.write_text(yaml.safe_dump(data, allow_unicode=True))
    check(root, "any")


@pytest.mark.soak
def test_ten_thousand_inputs():
    command = [sys.executable, "-m", "pytest", __file__, "-m", "not soak"]
    result = subprocess.run(
        command, env={**os.environ, "FUZZ_EXAMPLES": "2000"}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout
