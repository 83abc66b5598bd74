"""Start, watch and stop the local platform's server processes.

Standard library only: a copy of this file travels in the rendered tree (`modules/local/process.py`), where Terraform's
local-exec runs it without Workaday. The CLI imports the same code to probe what is alive.

A process is known by its run folder: the server holds a lock on `server.lock` there for as long as it lives, so
neither a stale pid nor a pid taken over by a stranger can be mistaken for it.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

START_SECONDS = 120.0  # a cold disk may take long to import Python packages
POLL_SECONDS = 0.05


class ProcessError(Exception):
    """A failure whose text is meant for the user."""


# --- what is there ---------------------------------------------------------------------------------------------------


def holder(run: Path) -> int | None:
    """Return the pid of the live server of this run folder, or None."""
    try:
        with (run / "server.lock").open("r+b") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(lock.read().strip() or b"0") or None
    except (FileNotFoundError, NotADirectoryError):
        pass
    return None


def read_state(run: Path) -> dict[str, Any]:
    """Return the server's last `state.json`, or an empty dict where there is none."""
    try:
        state = json.loads((run / "state.json").read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def live_state(run: Path) -> dict[str, Any]:
    """Return `state.json` when the process that wrote it is alive, else an empty dict."""
    pid = holder(run)
    state = read_state(run)
    return state if pid is not None and state.get("pid") == pid else {}


def reads_from(run: Path, config: Path) -> bool:
    """Say whether a run folder's server was started with this configuration: not if the project was moved."""
    try:
        return (run / "config").read_text().strip() == str(config.resolve())
    except OSError:
        return False


def port_is_free(host: str, port: int) -> bool:
    """Say whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def port_owner(port: int) -> str:
    """Name the process that listens on a port, as far as this user may see it."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                field = line.split()
                if field[3] == "0A" and int(field[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{field[9]}]")
    for entry in Path("/proc").glob("[0-9]*") if inodes else ():
        with contextlib.suppress(OSError):
            if any(str(fd.readlink()) in inodes for fd in (entry / "fd").iterdir()):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                return f"pid {entry.name} ({command[:80]})"
    return "a process of another user" if inodes else "another process"


def log_tail(run: Path, lines: int = 12) -> str:
    """Return the end of the server's log, indented for an error message."""
    try:
        text = (run / "server.log").read_text(errors="replace")
    except OSError:
        return ""
    return "".join(f"\n    {line}" for line in text.splitlines()[-lines:])


# --- the server process ----------------------------------------------------------------------------------------------


def start(interpreter: str, config: Path, run: Path) -> None:
    """Start a server and return once it listens; its models may still be loading.

    A server left behind in the same run folder (the run that started it was killed) is stopped first.

    Raises ProcessError when the port is taken or the server exits.
    """
    stop(run)
    settings = json.loads(config.read_text())
    for port in filter(None, (settings["port"], settings.get("grpc_port"))):
        if not port_is_free(settings["host"], port):
            owner = port_owner(port)
            raise ProcessError(f"port {port} is taken by {owner}; stop it, or set `platform.port` in project.yaml")
    run.mkdir(parents=True, exist_ok=True)
    (run / "state.json").unlink(missing_ok=True)
    (run / "config").write_text(f"{config.resolve()}\n")
    with (run / "server.log").open("wb") as log:
        child = subprocess.Popen(
            [interpreter, "-m", "workaday_server", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal must not reach it
        )
    deadline = time.monotonic() + START_SECONDS
    while live_state(run).get("pid") != child.pid:
        if child.poll() is not None:
            raise ProcessError(f"the server exited with status {child.returncode}:{log_tail(run)}")
        if time.monotonic() > deadline:
            child.kill()
            raise ProcessError(f"the server did not listen within {START_SECONDS:.0f} s:{log_tail(run)}")
        time.sleep(POLL_SECONDS)


def stop(run: Path, grace_seconds: float = 30.0) -> None:
    """Stop the server of a run folder, by SIGTERM, then SIGKILL past the grace; nothing to do where none lives."""
    pid = holder(run)
    if pid is None:
        return
    deadline = time.monotonic() + grace_seconds
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    killed = False
    while holder(run) == pid:
        if not killed and time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            killed = True
        time.sleep(POLL_SECONDS)


def load(run: Path, model: str, revision: str, timeout_seconds: float) -> None:
    """Have the server load one revision of a model, and wait until it is ready; one that failed is tried again.

    Raises ProcessError when loading fails, the server refuses its configuration or dies, or the time is over.
    """
    deadline = time.monotonic() + timeout_seconds
    pid = holder(run)
    if pid is None:
        raise ProcessError(f"the server of `{model}` is not running:{log_tail(run)}")
    state = live_state(run)
    before, reloads_seen = state.get("models", {}).get(model, {}), state.get("reload", {}).get("count", 0)
    failures_seen = before.get("attempts", 0) if before.get("state") == "failed" else 0
    if before.get("revision") != revision or failures_seen:
        os.kill(pid, signal.SIGHUP)
    while True:
        if holder(run) != pid:
            raise ProcessError(f"the server died while loading `{model}`:{log_tail(run)}")
        state = live_state(run)
        seen, reload = state.get("models", {}).get(model, {}), state.get("reload", {})
        if seen.get("revision") == revision and seen.get("state") == "ready":
            return
        if reload.get("count", 0) > reloads_seen and (reload["error"] or not seen):
            why = reload["error"] or f"`{model}` is not in it"
            raise ProcessError(f"the server did not take its configuration: {why}")
        tried = seen.get("attempts", 0) > failures_seen
        if tried and seen.get("revision") == revision and seen.get("state") == "failed":
            raise ProcessError(f"`{model}` failed to load: {seen.get('error')}")
        if time.monotonic() > deadline:
            waited = f"`{model}` was not ready within {timeout_seconds:.0f} s (state: {seen.get('state')})"
            raise ProcessError(f"{waited}; `limits.startup_timeout` gives it longer")
        time.sleep(POLL_SECONDS)


def unload(run: Path, config: Path, model: str, timeout_seconds: float = 30.0) -> None:
    """Have the server drop a model that its configuration no longer has; a model still in it is left alone."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        if any(entry["name"] == model for entry in json.loads(config.read_text())["models"]):
            return  # about to be replaced: the new revision takes over without a gap
    pid = holder(run)
    if pid is None:
        return
    os.kill(pid, signal.SIGHUP)
    deadline = time.monotonic() + timeout_seconds
    while model in (live_state(run).get("models") or {}) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


# --- environments ----------------------------------------------------------------------------------------------------


def create_environment(
    python: str, folder: Path, server_source: Path | None, requirements: Path | None, base: Path | None
) -> None:
    """Make the Python environment that a process runs in, and note its interpreter in `folder/interpreter`.

    Without `requirements` it is the base: `python` itself where the server is installed in it, else a new environment
    with the pinned server and torch from `server_source`. With them it is a layer above `base`: the model's packages
    shadow what the base has, as they do in a container image that is built on the server's.

    Raises ProcessError when an installation fails.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if requirements is None:
        interpreter = python if has_server(python) else install_server(python, folder, server_source)
    else:
        assert base is not None
        interpreter = install_layer((base / "interpreter").read_text().strip(), folder, requirements)
    (folder / "interpreter").write_text(interpreter + "\n")


def has_server(python: str) -> bool:
    """Say whether an interpreter can run the model server, without importing anything heavy."""
    probe = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('workaday_server', 'torch'))))"
    return subprocess.run([python, "-c", probe], capture_output=True, check=False).returncode == 0


