"""Whether what a release consists of has become ready, and if not, why: read from objects, pods and events. Pure.

`Ready` of an InferenceService alone is not enough: while a new version fails to start beside the old one, it stays
true. So the Deployments that KServe makes of it must have rolled out too; and must be made of its newest version, which
its `observedGeneration` does not tell: KServe 0.20 copies the Deployment's there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Object = Mapping[str, Any]
State = Literal["ready", "waiting"]
SERVICE_LABEL = "serving.kserve.io/inferenceservice"
# What does not mend itself by waiting: a wrong image, a wrong reference, a server that ends again and again.
HOPELESS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError",
     "CreateContainerError", "RunContainerError", "CrashLoopBackOff", "FailedCreate", "OOMKilled"}
)  # fmt: skip
OWN_ANNOTATIONS = "workaday.dev/"
PAUSED = "autoscaling.keda.sh/paused-replicas"
STARTING = frozenset({"ContainerCreating", "PodInitializing"})


@dataclass(frozen=True)
class Seen:
    """What a namespace holds at one moment, as far as models are concerned."""

    services: Sequence[Object] = ()
    deployments: Sequence[Object] = ()
    scalers: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    events: Sequence[Object] = ()


@dataclass(frozen=True)
class Cause:
    """Why something is not ready.

    Attributes:
        about: what it is, as kubectl would name it: `pod/story-predictor-5d4`.
        reason: one word: `ImagePullBackOff`, `Unschedulable`.
        said: the words of whoever found it, on one line.
        container: whose log may tell more, or "".
        image: the image that it is about, or "".
    """

    about: str
    reason: str
    said: str = ""
    container: str = ""
    image: str = ""

    @property
    def hopeless(self) -> bool:
        """Whether waiting does not help."""
        return self.reason in HOPELESS

    def __str__(self) -> str:
        return f"{self.about}: {self.reason}" + (f": {self.said}" if self.said else "")


@dataclass(frozen=True)
class Standing:
    """How far a release is.

    Attributes:
        state: ready, or waiting.
        ready: replicas of the wanted version that answer.
        wanted: replicas that there should be.
        causes: what stands in the way, the gravest first; empty while nothing is known.
        paused: it is meant to have no replicas.
    """

    state: State
    ready: int
    wanted: int
    causes: tuple[Cause, ...] = field(default=())
    paused: bool = False


def standing(objects: Sequence[Object], seen: Seen) -> Standing:
    """Return how far a release is.

    Args:
        objects: what it consists of, as it was sent.
        seen: what there is.
    """
    services = {name_of(each): each for each in seen.services}
    wanted_services = [name_of(each) for each in objects if each.get("kind") == "InferenceService"]
    own = {name_of(each) for each in objects if each.get("kind") == "Deployment"}
    held = {scaled(each): count for each in objects if is_scaler(each) and (count := paused_at(each)) is not None}
    least = {scaled(each): int(each["spec"].get("minReplicaCount") or 0) for each in objects if is_scaler(each)} | held
    deployments = [
        each
        for each in seen.deployments
        if name_of(each) in own or labels_of(each).get(SERVICE_LABEL) in wanted_services
    ]
    done = all(service_ready(services.get(name), deployments) for name in wanted_services)
    done = done and own <= {name_of(each) for each in deployments} and all(map(rolled_out, deployments))
    ready = sum(map(updated, deployments))
    wanted = sum(held.get(name_of(each), max(replicas(each), least.get(name_of(each), 0))) for each in deployments)
    done = done and all(
        replicas(each) == count for each in deployments if (count := held.get(name_of(each))) is not None
    )
    if done and all(replicas(each) >= least.get(name_of(each), 0) for each in deployments):
        return Standing("ready", ready, wanted, paused=bool(held))
    found = [*causes(wanted_services, deployments, services, seen), *scaler_causes(least, deployments, seen)]
    return Standing("waiting", ready, wanted, tuple(found), bool(held))


def service_ready(live: Object | None, deployments: Sequence[Object]) -> bool:
    """Return whether an InferenceService is ready, and its Deployments are made of its newest version."""
    if live is None or not any(each["type"] == "Ready" and each["status"] == "True" for each in conditions(live)):
        return False
    made = [each for each in deployments if labels_of(each).get(SERVICE_LABEL) == name_of(live)]
    return all(made_of(each, live) for each in made)


def made_of(deployment: Object, service: Object) -> bool:
    """Return whether a Deployment's pods are those that an InferenceService describes, as far as it describes them."""
    predictor = (service.get("spec") or {}).get("predictor") or {}
    template = deployment["spec"].get("template") or {}
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    wanted = {key: value for key, value in all_annotations(service).items() if key.startswith(OWN_ANNOTATIONS)}
    containers = {each.get("name"): each for each in (template.get("spec") or {}).get("containers") or ()}
    return wanted.items() <= annotations.items() and all(
        describes(each, containers.get(each.get("name"), {})) for each in predictor.get("containers") or ()
    )


