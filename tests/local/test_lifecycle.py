"""The local platform from the first plan to destroy, with real Terraform and the real server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workaday.execute import process as processes

BROKEN = "class Predictor:\n    def __init__(self, config):\n        raise ValueError('no such file: weights.bin')\n"


def test_plan_shows_apply_starts_and_a_second_apply_has_nothing_to_do(project) -> None:
    project.model("a", config={"x": 1})
    project.model("b")
    planned = project.ok("plan")
    assert "server main" in planned
    assert "model a" in planned
    assert not project.servers(), "plan starts nothing"
    applied = project.ok("apply")
    assert f"curl -s http://127.0.0.1:{project.port}/a" in applied
    assert [line.split()[:3] for line in applied.splitlines() if line.startswith("model")] == [
        ["model", "a", "ready"],
        ["model", "b", "ready"],
    ] or applied.count(" ready ") == 2
    assert project.predict("a", {"n": 7}) == {"echo": {"n": 7}, "config": {"x": 1}}
    assert "nothing to do" in project.ok("apply")
    assert "nothing to do" in project.ok("plan")


def test_the_printed_curl_line_works(project) -> None:
    project.model("a")
    applied = project.up()
    line = next(line for line in applied.splitlines() if line.startswith("curl"))
    answer = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True, timeout=30).stdout
    assert json.loads(answer) == {"echo": {"say": "hello"}, "config": {}}


def test_a_changed_model_is_reloaded_alone(project) -> None:
    project.model("a", config={"x": 1})
    project.model("b")
    project.up()
    before, other = project.status()["a"], project.state()["models"]["b"]
    project.model("a", config={"x": 2})
    planned = project.ok("plan")
    assert "reload" in planned
    assert "model b" not in planned
    assert "restart" not in planned
    project.ok("apply")
    assert project.predict("a", 1)["config"] == {"x": 2}
    assert project.status()["a"]["pid"] == before["pid"]
    assert project.state()["models"]["b"] == other, "b was not touched"


def test_changed_code_is_noticed(project) -> None:
    project.model("a")
    project.up()
    code = project.folder / "models/a/predictor.py"
    code.write_text(code.read_text().replace('"echo"', '"said"'))
    assert project.status()["a"]["state"] == "outdated"
    project.ok("plan")
    project.ok("apply")
    assert project.predict("a", 1)["said"] == 1


def test_removing_a_model_asks_and_leaves_the_others(project) -> None:
    project.model("a")
    project.model("b")
    project.up()
    pid = project.state()["pid"]
    project.remove("b")
    assert "unload" in project.ok("plan")
    refused = project.run("apply")
    assert refused.returncode == 1
    assert "error[X102]" in refused.stderr
    assert "b" in project.state()["models"]
    project.ok("apply", "--yes")
    assert set(project.state()["models"]) == {"a"}
    assert project.state()["pid"] == pid


def test_a_dead_server_is_found_and_mended(project) -> None:
    project.model("a")
    project.up()
    project.kill_server()
    assert project.status()["a"]["state"] == "stopped"
    assert "it is not running" in project.ok("plan")
    project.ok("apply")
    assert project.predict("a", 1)["echo"] == 1


def test_apply_never_runs_a_plan_that_no_longer_holds(project) -> None:
    project.model("a")
    project.ok("plan")
    project.model("a", config={"changed": True})
    refused = project.run("apply")
    assert refused.returncode == 1
    assert "was not shown before" in refused.stderr
    assert not project.servers()


def test_a_taken_port_names_its_owner(project) -> None:
    project.model("a")
    script = (
        f"import socket, time; s = socket.socket(); s.bind(('127.0.0.1', {project.port})); s.listen()\n"
        "print('up', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        refused = project.run("plan")
        assert refused.returncode == 1
        assert "error[L101]" in refused.stderr
        assert f"pid {other.pid}" in refused.stderr
        assert "project.yaml:" in refused.stderr
    finally:
        other.kill()
        other.wait()


def test_a_model_that_fails_is_named_and_harms_no_other(project) -> None:
    project.model("good")
    project.model("broken", BROKEN)
    project.ok("plan")
    failed = project.run("apply", "--yes")
    assert failed.returncode == 1
    assert "error[L110]" in failed.stderr
    assert "`broken`" in failed.stderr
    assert "no such file: weights.bin" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert project.predict("good", 1)["echo"] == 1
    assert project.status()["broken"]["state"] == "failed"
    pid = project.state()["pid"]
    project.model("broken")
    project.up()
    assert project.predict("broken", 2)["echo"] == 2
    assert project.state()["pid"] == pid


def test_a_model_that_takes_too_long_says_what_gives_it_longer(project) -> None:
    slow = "import time\n\n\nclass Predictor:\n    def __init__(self, config):\n        time.sleep(30)\n"
    project.model("slow", code=slow, limits={"startup_timeout": "1s"})
    project.ok("plan")
    failed = project.run("apply", "--yes")
    assert failed.returncode == 1
    assert "`slow` was not ready within 1 s" in failed.stderr
    assert "`limits.startup_timeout` gives it longer" in failed.stderr


def test_a_failed_model_is_tried_again_when_nothing_of_ours_changed(project) -> None:
    """What it lacked may be there now: a file, a package, a free GPU."""
    needs = (
        "from pathlib import Path\nclass Predictor:\n    def __init__(self, config):\n"
        "        self.text = Path(config['file']).read_text()\n"
        "    def predict(self, payload):\n        return self.text\n"
    )
    later = project.folder / "later.txt"
    project.model("a", needs, config={"file": str(later)})
    project.ok("plan")
    assert project.run("apply", "--yes").returncode == 1
    assert project.run("apply", "--yes").returncode == 1
    later.write_text("here")
    project.up()
    assert project.ok("predict", "a", "1").strip() == "here"


def test_requirements_get_their_own_environment_process_and_port(project) -> None:
    """A layer above the base: its own version shadows the base's, and the base keeps what it has."""
    code = (
        "import importlib.metadata as m, workaday_server, os\n"
        "class Predictor:\n    def __init__(self, config):\n        pass\n"
        "    def predict(self, payload):\n        return {'iniconfig': m.version('iniconfig'), 'pid': os.getpid()}\n"
    )
    (project.folder / "requirements.txt").write_text("iniconfig==2.0.0\n")
    project.model("plain", code)
    project.model("special", code, server={"requirements": "requirements.txt"})
    planned = project.ok("plan")
    assert "environment special" in planned
    project.ok("apply")
    plain, special = project.predict("plain", 1), project.predict("special", 1)
    assert special["iniconfig"] == "2.0.0"
    assert plain["iniconfig"] != "2.0.0"
    assert plain["pid"] != special["pid"]
    assert project.status()["special"]["url"] == f"http://127.0.0.1:{project.port + 1}/special"


