"""The chain of calls as a Ray Serve application: each step a call of one deployment by its handle."""

import os

import ray
from ray import serve
from starlette.requests import Request

STEPS = 8


@serve.deployment(max_ongoing_requests=64)
class Echo:
    async def __call__(self, payload: object) -> object:
        return payload


@serve.deployment(max_ongoing_requests=64)
class Chain:
    def __init__(self, echo: serve.handle.DeploymentHandle) -> None:
        self.echo = echo

    async def __call__(self, request: Request) -> object:
        payload = await request.json()
        for _ in range(int(request.query_params["steps"])):
            payload = await self.echo.remote(payload)
        return payload


if __name__ == "__main__":
    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=200_000_000)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Chain.bind(Echo.bind()), route_prefix="/", blocking=True)
