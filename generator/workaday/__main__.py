"""The `workaday` command."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn


def main() -> None:
    """Run the command line; `--version` is answered before anything is imported for it."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from workaday import __version__

        sys.stdout.write(f"workaday {__version__}\n")
        return
    gc.disable()  # a command is short and what it builds lives to its end: the collector would find nothing
    try:
        from workaday.cli.run import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while it was still being imported
        code = 130
    leave(code)


def leave(code: int) -> NoReturn:
    """End the process at once: taking apart what was built takes as long as checking a small project."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # disk full; a reader that has gone is no failure, and `run` has left nothing to flush then
        code = code or 1
    os._exit(code)


if __name__ == "__main__":
    main()