def test_destroy_asks_and_leaves_nothing(project) -> None:
    project.model("a")
    project.up()
    refused = project.run("destroy")
    assert refused.returncode == 1
    assert "error[X103]" in refused.stderr
    assert project.servers()
    project.ok("destroy", "--yes")
    assert project.servers() == []
    assert not (project.folder / ".workaday").exists()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", project.port))
    assert "nothing to destroy" in project.ok("destroy", "--yes")


def test_destroy_needs_no_readable_project(project) -> None:
    project.model("a")
    project.up()
    (project.folder / "project.yaml").write_text("models: [\n")
    project.ok("destroy", "--yes")
    assert project.servers() == []


def test_ctrl_c_ends_in_order_and_the_next_run_goes_on(project) -> None:
    slow = (
        "import time\nclass Predictor:\n    def __init__(self, config):\n        time.sleep(config.get('sleep', 0))\n"
        "    def predict(self, payload):\n        return payload\n"
    )
    project.model("a", slow, config={"sleep": 12})
    project.ok("plan")
    child = project.start("apply", "--yes")
    wait_until(lambda: project.servers(), 30)
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "interrupted" in err
    project.model("a", slow)
    project.up()
    assert project.predict("a", 5) == 5


def test_two_at_once_are_told_apart(project) -> None:
    slow = (
        "import time\nclass Predictor:\n    def __init__(self, config):\n        time.sleep(3)\n"
        "    def predict(self, payload):\n        return 1\n"
    )
    project.model("a", slow)
    first = project.start("apply", "--yes")
    wait_until(project.servers, 30)
    for verb in (["plan"], ["apply", "--yes"], ["destroy", "--yes"]):
        refused = project.run(*verb)
        assert refused.returncode == 1
        assert "error[X106]" in refused.stderr
    out, err = first.communicate(timeout=60)
    assert first.returncode == 0, out + err
    assert "nothing to do" in project.ok("apply")


