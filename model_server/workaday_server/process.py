"""One server process: its socket, signals, state file, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from workaday_server.app import App
from workaday_server.config import ServerConfig, read_config
from workaday_server.connections import Connections
from workaday_server.errors import ConfigError, StartError
from workaday_server.metrics import Metrics
from workaday_server.models import Models
from workaday_server.state import RunFolder

if TYPE_CHECKING:
    from workaday_server.rpc import RpcServer

log = logging.getLogger("workaday_server")

BACKLOG = 2048
SWEEP_SECONDS = 1.0
GRACE_MARGIN_SECONDS = 5.0
QUIET_SECONDS = 0.1
QUIET_LIMIT_SECONDS = 1.0
Reread = Callable[[], ServerConfig]


class Server:
    """Listens first, loads in the background, serves until SIGTERM or SIGINT."""

    def __init__(self, config: ServerConfig, reread: Reread) -> None:
        self.config = config
        self._reread = reread
        self._state = "starting"
        self._started = time.time()
        self._reloads = 0
        self._reload_error: str | None = None
        self._folder = RunFolder(config.state_file)
        self._socket = _listen(config.host, config.port)
        if config.grpc_port:
            _listen(config.host, config.grpc_port).close()  # the library itself would not say why it cannot
        self.metrics = Metrics()
        self.models = Models(self.metrics, self._write_state)
        self.app = App(self.models, self.metrics)
        self.connections = Connections(self.app)
        self._rpc = _rpc_server(self.app, config) if config.grpc_port else None
        self.metrics.refreshers.append(self._refresh_metrics)

    async def run(self) -> None:
        """Serve until a signal says to stop, then drain."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        listener = await loop.create_server(self.connections.make, sock=self._socket, backlog=BACKLOG)
        log.info("listening on %s:%d", self.config.host, self.config.port)
        if self._rpc is not None:
            await self._rpc.start()
            log.info("listening for gRPC on %s:%d", self.config.host, self.config.grpc_port)
        self._state = "serving"
        self.models.want(self.config.served)
        sweeper = loop.create_task(self._sweep())
        await stop.wait()
        await self._drain(stop)
        listener.close()
        sweeper.cancel()

    def reload(self) -> None:
        """Read the configuration again; one that is wrong changes nothing."""
        try:
            config = self._reread()
        except ConfigError as error:
            log.error("the configuration was not reloaded: %s", error)
            self._reloads, self._reload_error = self._reloads + 1, str(error)
            self._write_state()
            return
        if _addresses(config) != _addresses(self.config):
            log.warning("host and ports change only by a restart")
        self.config = config
        self._reloads, self._reload_error = self._reloads + 1, None
        self.models.want(config.served)

    async def _drain(self, stop: asyncio.Event) -> None:
        """Say that we go, serve on for those who have not heard, refuse what is new, finish what is in flight."""
        self._state = "draining"
        self.app.leaving = self.connections.closing = True
        self._write_state()
        log.info("draining: serving on for %g s", self.config.drain_seconds)
        stop.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), self.config.drain_seconds)  # a second signal hurries
        self.app.draining = True
        longest = max((model.config.limits.timeout_seconds for model in self.models.by_name.values()), default=0.0)
        deadline = time.monotonic() + longest + GRACE_MARGIN_SECONDS
        rpcs = asyncio.ensure_future(self._rpc.stop(deadline - time.monotonic())) if self._rpc else None
        self.connections.close_idle()
        while self.connections.busy and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        if rpcs is not None:
            await rpcs
        await self._until_quiet()
        if self.connections.busy:
            log.warning("%d requests did not end in time", self.connections.busy)

    async def _until_quiet(self) -> None:
        """Let those who have just connected read their 503: closing the listener would reset them."""
        give_up = time.monotonic() + QUIET_LIMIT_SECONDS
        quiet_since = time.monotonic()
        while (now := time.monotonic()) < give_up and now - quiet_since < QUIET_SECONDS:
            if self.connections.open:
                quiet_since = now
            await asyncio.sleep(0.005)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.connections.sweep()
            if any(model.state == "loading" for model in self.models.by_name.values()):
                self._write_state()

    def _write_state(self) -> None:
        try:
            self._folder.write(
                {
                    "pid": os.getpid(),
                    "started": self._started,
                    "host": self.config.host,
                    "port": self.config.port,
                    "grpc_port": self.config.grpc_port,
                    "state": self._state,
                    "reload": {"count": self._reloads, "error": self._reload_error},
                    "models": {name: model.record() for name, model in self.models.by_name.items()},
                }
            )
        except OSError as error:
            log.error("state.json was not written: %s", error)

    def _refresh_metrics(self) -> None:
        self.metrics.connections.set((), len(self.connections.open))
        self.metrics.draining.set((), self.app.leaving)


def serve(config: ServerConfig, reread: Reread) -> None:
    """Run a server in this process until it is told to stop.

    Raises:
        StartError: the run folder's lock is held, or the port is taken.
    """
    # torch's OpenMP threads would otherwise spin between calls, and take the cores from the others.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # A worker that computes in Python hands over sooner than after the usual 5 ms.
    sys.setswitchinterval(0.001)

    async def main() -> None:
        await Server(config, reread).run()

    uvloop.run(main())
    log.info("stopped")
    logging.shutdown()
    sys.stdout.flush()
    # Threads that hang in a predictor must not hold the process.
    os._exit(0)


def serve_file(path: Path) -> None:
    """Run the server that a configuration file describes.

    Raises:
        ConfigError: the file is wrong.
        StartError: the run folder's lock is held, or the port is taken.
    """
    serve(read_config(path), lambda: read_config(path))


def _addresses(config: ServerConfig) -> tuple[object, ...]:
    return config.host, config.port, config.grpc_port


def _rpc_server(app: App, config: ServerConfig) -> RpcServer:
    try:
        from workaday_server.rpc import RpcServer  # a fifth of a second, and an extra of the package
    except ImportError:
        raise StartError("`grpc_port` needs gRPC: install workaday-server[grpc]") from None
    return RpcServer(app, config)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise StartError(f"cannot listen on {host}:{port}: {reason.lower()}") from None
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening
