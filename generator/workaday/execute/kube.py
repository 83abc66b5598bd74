"""One cluster's API server, over lightkube: objects as plain mappings, each refusal an error with its fix.

lightkube and not the official client, which brings 126 MB; nor kr8s, which leaves private keys behind in the temporary
folder. It knows no kubeconfig with credentials of `client.authentication.k8s.io/v1`, nor several files in KUBECONFIG:
both are seen to in `opened`. Every object is generic, so that a kind needs no model of it here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workaday.execute.sdks import sdk
from workaday.project.diagnostics import Diagnostic, KeyPath, ProjectError

if TYPE_CHECKING:
    from lightkube import Client
    from lightkube.config.kubeconfig import SingleConfig

Object = dict[str, Any]
CONTEXT: KeyPath = ("platform", "context")
DEFAULT = "~/.kube/config"
PURPOSE = "the cluster is spoken to"
EXEC_API = "client.authentication.k8s.io/"
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Kind:
    """A kind of object, as its address in the API has it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True


POD = Kind("", "v1", "Pod", "pods")
EVENT = Kind("", "v1", "Event", "events")
SECRET = Kind("", "v1", "Secret", "secrets")
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
NODE = Kind("", "v1", "Node", "nodes", namespaced=False)
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
SCALER = Kind("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects")
DEFINITION = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
DAEMONS = Kind("apps", "v1", "DaemonSet", "daemonsets")
STATEFUL = Kind("apps", "v1", "StatefulSet", "statefulsets")
SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
ADMISSION = "admissionregistration.k8s.io"
VALIDATING = Kind(
    ADMISSION, "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", namespaced=False
)
MUTATING = Kind(ADMISSION, "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", namespaced=False)
API_SERVICE = Kind("apiregistration.k8s.io", "v1", "APIService", "apiservices", namespaced=False)
CORE_SERVICE = Kind("", "v1", "Service", "services")
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
NODE_CLAIM = Kind("karpenter.sh", "v1", "NodeClaim", "nodeclaims", namespaced=False)
EVERYWHERE = "*"  # every namespace
GATEWAY = Kind("gateway.networking.k8s.io", "v1", "Gateway", "gateways")
SERVICE = Kind("serving.kserve.io", "v1beta1", "InferenceService", "inferenceservices")


class Unreachable(Exception):
    """The API server does not answer, for now; says how."""


class Cluster:
    """The API server behind one context of a kubeconfig.

    Args:
        client: lightkube's.
        context: the context's name.
        kubeconfig: the file that has it.
        at: the key of project.yaml that names it.
    """

    def __init__(self, client: Client, context: str, kubeconfig: Path, at: KeyPath = CONTEXT) -> None:
        self.client = client
        self.context = context
        self.kubeconfig = kubeconfig
        self.at = at
        self.server: str = client.config.cluster.server

    def every(self, kind: Kind, namespace: str | None = None, labels: dict[str, Any] | None = None) -> list[Object]:
        """Return the objects of a kind; none where the cluster does not know the kind.

        Raises:
            Unreachable: no answer.
            ProjectError: X181 or X183, the credentials or their rights do not suffice.
        """
        with self._answers(f"list {kind.plural}", namespace):
            return list(self.client.list(resource(kind), namespace=namespace, labels=labels))
        return []

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """Return an object, or None where there is none; raises as `every` does."""
        with self._answers(f"get {kind.plural}", namespace):
            found: Object = self.client.get(resource(kind), name, namespace=namespace)
            return found
        return None

    def create(self, kind: Kind, body: Object, namespace: str | None = None) -> None:
        """Create an object; raises as `every` does."""
        with self._answers(f"create {kind.plural}", namespace):
            self.client.create(resource(kind)(body), namespace=namespace)

    def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        """Have an object deleted, if it is there; waits for nothing; raises as `every` does."""
        with self._answers(f"delete {kind.plural}", namespace):
            self.client.delete(resource(kind), name, namespace=namespace)

    def merge(self, kind: Kind, name: str, body: Object, namespace: str | None = None) -> None:
        """Merge a part of an object into it, if it is there; raises as `every` does."""
        from lightkube.types import PatchType

        with self._answers(f"patch {kind.plural}", namespace):
            self.client.patch(resource(kind), name, body, namespace=namespace, patch_type=PatchType.MERGE)

    def log(self, pod: str, namespace: str, *, container: str | None = None, lines: int = 50) -> list[str]:
        """Return the last lines of a container's log; none where it has not begun; raises as `every` does."""
        from lightkube.core.exceptions import ApiError

        with self._answers("read logs of pods", namespace):
            try:
                found = self.client.log(pod, namespace=namespace, container=container, tail_lines=lines, newlines=False)
                return list(found)
            except ApiError as error:
                if error.status.code != 400:  # the container waits to start
                    raise
        return []

    def read(self, path: str, params: Mapping[str, str] | None = None) -> bytes | None:
        """Return what the API server answers at a path that is no object's, or None where it knows none.

        Such as `/version`, or a Service's own answer by way of `.../proxy/...`. Raises as `every` does.
        """
        import httpx2
        from lightkube.core.exceptions import ApiError

        client = self.client._client._client  # lightkube asks for objects only; its client has the credentials
        with self._answers(f"read {path.partition('?')[0]}", None):
            answer = client.get(path, params=dict(params or {}))
            if answer.status_code in (401, 403, 404) and "json" in answer.headers.get("content-type", ""):
                raise ApiError(request=answer.request, response=answer)
            if answer.is_error:
                raise httpx2.HTTPStatusError(answer.text[:200], request=answer.request, response=answer)
            content: bytes = answer.content
            return content
        return None

    @contextmanager
    def _answers(self, what: str, namespace: str | None) -> Iterator[None]:
        """Turn what can go wrong with a request into our own words; what is not there ends the block."""
        import httpx2
        from lightkube.core.exceptions import ApiError, ConfigError

        try:
            yield
        except ApiError as error:
            if error.status.code == 404:
                return
            raise refused(error.status.code or 0, error.status.message or str(error), what, namespace, self) from None
        except httpx2.HTTPStatusError as error:  # an answer that is no Kubernetes status: a proxy's
            raise Unreachable(f"{self.server} answers {error.response.status_code}") from None
        except httpx2.HTTPError as error:
            raise Unreachable(f"{self.server}: {str(error) or type(error).__name__}") from None
        except (ConfigError, OSError, ValueError, KeyError) as error:
            if error.args == ("Content-Type",):  # lightkube looks for it in every refusal
                raise Unreachable(f"{self.server} answers as no API server does") from None
            raise no_credentials(str(error), self.context) from None