def all_annotations(service: Object) -> dict[str, str]:
    """Return the annotations that an InferenceService hands on to its pods."""
    predictor = (service.get("spec") or {}).get("predictor") or {}
    return {**(service["metadata"].get("annotations") or {}), **(predictor.get("annotations") or {})}


def describes(wanted: Object, container: Object) -> bool:
    """Return whether a container is the wanted one: KServe adds to its environment, and to nothing else here."""
    env = {each["name"]: each for each in container.get("env") or ()}
    same = all(wanted.get(key) == container.get(key) for key in ("image", "command", "args") if wanted.get(key))
    return same and all(env.get(each["name"]) == each for each in wanted.get("env") or ())


def rolled_out(deployment: Object) -> bool:
    """Return whether only the newest version runs, and all of it answers: what `kubectl rollout status` waits for."""
    status, wanted = deployment.get("status") or {}, replicas(deployment)
    counts = (status.get("updatedReplicas", 0), status.get("replicas", 0), status.get("availableReplicas", 0))
    return current(deployment) and counts == (wanted, wanted, wanted)


def current(live: Object) -> bool:
    """Return whether an object's controller has seen its newest version."""
    seen = (live.get("status") or {}).get("observedGeneration", 0)
    return bool(seen >= live["metadata"].get("generation", 0))


def replicas(deployment: Object) -> int:
    """Return how many replicas a Deployment should have."""
    wanted = deployment["spec"].get("replicas")
    return 1 if wanted is None else int(wanted)


def updated(deployment: Object) -> int:
    """Return how many replicas of the newest version may answer."""
    status = deployment.get("status") or {}
    available: int = min(status.get("updatedReplicas", 0), status.get("readyReplicas", 0)) if current(deployment) else 0
    return available


def causes(
    names: Sequence[str], deployments: Sequence[Object], services: Mapping[str, Object], seen: Seen
) -> Iterator[Cause]:
    """Yield what stands in the way: pods that do not run, then pods that are not made, then the services' own words."""
    pods = [each for each in seen.pods if belongs(each, names, deployments)]
    found = [cause for pod in pods for cause in pod_causes(pod, seen.events)]
    yield from sorted(found, key=lambda each: not each.hopeless)
    for deployment in deployments:
        for each in conditions(deployment):
            if each["type"] == "ReplicaFailure" and each["status"] == "True":
                yield Cause(f"deployment/{name_of(deployment)}", each.get("reason", ""), line(each.get("message")))
    for name in names:
        if name not in services:
            yield Cause(f"inferenceservice/{name}", "NotFound", "it was deleted meanwhile")
            continue
        for each in conditions(services[name]):
            if each["status"] == "False" and each.get("message") and each.get("severity") != "Info":
                yield Cause(f"inferenceservice/{name}", each.get("reason") or each["type"], line(each["message"]))
        yield from event_causes("InferenceService", name, seen.events)


def scaler_causes(least: Mapping[str, int], deployments: Sequence[Object], seen: Seen) -> Iterator[Cause]:
    """Yield why a Deployment has fewer replicas than its scaler wants at least."""
    few = {name_of(each) for each in deployments if replicas(each) < least.get(name_of(each), 0)}
    for each in seen.scalers:
        if scaled(each) in few:
            about = f"scaledobject/{name_of(each)}"
            known = [it for it in conditions(each) if it["type"] == "Ready"]
            if not known:
                yield Cause(about, "NotTakenUp", "KEDA has not looked at it yet: is its operator running?")
            for it in known:
                if it["status"] != "True":
                    yield Cause(about, it.get("reason") or "NotReady", line(it.get("message")))


