"""The chain of calls as a BentoML service that depends on another: each step a call of it."""

import bentoml


@bentoml.service(traffic={"concurrency": 64})
class Echo:
    @bentoml.api
    def echo(self, payload: dict) -> dict:
        return payload


@bentoml.service(traffic={"concurrency": 64})
class Chain:
    inner = bentoml.depends(Echo)

    @bentoml.api
    async def chain(self, payload: dict, steps: int) -> dict:
        for _ in range(steps):
            payload = await self.inner.to_async.echo(payload=payload)
        return payload