def install_server(python: str, folder: Path, source: Path | None) -> str:
    """Install the pinned server and torch into a new environment; return its interpreter."""
    if source is None:
        raise ProcessError(
            f"{python} has no workaday_server and torch; install them there, or pass -var server_source=FOLDER "
            "(the folder that holds model_server/ and requirements/)"
        )
    venv = folder / "venv"
    run_quietly([python, "-m", "venv", str(venv)])
    interpreter, uv = str(venv / "bin" / "python"), str(venv / "bin" / "uv")
    pins = source / "requirements"
    run_quietly([interpreter, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(pins / "uv.txt")])
    into = [uv, "pip", "install", "--quiet", "--python", interpreter]
    run_quietly([*into, "--require-hashes", "-r", str(pins / "server.txt")])
    build = folder / "build"  # building writes beside the sources, which may be read-only
    shutil.copytree(source / "model_server", build)
    run_quietly([*into, "--no-deps", str(build)])
    shutil.rmtree(build)
    return interpreter


def install_layer(base: str, folder: Path, requirements: Path) -> str:
    """Install a model's requirements into an environment that sees the base's packages behind its own."""
    venv = folder / "venv"
    run_quietly([base, "-m", "venv", str(venv)])
    interpreter = str(venv / "bin" / "python")
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    above, below = (run_quietly([each, "-c", where]).strip() for each in (interpreter, base))
    # addsitedir also runs the base's own .pth files, which editable installs need.
    (Path(above) / "workaday_base.pth").write_text(f"import site; site.addsitedir({below!r})\n")
    run_quietly([interpreter, "-m", "pip", "install", "--quiet", "-r", str(requirements)])
    return interpreter


