"""The command: `workaday-server CONFIG.json`, `--check CONFIG.json`, `serve PREDICTOR.py`."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from workaday_server.errors import ConfigError, StartError
from workaday_server.tracing import ids

DESCRIPTION = "Serve torch models over HTTP. `workaday-server serve PREDICTOR.py` serves one predictor alone."


def main(arguments: list[str] | None = None) -> None:
    """Run the command; a user's mistake is one line on standard error and status 1 or 2."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        if given[:1] == ["serve"]:
            _serve_one(given[1:])
        else:
            _serve_config(given)
    except (ConfigError, StartError) as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"error: {line}\n")
        raise SystemExit(1) from None


def _serve_config(given: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="workaday-server", description=DESCRIPTION)
    parser.add_argument("config", type=Path, metavar="CONFIG.json", help="the server's configuration")
    parser.add_argument("--check", action="store_true", help="check the configuration and stop")
    options = parser.parse_args(given)
    from workaday_server.config import read_config

    if options.check:
        config = read_config(options.config)
        missing = [model.predictor for model in config.models if not model.predictor.is_file()]
        if missing:
            raise ConfigError("\n".join(f"{options.config}: no such predictor: {path}" for path in missing))
        return
    _log_to_stderr()
    from workaday_server.process import serve_file

    serve_file(options.config)


def _serve_one(given: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="workaday-server serve", description="Serve one predictor.")
    parser.add_argument("predictor", type=Path, metavar="PREDICTOR.py")
    parser.add_argument("--name", help="the model's name; the file's folder by default")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--config", type=Path, metavar="JSON", help="a file with the predictor's `config`")
    parser.add_argument("--reload", action="store_true", help="load anew when a file beside the predictor changes")
    options = parser.parse_args(given)
    _log_to_stderr()
    from workaday_server.development import serve_predictor

    serve_predictor(options.predictor, options.name, options.host, options.port, options.config, reload=options.reload)


class _JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **ids(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _log_to_stderr() -> None:
    """Log for people on a terminal, for machines otherwise."""
    handler = logging.StreamHandler()
    if not sys.stderr.isatty():
        handler.setFormatter(_JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


if __name__ == "__main__":
    main()
