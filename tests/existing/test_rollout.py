"""Whether a release is ready, and why not, from objects as a cluster has them."""

from __future__ import annotations

import pytest

from workaday.execute.rollout import Cause, Seen, Standing, standing

SERVICE = {"kind": "InferenceService", "metadata": {"name": "story"}}
LABELS = {"serving.kserve.io/inferenceservice": "story"}


def live(*, ready: bool = True, **condition: str) -> dict:
    conditions = [{"type": "Ready", "status": "True" if ready else "False", **condition}]
    return {"metadata": {"name": "story"}, "status": {"conditions": conditions}}


def deployment(wanted: int = 2, **status: int) -> dict:
    full = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    return {
        "metadata": {"name": "story-predictor", "generation": 1, "labels": LABELS},
        "spec": {"replicas": wanted},
        "status": full | status,
    }


def pod(**status: object) -> dict:
    containers = [{"name": "kserve-container", "image": "i:1"}]
    spec = {"containers": containers, "initContainers": [{"name": "storage-initializer", "image": "s:1"}]}
    return {"metadata": {"name": "story-0", "labels": LABELS}, "spec": spec, "status": status}


def judged(*deployments: dict, service: dict | None = None, **more: list) -> Standing:
    seen = Seen(services=[service or live()], deployments=deployments, **more)
    return standing([SERVICE], seen)


def test_ready_and_rolled_out_is_ready() -> None:
    assert judged(deployment()) == Standing("ready", 2, 2)


def test_ready_alone_is_not_enough_while_a_new_version_does_not_start_beside_the_old_one() -> None:
    found = judged(deployment(replicas=3, updatedReplicas=1, readyReplicas=2))
    assert (found.state, found.ready, found.wanted) == ("waiting", 1, 2)


def test_a_status_of_the_version_before_does_not_count() -> None:
    assert judged(deployment(observedGeneration=0)).state == "waiting"


@pytest.mark.parametrize(
    ("wanted", "there", "state"),
    [
        ({}, {}, "ready"),
        ({"env": [{"name": "A", "value": "1"}]}, {}, "ready"),
        ({"image": "i:2"}, {}, "waiting"),
        ({"args": ["--fast"]}, {}, "waiting"),
        ({"env": [{"name": "A", "value": "2"}]}, {}, "waiting"),
        ({}, {"workaday.dev/config": "old"}, "waiting"),
    ],
)
def test_deployments_that_are_still_made_of_the_version_before_do_not_count(
    wanted: dict, there: dict, state: str
) -> None:
    service, made = live(), deployment()
    service["metadata"]["annotations"] = {"other.dev/x": "1"}
    container = {"name": "kserve-container", "image": "i:1"}
    service["spec"] = {"predictor": {"annotations": {"workaday.dev/config": "new"}, "containers": [container | wanted]}}
    env = [{"name": "INFERENCE_SERVICE_NAME", "value": "story"}, {"name": "A", "value": "1"}]
    annotations = {"workaday.dev/config": "new"} | there
    made["spec"]["template"] = {
        "metadata": {"annotations": annotations},
        "spec": {"containers": [container | {"env": env}]},
    }
    assert judged(made, service=service).state == state


def test_scaled_to_zero_is_ready() -> None:
    none = deployment(0, replicas=0, updatedReplicas=0, readyReplicas=0, availableReplicas=0)
    assert judged(none) == Standing("ready", 0, 0)


def test_a_deployment_of_the_release_itself_must_be_there() -> None:
    own = {"kind": "Deployment", "metadata": {"name": "headroom"}}
    assert standing([own], Seen()).state == "waiting"
    there = deployment()
    there["metadata"] = {"name": "headroom", "generation": 1}
    assert standing([own], Seen(deployments=[there])).state == "ready"


def causes(*pods: dict, **more: list) -> tuple[Cause, ...]:
    return judged(deployment(updatedReplicas=0), service=live(ready=False), pods=list(pods), **more).causes


def test_what_does_not_mend_itself_comes_first() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off\npulling"}
    bad = pod(containerStatuses=[{"name": "kserve-container", "state": {"waiting": waiting}}])
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    first, second = causes(pod(conditions=[unschedulable]), bad)
    assert first == Cause("pod/story-0", "ImagePullBackOff", "Back-off pulling", "kserve-container", "i:1")
    assert first.hopeless
    assert second == Cause("pod/story-0", "Unschedulable", "0/3 nodes")
    assert not second.hopeless, "a node may come"


def test_a_container_that_starts_is_no_trouble() -> None:
    starts = {"name": "kserve-container", "state": {"waiting": {"reason": "ContainerCreating"}}}
    assert causes(pod(containerStatuses=[starts])) == ()


def test_out_of_memory_is_called_by_its_name() -> None:
    ended = {"exitCode": 137, "reason": "OOMKilled"}
    status = {
        "name": "kserve-container",
        "restartCount": 2,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": ended},
    }
    (cause,) = causes(pod(containerStatuses=[status]))
    assert (cause.reason, cause.said) == ("OOMKilled", "it ended with exit code 137, restarted 2 times")


def test_a_download_that_fails_is_the_init_containers() -> None:
    failed = {"name": "storage-initializer", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}
    (cause,) = causes(pod(initContainerStatuses=[failed]))
    assert (cause.container, cause.reason) == ("storage-initializer", "Error")


def test_a_pod_that_goes_away_or_answers_is_no_trouble() -> None:
    waiting = {"name": "kserve-container", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    going = pod(containerStatuses=[waiting])
    going["metadata"]["deletionTimestamp"] = "2026-11-24T13:00:00Z"
    assert causes(going, pod(conditions=[{"type": "Ready", "status": "True"}])) == ()


def test_pods_that_are_not_made_are_explained_by_their_deployment() -> None:
    there = deployment(updatedReplicas=0)
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    there["status"]["conditions"] = [failure]
    found = judged(there, service=live(ready=False)).causes
    assert found == (Cause("deployment/story-predictor", "FailedCreate", "exceeded quota"),)
    assert found[0].hopeless


def test_without_pods_the_services_own_words_and_events_are_told() -> None:
    event = {
        "type": "Warning",
        "reason": "InternalError",
        "message": "hostname too long",
        "metadata": {},
        "involvedObject": {"kind": "InferenceService", "name": "story"},
    }
    service = live(ready=False, reason="PredictorFailed", message="no Deployment")
    found = judged(service=service, events=[event, {**event, "message": "again", "lastTimestamp": "0"}]).causes
    assert [str(each) for each in found] == [
        "inferenceservice/story: PredictorFailed: no Deployment",
        "inferenceservice/story: InternalError: again",
    ]


def test_a_service_that_was_deleted_meanwhile_is_not_waited_for_silently() -> None:
    found = standing([SERVICE], Seen())
    assert found.state == "waiting"
    assert str(found.causes[0]) == "inferenceservice/story: NotFound: it was deleted meanwhile"


def test_fewer_replicas_than_the_scaler_wants_at_least_are_not_enough() -> None:
    target = {"scaleTargetRef": {"name": "story-predictor"}, "minReplicaCount": 3}
    scaler = {"kind": "ScaledObject", "metadata": {"name": "story"}, "spec": target}
    there = Seen(services=[live()], deployments=[deployment()], scalers=[scaler])
    found = standing([SERVICE, scaler], there)
    assert (found.state, found.ready, found.wanted) == ("waiting", 2, 3)
    assert [each.reason for each in found.causes] == ["NotTakenUp"]
    status = {"conditions": [{"type": "Ready", "status": "False", "reason": "Failed", "message": "no such\nmetric"}]}
    refused = Seen(services=[live()], deployments=[deployment()], scalers=[{**scaler, "status": status}])
    assert str(standing([SERVICE, scaler], refused).causes[0]) == "scaledobject/story: Failed: no such metric"
