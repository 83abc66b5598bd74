"""The servers that models can have: images, addresses and what they say of their load. Pure data, one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HTTP, GRPC = 8080, 8081
# Names are those that each server gives its metrics; `{of}` selects a model's pods, `{window}` is `scale.window`.
# Every query is a total over all replicas: KEDA divides it by the target of one. Where the unit is a time, the share of
# the target that the slowest twentieth takes, times the replicas, is such a total, of which one replica carries 1.
_TIME = (
    "histogram_quantile(0.95, sum by (le) (rate({name}_bucket{{{of}}}[{window}]))) / {target} * count({alive}{{{of}}})"
)
_VLLM = {
    "in_flight": "sum(avg_over_time(vllm:num_requests_running{{{of}}}[{window}]))"
    " + sum(avg_over_time(vllm:num_requests_waiting{{{of}}}[{window}]))",
    "queue": "sum(avg_over_time(vllm:num_requests_waiting{{{of}}}[{window}]))",
    "tokens": "sum(rate(vllm:generation_tokens_total{{{of}}}[{window}]))",
}
CPU = "cpu"
UNIT_TARGET = 1.0  # of a query that has the target in it


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a server's metrics say of how its requests ended: selectors, `{of}` of a model's pods.

    Attributes:
        requests: counters of all that were answered.
        failed: those of them that were not answered as they should be, for reasons of the server's; None unknown.
        seconds: the buckets of a histogram of how long they took; None unknown.
    """

    requests: str
    failed: str | None = None
    seconds: str | None = None


@dataclass(frozen=True, slots=True)
class Runtime:
    """One kind of server.

    Attributes:
        image, gpu_image: what runs it; torch models have images of their own.
        command: instead of the image's entry point.
        args: its arguments; `{name}` and `{weights}` are the model's.
        ready, live: paths that answer 200; None asks whether the port takes connections. `{name}` is the model's.
        metrics: port and path of its metrics, or None.
        signals: what it can be scaled on beside CPU, as queries.
        default: the metric where none is written.
        drains: goes on answering a while after it is told to stop.
        needs_weights: serves nothing without.
        outcomes: what a canary is judged by; None where it says nothing of its requests.
    """

    image: str = ""
    gpu_image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    port: int = HTTP
    protocol: str | None = None
    ready: str | None = None
    live: str | None = None
    metrics: tuple[int, str] | None = None
    signals: Mapping[str, str] | None = None
    default: str = CPU
    drains: bool = False
    needs_weights: bool = False
    outcomes: Outcomes | None = None


RUNTIMES: Mapping[str, Runtime] = {
    "torch": Runtime(
        command=("python", "-m", "workaday_server"),
        protocol="v2",
        ready="/v2/health/ready",
        live="/v2/health/live",
        metrics=(HTTP, "/metrics"),
        signals={
            "in_flight": "sum(avg_over_time(workaday_in_flight{{{of}}}[{window}]))",
            "queue": "sum(avg_over_time(workaday_queue_length{{{of}}}[{window}]))",
            "latency": _TIME.replace("{name}", "workaday_request_seconds").replace("{alive}", "workaday_in_flight"),
        },
        default="in_flight",
        drains=True,
        outcomes=Outcomes(
            "workaday_requests_total{{{of}}}",
            'workaday_requests_total{{{of},code=~"429|5.."}}',
            "workaday_request_seconds_bucket{{{of}}}",
        ),
    ),
    "vllm": Runtime(
        image="vllm/vllm-openai-cpu:v0.24.0",
        gpu_image="vllm/vllm-openai:v0.24.0",
        command=("python3", "-m", "vllm.entrypoints.openai.api_server"),
        args=("--model={weights}", "--served-model-name={name}", "--port=8080"),
        ready="/health",
        live="/health",
        metrics=(HTTP, "/metrics"),
        signals=_VLLM
        | {
            "latency": _TIME.replace("{name}", "vllm:e2e_request_latency_seconds").replace(
                "{alive}", "vllm:num_requests_running"
            )
        },
        default="in_flight",
        needs_weights=True,
        outcomes=Outcomes(
            'http_requests_total{{{of},handler=~"/v1/.*"}}',
            'http_requests_total{{{of},handler=~"/v1/.*",status="5xx"}}',
            "vllm:e2e_request_latency_seconds_bucket{{{of}}}",
        ),
    ),
    "huggingface": Runtime(
        image="kserve/huggingfaceserver:v0.20.0",
        gpu_image="kserve/huggingfaceserver:v0.20.0-gpu",
        args=("--model_name={name}", "--model_dir={weights}", "--http_port=8080"),
        protocol="v2",
        ready="/v2/models/{name}/ready",
        live="/v2/health/live",
        metrics=(HTTP, "/metrics"),
        # kept to what it says whichever library runs the model
        signals={
            "latency": _TIME.replace("{name}", "request_predict_seconds").replace(
                "{alive}", "process_start_time_seconds"
            )
        },
        default=CPU,
        needs_weights=True,
        outcomes=Outcomes("request_predict_seconds_count{{{of}}}", seconds="request_predict_seconds_bucket{{{of}}}"),
    ),
    "triton": Runtime(
        image="nvcr.io/nvidia/tritonserver:23.05-py3",
        gpu_image="nvcr.io/nvidia/tritonserver:23.05-py3",
        command=("tritonserver",),
        args=("--model-repository={weights}", "--http-port=8080", "--grpc-port=8081", "--metrics-port=8002"),
        protocol="v2",
        ready="/v2/health/ready",
        live="/v2/health/live",
        metrics=(8002, "/metrics"),
        signals={"queue": "sum(avg_over_time(nv_inference_pending_request_count{{{of}}}[{window}]))"},
        default="queue",
        needs_weights=True,
        outcomes=Outcomes(
            '{{__name__=~"nv_inference_request_(success|failure)",{of}}}', "nv_inference_request_failure{{{of}}}"
        ),
    ),
    "tensorflow": Runtime(
        image="tensorflow/serving:2.19.1",
        gpu_image="tensorflow/serving:2.19.1-gpu",
        command=("/usr/bin/tensorflow_model_server",),
        args=("--model_name={name}", "--model_base_path={weights}", "--rest_api_port=8080", "--port=8081"),
        protocol="v1",
        ready="/v1/models/{name}",
        needs_weights=True,
    ),
    "torchserve": Runtime(
        image="pytorch/torchserve-kfs:0.9.0",
        gpu_image="pytorch/torchserve-kfs:0.9.0-gpu",
        command=("torchserve",),
        args=(
            "--start",
            "--foreground",
            "--model-store={weights}/model-store",
            "--ts-config={weights}/config/config.properties",
        ),
        protocol="v1",
        port=8085,
        ready="/ping",
        live="/ping",
        needs_weights=True,
    ),
    "container": Runtime(),
}


def signals(kind: str) -> tuple[str, ...]:
    """Return what a kind of server can be scaled on; CPU is there for all."""
    return (*(RUNTIMES[kind].signals or {}), CPU)