def is_scaler(each: Object) -> bool:
    """Return whether an object is one of KEDA's scalers."""
    return each.get("kind") == "ScaledObject"


def paused_at(scaler: Object) -> int | None:
    """Return the replicas at which a scaler is held, or None where it scales."""
    count = (scaler["metadata"].get("annotations") or {}).get(PAUSED)
    return None if count is None else int(count)


def scaled(scaler: Object) -> str:
    """Return the name of what a scaler scales."""
    name: str = scaler["spec"]["scaleTargetRef"]["name"]
    return name


def belongs(pod: Object, names: Sequence[str], deployments: Sequence[Object]) -> bool:
    """Return whether a pod is of some services, or of some Deployments."""
    labels = labels_of(pod)
    if labels.get(SERVICE_LABEL) in names:
        return True
    selectors = [(each["spec"].get("selector") or {}).get("matchLabels") or {} for each in deployments]
    return any(chosen and chosen.items() <= labels.items() for chosen in selectors)


def pod_causes(pod: Object, events: Sequence[Object] = ()) -> Iterator[Cause]:
    """Yield why a pod does not answer; nothing for one that does, or that goes away."""
    status, about = pod.get("status") or {}, f"pod/{name_of(pod)}"
    if pod["metadata"].get("deletionTimestamp") or is_ready(pod) or status.get("phase") == "Succeeded":
        return
    images = {each["name"]: each.get("image", "") for each in pod["spec"].get("containers", ())}
    images |= {each["name"]: each.get("image", "") for each in pod["spec"].get("initContainers") or ()}
    told = False
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        for reason, said in container_troubles(each):
            told = True
            yield Cause(about, reason, said, each["name"], images.get(each["name"], ""))
    for each in conditions(pod):
        if each["type"] == "PodScheduled" and each["status"] == "False":
            told = True
            yield Cause(about, each.get("reason", "Unschedulable"), line(each.get("message")))
    if not told:
        yield from event_causes("Pod", name_of(pod), events)


def container_troubles(status: Object) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a container: one word, and more of them."""
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or last
    if ended and ended.get("exitCode"):
        reason = ended.get("reason", "Error")
        times = f", restarted {status['restartCount']} times" if status.get("restartCount") else ""
        what = f"it ended with exit code {ended['exitCode']}{times}"
        yield (reason if reason == "OOMKilled" else waiting.get("reason") or reason), what
    elif waiting.get("reason") and waiting["reason"] not in STARTING:
        yield waiting["reason"], line(waiting.get("message"))


def event_causes(kind: str, name: str, events: Sequence[Object]) -> Iterator[Cause]:
    """Yield the warnings about an object, the newest first, each once."""
    told: set[str] = set()
    for each in sorted(events, key=event_time, reverse=True):
        about = each.get("involvedObject") or {}
        if each.get("type") == "Warning" and (about.get("kind"), about.get("name")) == (kind, name):
            reason = each.get("reason", "")
            if reason not in told:
                told.add(reason)
                yield Cause(f"{kind.lower()}/{name}", reason, line(each.get("message")))


def event_time(event: Object) -> str:
    """Return when an event was last seen."""
    return event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""


def is_ready(pod: Object) -> bool:
    """Return whether a pod answers."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions(pod))


def conditions(live: Object) -> Sequence[Mapping[str, Any]]:
    """Return the conditions of an object's status."""
    found: Sequence[Mapping[str, Any]] = (live.get("status") or {}).get("conditions") or ()
    return found


def name_of(live: Object) -> str:
    """Return an object's name."""
    name: str = live["metadata"]["name"]
    return name


def labels_of(live: Object) -> Mapping[str, str]:
    """Return an object's labels."""
    found: Mapping[str, str] = live["metadata"].get("labels") or {}
    return found


def line(text: str | None) -> str:
    """Return a text on one line."""
    return " ".join((text or "").split())
