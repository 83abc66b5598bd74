"""The server's benchmarks: `python -m bench server`, or some of them: `python -m bench.server mlp weights`."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.server.against_peers import mlp, tensor
from bench.server.bundled_models import classifier, embedder
from bench.server.harness import prepare
from bench.server.large_weights import weights

ALL: dict[str, Callable[[Path], None]] = {
    "mlp": mlp,
    "tensor": tensor,
    "embedder": embedder,
    "classifier": classifier,
    "weights": weights,
}


def main(wanted: list[str] | None = None) -> None:
    unknown = [each for each in wanted or () if each not in ALL]
    if unknown:
        sys.exit(f"no benchmark {unknown[0]!r}; there is {', '.join(ALL)}")
    prepare()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    with tempfile.TemporaryDirectory() as made:
        for name in wanted or ALL:
            ALL[name](Path(made))


if __name__ == "__main__":
    main(sys.argv[1:])
