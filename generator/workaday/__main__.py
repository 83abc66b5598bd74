"""The `workaday` command."""

from __future__ import annotations

import gc
import sys


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
    gc.freeze()  # nor at exit
    sys.exit(code)


if __name__ == "__main__":
    main()