@pytest.mark.parametrize("moment", [0.15, 0.4, 0.7, 1.0, 1.4])
def test_killed_at_any_moment_the_next_run_mends_it(project, moment: float) -> None:
    """kill -9 of the command and of its Terraform; the server that it may have started is found by its lock."""
    project.model("a")
    project.model("b")
    project.ok("plan")
    child = project.start("apply", "--yes")
    time.sleep(moment)
    for pid in [child.pid, *descendants(child.pid)]:
        if pid not in project.servers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    child.communicate(timeout=30)
    project.up()
    assert project.predict("a", 1)["echo"] == 1
    assert project.predict("b", 1)["echo"] == 1
    assert len(project.servers()) == 1
    assert "nothing to do" in project.ok("apply")


def test_a_lost_terraform_state_leaves_no_orphan(project) -> None:
    project.model("a")
    project.up()
    (project.folder / ".workaday/default/terraform.tfstate").unlink()
    project.up()
    assert len(project.servers()) == 1
    assert project.predict("a", 1)["echo"] == 1


def test_a_moved_project_gets_a_server_that_reads_the_new_place(project) -> None:
    project.model("a")
    project.up()
    moved = project.folder / "moved"
    moved.mkdir()
    for each in (".workaday", "deploy", "models", "project.yaml"):
        (project.folder / each).rename(moved / each)
    project.folder = moved
    assert "restart" in project.ok("plan")
    project.ok("apply")
    assert project.predict("a", 1)["echo"] == 1
    project.ok("destroy", "--yes")


def test_before_a_new_port_is_applied_the_server_is_found_where_it_lives(project) -> None:
    project.model("a")
    assert project.status()["a"]["url"] is None
    project.up()
    old = project.port
    project.port = old + 7
    project.write()
    assert project.status()["a"]["url"] == f"http://127.0.0.1:{old}/a"
    assert project.predict("a", 1)["echo"] == 1
    log = project.ok("logs", "a").splitlines()
    assert project.ok("logs", "a", "-n", "0") == ""
    assert project.ok("logs", "a", "-n", "1").splitlines() == log[-1:]
    assert project.run("logs", "a", "-n", "-1").returncode == 1


def test_data_beside_a_predictor_is_part_of_its_model(project) -> None:
    code = """
from pathlib import Path


class Predictor:
    def __init__(self, config):
        self.label = Path(__file__).with_name("label.txt").read_text()

    def predict(self, payload):
        return {"label": self.label}
"""
    project.model("a", code=code)
    label = project.folder / "models/a/label.txt"
    label.write_text("cat")
    project.up()
    assert "nothing to do" in project.ok("plan")
    label.write_text("dog")
    assert "reload" in project.ok("plan")
    project.ok("apply")
    assert project.predict("a", 1)["label"] == "dog"


def test_a_port_is_checked_before_anything_is_stopped_for_it(project) -> None:
    project.model("a")
    project.up()
    old = project.port
    with socket.socket() as other:
        other.bind(("127.0.0.1", old + 1))
        other.listen()
        project.port = old + 1
        project.write()
        refused = project.run("plan")
        assert refused.returncode == 1
        assert "error[L101]" in refused.stderr
        assert project.servers(), "the old server serves on"
    project.up()
    assert project.predict("a", 1)["echo"] == 1


def test_destroy_sweeps_where_terraform_cannot_go_on(project) -> None:
    project.model("a")
    project.up()
    (project.folder / "deploy/default/terraform/cluster/main.tf").write_text("junk {\n")
    project.ok("destroy", "--yes")
    assert project.servers() == []


def test_destroy_of_a_mistyped_environment_is_an_error(project) -> None:
    project.model("a")
    assert project.run("destroy", "--yes", "--env", "prdo").returncode == 1
    assert project.run("destroy", "--yes", "-f", "nowhere/project.yaml").returncode == 1
    assert project.run("plan", "--env", "default").returncode == 1


@pytest.mark.parametrize("junk", ["[]", "{", ""])
def test_a_broken_terraform_state_keeps_no_server_alive(project, junk: str) -> None:
    project.model("a")
    project.up()
    (project.folder / ".workaday/default/terraform.tfstate").write_text(junk)
    project.ok("destroy", "--yes")
    assert project.servers() == []


def test_a_stale_pid_is_never_mistaken_for_a_server(tmp_path: Path) -> None:
    """The lock decides, not the number: a reused pid must not be signalled."""
    (tmp_path / "server.lock").write_text(str(os.getpid()))
    (tmp_path / "state.json").write_text(json.dumps({"pid": os.getpid(), "models": {}}))
    assert processes.holder(tmp_path) is None
    assert processes.live_state(tmp_path) == {}
    processes.stop(tmp_path)


def descendants(pid: int) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid:
            found += [int(entry.name), *descendants(int(entry.name))]
    return found


def wait_until(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
