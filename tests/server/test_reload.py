"""What the command sees of a server that reads its configuration again: through state.json and the process's signal."""

from __future__ import annotations

import pytest

from workaday.execute import process


def test_a_refused_configuration_fails_the_wait_at_once_and_says_why(server) -> None:
    server.model("a")
    server.start()
    server.model("a", revision="2", limits={"queu": 1})
    server.write()
    with pytest.raises(process.ProcessError, match=r"models\[0\].limits.queu: unknown key"):
        process.load(server.folder / "run", "a", "2", 600)
    assert server.state()["reload"] == {"count": 1, "error": server.state()["reload"]["error"]}
    assert server.post("/a", 1).json() == 1, "the old configuration serves on"


def test_an_old_refusal_does_not_fail_a_new_wait(server) -> None:
    server.model("a")
    server.start()
    server.config["tpyo"] = 1
    server.reload()
    server.until(lambda: server.state()["reload"]["error"] is not None)
    del server.config["tpyo"]
    server.model("a", revision="2")
    server.write()
    process.load(server.folder / "run", "a", "2", 60)
    assert server.state()["reload"] == {"count": 2, "error": None}


def test_a_configuration_without_the_model_fails_the_wait_too(server) -> None:
    server.model("a")
    server.start()
    with pytest.raises(process.ProcessError, match="did not take its configuration: `b` is not in it"):
        process.load(server.folder / "run", "b", "1", 600)
