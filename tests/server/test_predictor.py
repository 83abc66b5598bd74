"""The predictor contract, through the module that predictors' own tests use."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workaday_server import ClientError
from workaday_server.errors import ConfigError, PredictorError
from workaday_server.testing import loaded

CODE = """
import helper
from workaday_server import ClientError
class Predictor:
    def __init__(self, config):
        self.config = config
    def predict(self, payload, query):
        if payload is None:
            raise ClientError("send something")
        if payload == "stream":
            return (number for number in range(3))
        return [helper.double(payload), query, self.config]
    async def predict_batch(self, payloads):
        return [helper.double(each) for each in payloads if each != "lost"]
    def close(self):
        helper.CLOSED.append(1)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text("CLOSED = []\ndef double(x):\n    return x * 2\n")
    (tmp_path / "predictor.py").write_text(CODE)
    return tmp_path / "predictor.py"


def test_calls_are_the_servers_own(file) -> None:
    with loaded(file, config={"a": 1}) as model:
        assert model.predict(2, query={"k": "v"}) == [4, {"k": "v"}, {"a": 1}]
        assert model.predict("stream") == [0, 1, 2]
        assert model.predict_batch([1, 2]) == [2, 4]
        with pytest.raises(ClientError, match="send something"):
            model.predict(None)
        with pytest.raises(PredictorError, match="1 answers for 2 payloads"):
            model.predict_batch([1, "lost"])


def test_after_predict_sees_each_answer_of_a_batch_too(tmp_path) -> None:
    (tmp_path / "predictor.py").write_text(
        "class Predictor:\n    def __init__(self, _):\n        pass\n    def predict(self, payload):\n        return payload\n"
        "    def predict_batch(self, payloads):\n        return [ValueError() if each < 0 else each for each in payloads]\n"
        "    def after_predict(self, answer):\n        return answer + 1 if answer else None\n"
    )
    with loaded(tmp_path / "predictor.py") as model:
        assert model.predict(1) == 2
        answers = model.predict_batch([0, -1, 5])
    assert isinstance(answers.pop(1), ValueError)
    assert answers == [0, 6]


def test_closing_leaves_no_module_behind(file) -> None:
    before = set(sys.modules)
    with loaded(file) as model:
        assert "helper" not in sys.modules
        helper = sys.modules[type(model.instance).__module__].helper
    assert helper.CLOSED == [1]
    assert set(sys.modules) == before


def test_packages_relative_imports_and_the_shadowed_standard_library(tmp_path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "__init__.py").write_text("from .layers import DEPTH\n")
    (tmp_path / "net" / "layers.py").write_text("import config\nDEPTH = config.DEPTH\n")
    (tmp_path / "config.py").write_text("DEPTH = 7\n")
    (tmp_path / "predictor.py").write_text(
        "import net.layers\nimport json\nfrom net import layers, DEPTH\nfrom . import config\nclass Predictor:\n"
        "    def __init__(self, _):\n        pass\n"
        "    def predict(self, payload):\n        return [net.layers.DEPTH, layers.DEPTH, DEPTH, config.DEPTH, json.dumps(1)]\n"
    )
    with loaded(tmp_path / "predictor.py") as model:
        assert model.predict(1) == [7, 7, 7, 7, "1"]


def test_a_class_that_is_not_there_and_a_file_that_is_not_there(file) -> None:
    with pytest.raises(ConfigError, match="no class `Other`"), loaded(file, class_name="Other"):
        pass
    with pytest.raises(ConfigError, match="no such file"), loaded(file.with_name("nope.py")):
        pass
