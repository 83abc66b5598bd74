"""Loading, reloading, failing and ending: what state.json, readiness and callers see."""
# ruff: noqa: E501 -- predictors as one-line texts

from __future__ import annotations

import concurrent.futures
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from .conftest import ECHO

SLOW_LOAD = "import time, pathlib\nGATE = pathlib.Path(__file__).with_name('open')\nclass Predictor:\n    def __init__(self, config):\n        while not GATE.exists():\n            time.sleep(0.01)\n    def predict(self, payload):\n        return payload\n"
BROKEN = "class Predictor:\n    def __init__(self, config):\n        raise ValueError('no weights.bin')\n"
SLEEPY = "import time\nclass Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        time.sleep(payload)\n        return payload\n"


def returning(value: str) -> str:
    return f"class Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        return {value}\n"


def test_it_listens_while_models_load_and_readiness_says_so(server) -> None:
    server.model("slow", SLOW_LOAD)
    server.model("quick")
    server.start(ready=False)
    assert server.get("/v2/health/live").status_code == 200
    assert server.get("/v2/health/ready").status_code == 503
    assert server.get("/v2/models/slow/ready").json()["state"] == "loading"
    refused = server.post("/slow", 1)
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    (server.folder / "slow-1" / "open").touch()
    server.wait_state("quick", "ready")
    assert server.post("/slow", 1).json() == 1
    assert server.get("/v2/health/ready").status_code == 200


def test_a_failed_model_harms_no_other_and_says_why_in_the_state_only(server) -> None:
    server.model("bad", BROKEN)
    server.model("syntax", "class Predictor:\n  def\n")
    server.model("exits", "import sys\nsys.exit(3)\n")
    server.model("good")
    server.start(ready=False)
    server.wait_state("good", "ready")
    assert server.state()["models"]["bad"]["error"] == "ValueError: no weights.bin"
    assert server.state()["models"]["syntax"]["error"] == "predictor.py:2: invalid syntax"
    assert "SystemExit" in server.state()["models"]["exits"]["error"]
    assert server.post("/good", "x").text == "x"
    answer = server.post("/bad", "x")
    assert answer.status_code == 503
    assert "weights.bin" not in answer.text
    assert server.get("/v2/models/bad/ready").status_code == 503


def test_sighup_loads_only_what_changed_and_the_old_serves_until_the_new_is_ready(server) -> None:
    server.model("a", returning("'old'"))
    server.model("b")
    server.start()
    other = server.state()["models"]["b"]
    server.model("a", SLOW_LOAD.replace("return payload", "return 'new'"), revision="2")
    server.reload()
    server.wait_state("a", "loading", "2")
    assert server.post("/a", 1).text == "old"
    (server.folder / "a-2" / "open").touch()
    server.wait_state("a", "ready", "2")
    assert server.post("/a", 1).text == "new"
    assert server.state()["models"]["b"] == other


def test_a_new_revision_that_fails_leaves_the_old_one_serving(server) -> None:
    server.model("a", returning("'old'"))
    server.start()
    server.model("a", BROKEN, revision="2")
    server.reload()
    assert server.wait_state("a", "failed", "2")["error"] == "ValueError: no weights.bin"
    assert server.post("/a", 1).text == "old"
    server.model("a", returning("'mended'"), revision="3")
    server.reload()
    server.wait_state("a", "ready", "3")
    assert server.post("/a", 1).text == "mended"


def test_models_come_and_go_and_a_wrong_configuration_changes_nothing(server) -> None:
    server.model("a")
    server.model("b")
    server.start()
    server.config["models"].pop()
    server.model("c")
    server.reload()
    server.wait_state("c", "ready")
    server.until(lambda: "b" not in server.state()["models"])
    assert server.post("/b", 1).status_code == 404
    server.config["models"][0]["tpyo"] = 1
    server.reload()
    server.until(lambda: "unknown key" in server.log())
    assert server.post("/a", 1).json() == 1


def test_a_model_removed_while_it_answers_finishes_first(server) -> None:
    server.model("a", SLEEPY)
    server.model("b")
    server.start()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(server.post, "/a", 1.0)
        server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 1)
        server.config["models"] = server.config["models"][1:]
        server.reload()
        server.until(lambda: server.state()["models"].get("a", {}).get("state") == "draining")
        assert answer.result().status_code == 200
    server.until(lambda: "a" not in server.state()["models"])


def test_sibling_modules_collide_neither_between_models_nor_between_revisions(server) -> None:
    code = "from network import NAME\nclass Predictor:\n    def __init__(self, config):\n        pass\n    def predict(self, payload):\n        import later\n        return [NAME, later.NAME]\n"
    for name in ("a", "b"):
        server.model(name, code)
        for module in ("network", "later"):
            (server.folder / f"{name}-1" / f"{module}.py").write_text(f"NAME = '{name} {module}'\n")
    server.start()
    assert server.post("/a", 1).json() == ["a network", "a later"]
    assert server.post("/b", 1).json() == ["b network", "b later"]
    server.model("a", code, revision="2")
    for module in ("network", "later"):
        (server.folder / "a-2" / f"{module}.py").write_text("NAME = 'new'\n")
    server.reload()
    server.wait_state("a", "ready", "2")
    assert server.post("/a", 1).json() == ["new", "new"]


