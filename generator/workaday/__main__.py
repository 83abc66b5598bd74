"""The `workaday` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; `--version` is answered before anything is imported for it."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from workaday import __version__

        sys.stdout.write(f"workaday {__version__}\n")
        return
    from workaday.cli.run import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