def run_quietly(command: list[str]) -> str:
    """Run a command and return what it printed.

    Raises ProcessError with the end of its output when it fails.
    """
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        tail = "".join(f"\n    {line}" for line in done.stdout.strip().splitlines()[-12:])
        raise ProcessError(f"`{' '.join(command)}` failed with status {done.returncode}:{tail}")
    return done.stdout


# --- the command line that Terraform uses -----------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Return the parser of the commands that Terraform's local-exec runs."""
    top = argparse.ArgumentParser(prog="process.py", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True)

    def verb(name: str, *options: str) -> None:
        sub = verbs.add_parser(name)
        for option in options:
            sub.add_argument(f"--{option.rstrip('?')}", required=not option.endswith("?"), default=None)

    verb("environment", "python", "folder", "server-source?", "requirements?", "base?")
    verb("forget", "folder")
    verb("start", "environment", "config", "run")
    verb("stop", "run")
    verb("load", "run", "model", "revision", "timeout")
    verb("unload", "run", "config", "model")
    return top


def main(argv: list[str] | None = None) -> None:
    """Run one command; a failure is one line on standard error and status 1."""
    given = parser().parse_args(argv)
    path = {name: Path(value) if value else None for name, value in vars(given).items() if name != "verb"}
    try:
        match given.verb:
            case "environment":
                create_environment(
                    given.python, need(path["folder"]), path["server_source"], path["requirements"], path["base"]
                )
            case "forget":
                shutil.rmtree(need(path["folder"]), ignore_errors=True)
            case "start":
                interpreter = (need(path["environment"]) / "interpreter").read_text().strip()
                start(interpreter, need(path["config"]), need(path["run"]))
            case "stop":
                stop(need(path["run"]))
                shutil.rmtree(need(path["run"]), ignore_errors=True)
            case "load":
                load(need(path["run"]), given.model, given.revision, float(given.timeout))
            case "unload":
                unload(need(path["run"]), need(path["config"]), given.model)
    except ProcessError as error:
        fail(str(error))


def need(path: Path | None) -> Path:
    """Return a required path as an absolute one: children run in other folders."""
    assert path is not None
    return path.absolute()


def fail(message: str) -> NoReturn:
    """Print one error and exit with status 1."""
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    raise SystemExit(1)


if __name__ == "__main__":
    main()