def test_env_and_weights_reach_the_model_and_no_other(server) -> None:
    code = "import os\nclass Predictor:\n    def __init__(self, config):\n        self.seen = os.environ.get('FLAVOUR')\n    def load(self, path):\n        self.path = path\n    def warm_up(self):\n        self.warm = True\n    def predict(self, payload):\n        return [self.seen, self.path, self.warm]\n"
    (server.folder / "w").mkdir()
    server.model("a", code, env={"FLAVOUR": "sweet"}, weights="w")
    server.model("b", code)
    server.start()
    assert server.post("/a", 1).json() == ["sweet", str(server.folder / "w"), True]
    assert server.post("/b", 1).json()[0] is None


def test_a_second_server_on_the_same_lock_or_port_says_so(server) -> None:
    server.model("a")
    server.start()
    second = subprocess.run(
        [sys.executable, "-m", "workaday_server", str(server.write())], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"(pid {server.process.pid})" in second.stderr
    server.config["state_file"] = None
    third = subprocess.run(
        [sys.executable, "-m", "workaday_server", str(server.write())], capture_output=True, text=True, check=False
    )
    assert third.returncode == 1
    assert "address already in use" in third.stderr
    assert "Traceback" not in second.stderr + third.stderr


def test_after_a_kill_the_next_start_is_clean(server) -> None:
    server.model("a")
    server.start()
    server.process.kill()
    server.process.wait()
    with pytest.raises(httpx.ConnectError):
        server.post("/a", 1)
    (server.folder / "run/state.json").unlink()
    server.start()
    assert server.post("/a", 1).json() == 1
    assert server.stop() == 0


class Load:
    """Callers that send without pause, each over one connection that it opens anew when told to close."""

    def __init__(self, url: str, callers: int) -> None:
        self.failures: list[str] = []
        self.answered = 0
        self.refused = 0
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(callers)]
        for thread in self._threads:
            thread.start()

    def _call(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._stop.is_set():
                try:
                    status = client.post(self._url, json=0.02).status_code
                except httpx.ConnectError:
                    self.refused += 1  # not accepted: a load balancer would have gone elsewhere
                    return
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    return
                if status == 200:
                    self.answered += 1
                elif status == 503:
                    self.refused += 1
                    return
                else:
                    self.failures.append(str(status))

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_sigterm_under_load_fails_no_accepted_request(server) -> None:
    server.config["drain_seconds"] = 0.5
    server.model("a", SLEEPY, limits={"concurrency": 8})
    server.start()
    load = Load(f"{server.url}/a", 8)
    server.until(lambda: load.answered > 50)
    server.signal(signal.SIGTERM)
    server.until(lambda: server.state()["state"] == "draining")
    before = load.answered
    assert server.get("/v2/health/ready").status_code == 503
    assert server.get("/v2/models/a/ready").status_code == 503
    assert server.process.wait(30) == 0
    load.end()
    assert load.failures == []
    assert load.answered > before, "it serves on for the drain's seconds"


def test_without_the_drain_the_same_load_loses_requests(server) -> None:
    """The proof that the test above can fail: SIGKILL is an end without any drain."""
    server.model("a", SLEEPY, limits={"concurrency": 8})
    server.start()
    load = Load(f"{server.url}/a", 8)
    server.until(lambda: load.answered > 50)
    server.process.kill()
    load.end()
    assert load.failures


def test_what_is_in_flight_at_sigterm_is_answered(server) -> None:
    server.model("a", SLEEPY)
    server.start()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(server.post, "/a", 1.5) for _ in range(8)]
        server.until(lambda: server.metric('workaday_in_flight{model="a"}') == 8)
        server.signal(signal.SIGTERM)
        server.until(lambda: "draining" in server.log())
        late = server.post("/a", 0)
        assert late.status_code == 503
        assert late.headers["connection"] == "close"
        assert [each.result().status_code for each in answers] == [200] * 8
    assert server.process.wait(30) == 0


def test_a_predictor_that_hangs_does_not_hold_the_end(server) -> None:
    server.model("a", SLEEPY, limits={"timeout_seconds": 0.3, "concurrency": 1})
    server.model("b", ECHO)
    server.start()
    assert server.post("/a", 3600).status_code == 504
    assert server.post("/b", 1).json() == 1
    assert server.get("/v2/models/a/ready").status_code == 503, "its only thread hangs"
    assert server.get("/v2/models/b/ready").status_code == 200
    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 20


def test_serve_one_file_and_reload_it(tmp_path, free_port) -> None:
    file = tmp_path / "greeter" / "predictor.py"
    file.parent.mkdir()
    file.write_text(returning("'one'"))
    command = [sys.executable, "-m", "workaday_server", "serve", str(file), "--port", str(free_port), "--reload"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for_answer(f"http://127.0.0.1:{free_port}/greeter", "one")
        file.write_text(returning("'two'"))
        wait_for_answer(f"http://127.0.0.1:{free_port}/greeter", "two")
    finally:
        process.terminate()
        assert process.wait(20) == 0


def wait_for_answer(url: str, wanted: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.post(url, json=1).text == wanted:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{url} never answered {wanted}")
