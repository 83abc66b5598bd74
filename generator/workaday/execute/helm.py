"""Run Helm on one namespace of a cluster: the one adapter over pyhelm3.

pyhelm3 builds the command lines, runs them and reads the answers. Of it the `Command` is used, not the `Client`: that
one asks Helm for its version at each start, and mends a release that was left pending by waiting on it, which for one
that never becomes ready is for ever.

Helm's own `--wait` and `--rollback-on-failure` are not used, for three reasons: Helm 3 waits for no InferenceService;
pyhelm3 gives Helm's words only when it has ended, so that nobody would see how far it is; and a rollback takes the
pods away whose events and log say why. execute/rollout.py waits and explains; the room rolls back afterwards.

Nor are its `list`, `history` and `get values`: what they tell, execute/releases.py reads from Helm's Secrets, of every
release in one request.

A Ctrl-C reaches Helm by itself, as it is in our process group, and once more as pyhelm3's SIGTERM: it takes the first
one only, and records the release as failed. When we are killed, Helm ends what it began: it writes the release's state
to the cluster before it writes its answer to us.
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workaday.execute.sdks import sdk
from workaday.project.diagnostics import mistake

Object = dict[str, Any]
HISTORY = 10  # revisions that are kept of a release
TIMEOUT = "5m"  # of a hook, and of what an uninstall waits for
WEBHOOK_AWAY = re.compile(r"failed calling webhook|failed to call webhook|conversion webhook for .* failed")
WEBHOOK_SECONDS, AGAIN_SECONDS = 90.0, 2.0
PURPOSE = "releases are installed"
NO_HELM_HINTS = (
    "install Helm 3.14 or later (https://helm.sh/docs/intro/install), or set WORKADAY_HELM to where it is",
    "with Go at hand: `go install helm.sh/helm/v4/cmd/helm@latest`",
)


class HelmFailure(Exception):
    """Helm ended with an error.

    Attributes:
        verb: what it was to do.
        release: to which release.
        said: its words, without the frame.
    """

    def __init__(self, verb: str, release: str, said: str) -> None:
        self.verb = verb
        self.release = release
        self.said = said
        super().__init__(f"helm {verb} {release}: {said}")


class Helm:
    """Helm on one namespace of the cluster behind one context.

    Args:
        binary: a helm executable, of version 3.14 or later.
        kubeconfig: the file that has the context.
        context: its name.
        namespace: where releases are.
    """

    def __init__(self, binary: str, kubeconfig: Path, context: str, namespace: str) -> None:
        sdk("pyhelm3", PURPOSE)
        from pyhelm3.command import Command

        # It warns of each failure, and Python prints a warning that nobody takes; the failure is told by who called.
        logging.getLogger("pyhelm3").addHandler(logging.NullHandler())
        self.namespace = namespace
        self._commands = Command(
            executable=binary,
            kubeconfig=kubeconfig,
            kubecontext=context,
            default_timeout=TIMEOUT,
            history_max_revisions=HISTORY,
        )

    async def install_or_upgrade(
        self, release: str, chart: Path, values: Mapping[str, Any], *, description: str
    ) -> Object:
        """Send a release to the cluster and return it as Helm has it (`version`, `manifest`, ...); waits for nothing.

        But where a webhook that has to judge an object does not answer yet, as one does that was just installed, it is
        sent again for a while.

        Raises:
            HelmFailure: a template fails, or the cluster refuses an object; what it had taken by then stays.
        """
        end = time.monotonic() + WEBHOOK_SECONDS
        while True:
            try:
                return await self._install_or_upgrade(release, chart, values, description)
            except HelmFailure as failure:
                if not WEBHOOK_AWAY.search(failure.said) or time.monotonic() > end:
                    raise
            await asyncio.sleep(AGAIN_SECONDS)

    async def _install_or_upgrade(
        self, release: str, chart: Path, values: Mapping[str, Any], description: str
    ) -> Object:
        with told("upgrade", release):
            found: Object = await self._commands.install_or_upgrade(
                release,
                chart,
                dict(values),
                description=description,
                create_namespace=False,
                namespace=self.namespace,
                reset_values=True,
            )
            return found

    async def pull(self, chart: str, version: str, repository: str | None, folder: Path) -> None:
        """Fetch a packed chart into a folder.

        Args:
            chart: `oci://...`, or a name in a repository.
            version: which.
            repository: its address, or None for `oci://`.
            folder: where to.

        Raises:
            HelmFailure: it cannot be had.
        """
        where = ["--repo", repository] if repository else []
        with told("pull", chart):
            await self._commands.run(["pull", chart, "--version", version, "--destination", folder, *where])

    async def rollback(self, release: str, revision: int) -> None:
        """Make a release again what a revision was; waits for nothing."""
        with told("rollback", release):
            await self._commands.rollback(release, revision, namespace=self.namespace, cleanup_on_fail=True)

    async def uninstall(self, release: str) -> None:
        """Remove a release with its history, and wait until its objects are gone; nothing where there is none."""
        from pyhelm3.errors import ReleaseNotFoundError

        with told("uninstall", release):
            try:
                await self._commands.uninstall(release, namespace=self.namespace, wait=True)
            except ReleaseNotFoundError:
                return


@contextmanager
def told(verb: str, release: str) -> Iterator[None]:
    """Turn pyhelm3's errors, which are Helm's exit code and words, into a HelmFailure."""
    from pyhelm3.errors import CommandCancelledError, Error

    try:
        yield
    except CommandCancelledError:
        raise asyncio.CancelledError from None
    except Error as error:
        raise HelmFailure(verb, release, words(error.stderr.decode("utf-8", "replace"))) from None


def words(complaint: str) -> str:
    """Return Helm's complaint without its warnings and the word `Error:`."""
    lines = [line for line in complaint.strip().splitlines() if not line.startswith(("WARNING:", "level=", "I0", "W0"))]
    return "\n".join(lines).removeprefix("Error: ").strip() or "it says nothing"


def find_binary(environment: Mapping[str, str]) -> str:
    """Return a Helm executable: WORKADAY_HELM's, or the one on PATH.

    No package on PyPI brings it on its own: aws-cdk's layers carry it, in 37 MB and with Node beside them; those that
    link Helm as a library have no command line for pyhelm3 to call.

    Raises:
        ProjectError: X180, there is none.
    """
    named = environment.get("WORKADAY_HELM", "")
    binary = shutil.which(named or "helm", path=environment.get("PATH"))
    if binary is None:
        what = f"WORKADAY_HELM names no program: {named}" if named else "no helm on PATH"
        raise mistake("X180", what, *NO_HELM_HINTS)
    return binary
