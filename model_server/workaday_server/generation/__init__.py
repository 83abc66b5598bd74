"""Text generation with continuous batching: one engine a model, which many requests join and leave between steps.

A predictor is `class Predictor(TextGenerator)`. Whoever serves one, such as a protocol, finds its engine by
`queue.predictor.engine`, of a `workaday_server.worker.ModelQueue`, which is None where the model is no generator:

    generation = await engine.enqueue(GenerationRequest(prompt, Sampling(max_tokens=50)), deadline=perf_counter() + 60)
    try:
        async for piece in generation:
            ...
    finally:
        generation.cancel()

`engine.submit` is the same without `await`, for a thread; both raise Overloaded (429), ClientError (400) and
Unavailable (503). `engine.generator` is the user's `TextGenerator`, whose `chat_prompt(messages)` makes a prompt of a
conversation. Nothing here imports torch until a model is loaded.
"""

from workaday_server.generation.generator import TextGenerator
from workaday_server.generation.payloads import Asked
from workaday_server.generation.requests import Finish, Generation, GenerationRequest, Piece, Sampling

__all__ = ["Asked", "Finish", "Generation", "GenerationRequest", "Piece", "Sampling", "TextGenerator"]