def opened(kubeconfig: str | None, context: str | None, at: KeyPath = CONTEXT) -> Cluster:
    """Return the cluster of a context; nothing is asked of it yet.

    Args:
        kubeconfig: a file, or None for those that kubectl reads.
        context: its name, or None for the current one.
        at: the key of project.yaml that names it.

    Raises:
        ProjectError: X181, there is no such file or context; X130, lightkube is not installed.
    """
    lightkube = sdk("lightkube", PURPOSE)
    import httpx2

    path, config = found(kubeconfig, context, at)
    try:
        client = lightkube.Client(config=as_known(config), timeout=httpx2.Timeout(PATIENCE_SECONDS))
    except Exception as error:
        raise no_credentials(str(error), config.context_name) from None
    return Cluster(client, config.context_name, path, at)


def found(kubeconfig: str | None, context: str | None, at: KeyPath) -> tuple[Path, SingleConfig]:
    """Return the first kubeconfig that has a context, and what it says of it.

    Raises:
        ProjectError: X181, none has it.
    """
    from lightkube.config.kubeconfig import KubeConfig

    places = [kubeconfig] if kubeconfig else os.environ.get("KUBECONFIG", DEFAULT).split(os.pathsep)
    known: list[str] = []
    for path in (Path(each).expanduser() for each in places if each):
        if not path.is_file():
            continue
        try:
            config = KubeConfig.from_file(path)
            known += config.contexts
            if (context or config.current_context) in config.contexts:
                chosen = config.get(context)
                assert chosen is not None
                return path, chosen
        except Exception as error:
            raise mistake_at("X181", f"{path} is no kubeconfig: {first_line(error)}", at) from None
    read = ", ".join(places)
    if not known:
        mend = "set `platform.kubeconfig`, or KUBECONFIG" if at == CONTEXT else "`workaday kubeconfig` writes it"
        message, hint = f"there is no kubeconfig: {read}", mend
    else:
        message = f"no context `{context}` in {read}" if context else f"no current context in {read}"
        hint = f"there are: {', '.join(sorted(known))}"
    raise mistake_at("X181", message, at, hint)


def as_known(config: SingleConfig) -> SingleConfig:
    """Return a context whose credential plugin lightkube agrees to run: `v1` differs from `v1beta1` by its name only.

    It tells the plugin neither what kubectl would tell it (KUBERNETES_EXEC_INFO), without which some refuse.
    """
    from lightkube.config.models import NameValue, User

    user = config.user or User()
    if user.exec is not None and user.exec.apiVersion.startswith(EXEC_API):
        info = {"apiVersion": user.exec.apiVersion, "kind": "ExecCredential", "spec": {"interactive": False}}
        user.exec.env = [*(user.exec.env or ()), NameValue(name="KUBERNETES_EXEC_INFO", value=json.dumps(info))]
        user.exec.apiVersion = EXEC_API + "v1beta1"
    return config._replace(user=user)


@cache
def resource(kind: Kind) -> Any:
    """Return lightkube's class of a kind."""
    from lightkube.generic_resource import create_global_resource, create_namespaced_resource

    make = create_namespaced_resource if kind.namespaced else create_global_resource
    return make(kind.group, kind.version, kind.kind, kind.plural)


def refused(code: int, said: str, what: str, namespace: str | None, cluster: Cluster) -> Exception:
    """Return the error of a request that the API server refuses."""
    if code == 401:
        return no_credentials(said, cluster.context, cluster.at)
    if code == 403:
        where = f" in namespace `{namespace}`" if namespace else ""
        return mistake_at("X183", f"you may not {what}{where}: {said}", cluster.at, RIGHTS)
    if code == 429 or code >= 500:
        return Unreachable(f"{cluster.server} answers {code}: {said}")
    return mistake_at("X184", f"the cluster refuses to {what}: {said}", cluster.at)


RIGHTS = "the rights that it takes are listed by `workaday explain X183`"


def no_credentials(said: str, context: str, at: KeyPath = CONTEXT) -> Exception:
    """Return the error of credentials that the cluster does not know, or that cannot be had."""
    hint = f"log in again; `kubectl --context {context} auth whoami` says what the cluster sees"
    return mistake_at("X181", f"the credentials of context `{context}` do not serve: {first_line(said)}", at, hint)


def mistake_at(code: str, message: str, at: KeyPath, *hints: str) -> ProjectError:
    """Return the error of one finding at a key of project.yaml."""
    return ProjectError([Diagnostic(code, message, at, hints=hints)])


def first_line(said: object) -> str:
    """Return what is said on its first line."""
    return (str(said).strip().splitlines() or ["no more is said"])[0]
