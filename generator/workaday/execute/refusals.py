"""Say what Helm's, the API server's or a pod's trouble means, at the line of project.yaml that it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workaday.execute.helm import HelmFailure
from workaday.execute.kube import CONTEXT, RIGHTS, Unreachable
from workaday.execute.rollout import Cause, Standing
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError
from workaday.render.origins import ORIGINS, Origins, json_pointer, parse

if TYPE_CHECKING:
    from workaday.execute.releases import Wanted
    from workaday.execute.workspace import Workspace

UNREACHABLE = re.compile(
    r"cluster unreachable|connection refused|no such host|i/o timeout|connection reset|unexpected EOF|etcdserver"
)
UNKNOWN = re.compile(r"Unauthorized|must be logged in|getting credentials|certificate has expired")
FORBIDDEN = re.compile(
    r'(?P<resource>[\w./-]+?)(?: "(?P<name>[^"]*)")? is forbidden: User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource'
    r' "(?P<kind>[^"]+)"(?: in API group "(?P<group>[^"]*)")?'
)
DENIED = re.compile(r'admission webhook "(?P<webhook>[^"]+)" denied the request: (?P<said>.*)', re.DOTALL)
NO_KIND = re.compile(r'no matches for kind "(?P<kind>\w+)" in version "(?P<version>[^"]+)"')
SOMEBODYS = re.compile(r'(?P<kind>\w+) "(?P<name>[^"]+)" in namespace "[^"]*" exists and cannot be imported')
AT_WORK = re.compile(r"another operation \(install/upgrade/rollback\) is in progress")
# Who brings a kind that the cluster does not know.
BRINGS = {
    "serving.kserve.io": "KServe", "keda.sh": "KEDA", "gateway.networking.k8s.io": "the Gateway API's definitions",
    "monitoring.coreos.com": "the Prometheus operator", "karpenter.sh": "Karpenter",
    "http.keda.sh": "KEDA's HTTP add-on", "cert-manager.io": "cert-manager",
}  # fmt: skip
HINTS = {
    "Unschedulable": "`workaday status` shows the nodes; give the pool room (`nodes.max`), or ask for less (`compute`)",
    "OOMKilled": "give it more `compute.memory`",
    "CrashLoopBackOff": "its log says why: `workaday logs MODEL`; on this machine: the same project with `kind: local`",
    "FailedCreate": "the namespace's quota or its pod security stands in the way",
}
IMAGE_HINT = "is the image there, spelled like this, and does `registry.pull_secret` open it?"
# Where the cause of a trouble is written, below the model.
KEYS: Mapping[str, KeyPath] = {
    "Unschedulable": ("compute",), "OOMKilled": ("compute", "memory"), "CrashLoopBackOff": ("server",),
    "CreateContainerConfigError": ("secrets",), "Error": ("server",),
}  # fmt: skip
LOG_LINES = 12


@contextmanager
def at_its_origin(workspace: Workspace) -> Iterator[None]:
    """Turn what goes wrong with a cluster into a ProjectError that points into project.yaml."""
    try:
        yield
    except Unreachable as error:
        raise ProjectError([unreachable(str(error))], workspace.loaded.sources) from None
    except HelmFailure as failure:
        raise ProjectError([helm_failed(failure, ())], workspace.loaded.sources) from None
    except ProjectError as error:
        if not any(each.path for each in error.diagnostics):
            raise  # it is about no place in the file
        raise ProjectError(error.diagnostics, workspace.loaded.sources) from None


def unreachable(said: str) -> Diagnostic:
    """Return that the API server does not answer."""
    hints = ("is the cluster up, and this machine in its network (VPN)? then run the command again: it goes on",)
    return Diagnostic("X182", f"the cluster does not answer: {said}", CONTEXT, hints=hints)


def helm_failed(failure: HelmFailure, key: KeyPath) -> Diagnostic:
    """Return what Helm refuses as a finding.

    Args:
        failure: its words.
        key: the key path of the model that the release is made of.
    """
    said, name = " ".join(failure.said.split()), failure.release
    if found := FORBIDDEN.search(said):
        group = f".{found['group']}" if found["group"] else ""
        message = f"`{found['user']}` may not {found['verb']} {found['kind']}{group}, which `{name}` needs"
        return Diagnostic("X183", message, CONTEXT, hints=(RIGHTS,))
    if UNREACHABLE.search(said):
        return unreachable(said)
    if UNKNOWN.search(said):
        return Diagnostic("X181", f"the credentials do not serve: {said}", CONTEXT, hints=("log in again",))
    if found := SOMEBODYS.search(said):
        what = f"{found['kind']} `{found['name']}`, which `{name}` would make, is there already and not its own"
        return Diagnostic("X186", what, key, hints=("delete it, or give the model another name",))
    if AT_WORK.search(said):
        return Diagnostic("X186", f"another helm is at work on `{name}`", key, hints=("wait until it has ended",))
    if found := NO_KIND.search(said):
        who = BRINGS.get(found["version"].partition("/")[0], "whoever brings it")
        message = f"the cluster knows no {found['kind']} ({found['version']}), which `{name}` needs"
        return Diagnostic("X184", message, key, hints=(f"install {who} first",))
    if found := DENIED.search(said):
        return Diagnostic("X184", f"the cluster refuses `{name}`: {found['said']}", key, label=found["webhook"])
    return Diagnostic("X184", f"helm {failure.verb} of `{name}` failed: {said}", key)


def not_ready(
    workspace: Workspace, wanted: Wanted, key: KeyPath, found: Standing, seconds: float, log: Sequence[str], left: str
) -> Diagnostic:
    """Return that a release did not become ready, which object is to blame, and why.

    Args:
        workspace: the project.
        wanted: the release.
        key: the key path of its model.
        found: how far it came.
        seconds: how long was waited.
        log: the last lines of the container that is to blame.
        left: what has been done about it: `it was rolled back to revision 3`.
    """
    cause = found.causes[0] if found.causes else None
    lines = [f"`{wanted.name}` is not ready after {seconds:.0f} s: {found.ready} of {found.wanted} replicas answer"]
    lines += [f"  {each}" for each in dict.fromkeys(map(str, found.causes[:3]))]
    if log and cause:
        lines += [f"  the last lines of container {cause.container}:", *(f"    {line}" for line in log[-LOG_LINES:])]
    hint = IMAGE_HINT if cause and "Image" in cause.reason else HINTS.get(cause.reason, "") if cause else ""
    hints = tuple(filter(None, (hint, left)))
    path = origin_of(workspace, wanted, key, cause) if cause else key
    return Diagnostic("X185", "\n".join(lines), path, label=cause.reason if cause else "", hints=hints)


def origin_of(workspace: Workspace, wanted: Wanted, key: KeyPath, cause: Cause) -> KeyPath:
    """Return where project.yaml says what a trouble comes from: the value itself, or the key that is about it."""
    origins = origins_of(workspace)
    if cause.image and cause.hopeless and "Image" in cause.reason:
        for pointer in pointers_to(wanted.values, cause.image):
            if found := origins.lookup(wanted.path, pointer):
                return found
        return (*key, "server", "image") if key else ()
    if key and cause.reason in KEYS:
        return (*key, *KEYS[cause.reason])
    return key or origins.lookup(wanted.path) or ()


def origins_of(workspace: Workspace) -> Origins:
    """Return the origin table of the tree on disk; an empty one where it cannot be read."""
    try:
        return parse((workspace.tree / ORIGINS).read_bytes())
    except (OSError, ValueError):
        return Origins()


def pointers_to(values: object, wanted: str, *at: str | int) -> Iterator[str]:
    """Yield the JSON pointers that lead to a text in values."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from pointers_to(value, wanted, *at, name)
    elif isinstance(values, list | tuple):
        for index, value in enumerate(values):
            yield from pointers_to(value, wanted, *at, index)
    elif values == wanted:
        yield json_pointer(*at)
