"""The base class of a user's predictor that generates text. Imports torch only when a model is loaded."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workaday_server import calls
from workaday_server.config import GenerationConfig, ModelConfig
from workaday_server.errors import ClientError, ConfigError, ServerError
from workaday_server.generation import payloads as forms
from workaday_server.generation.engine import Engine, Settings, whole
from workaday_server.generation.payloads import Asked
from workaday_server.generation.requests import Generation, GenerationRequest, Sampling
from workaday_server.generation.stats import Stats
from workaday_server.threads import cores

if TYPE_CHECKING:
    import torch

    from workaday_server.generation.runner import Network

log = logging.getLogger("workaday_server.generation")

DTYPES = ("float32", "bfloat16", "float16")
SAMPLING = ("max_tokens", "temperature", "top_p", "seed", "stop")
OWN = ("device", "dtype", "quantize", "threads")
MAX_TOKENS = 256
PREFILL_TOKENS = {"cpu": 32}
PREFILL_TOKENS_GPU = 512


class TextGenerator:
    """Text in, text out, many requests at once: `class Predictor(TextGenerator): pass` serves a published model.

    `config` may set `device` ("cpu", "cuda"), `dtype` (float32, bfloat16, float16), `quantize` ("int8", on a CPU),
    `threads` (torch's, on a CPU), and what holds where a request does not say: `max_tokens` (256), `temperature` (1),
    `top_p` (1), `seed` and `stop`. A subclass with an `__init__` of its own may have further keys, and calls this one.

    Attributes:
        engine: what generates; there once the model is loaded. A protocol submits to it.
        tokenizer: the model's.
    """

    example: ClassVar[Any] = {"prompt": "Once upon a time", "max_tokens": 16}
    measure_threads: ClassVar[bool] = False

    engine: Engine
    tokenizer: Any

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = dict(config)
        if type(self).__init__ is TextGenerator.__init__:
            for key in self.config:
                if key not in (*OWN, *SAMPLING):
                    raise ConfigError(f"config: unknown key `{key}`; known are {', '.join((*OWN, *SAMPLING))}")
        options = {key: self.config[key] for key in SAMPLING if key in self.config}
        try:
            self.sampling = forms.sampling_of(Sampling(), options)
        except ClientError as error:
            raise ConfigError(f"config: {error}") from None
        for key, known in (("dtype", DTYPES), ("quantize", ("int8",))):
            if self.config.get(key) not in (None, *known):
                raise ConfigError(f"config: `{key}` must be one of {', '.join(known)}")

    def load(self, path: str | None) -> tuple[Any, Any]:
        """Return the network and its tokenizer: here, those of a folder with config.json, safetensors, tokenizer.json.

        Another network is any `nn.Module` as `workaday_server.generation.networks` describes it, and another tokenizer
        a `tokenizers.Tokenizer`, or an object with `encode`, `decode` and `ends`.

        Raises:
            ConfigError: there are no weights, or they are of no known family.
        """
        from workaday_server.generation.formats import read_network
        from workaday_server.generation.tokenizer import read_tokenizer

        if path is None:
            raise ConfigError("a TextGenerator needs `weights`, or a `load` of its own")
        device = self.device()
        return read_network(Path(path), self.dtype(device), device), read_tokenizer(Path(path))

    def chat_prompt(self, messages: list[dict[str, Any]]) -> str | tuple[int, ...]:
        """Return a conversation, `[{"role", "content"}, …]`, as one prompt: here, by the tokenizer's chat template.

        Raises:
            ClientError: the model has no template, or it refuses the conversation.
        """
        chat = getattr(self.tokenizer, "chat", None)
        if chat is None:
            raise ClientError("this model has no chat template; send a prompt")
        prompt: str = chat(messages)
        return prompt

    def predict(self, payload: Any) -> Any:
        """Answer `{"prompt" | "text" | "messages": …, "max_tokens", …, "stream"}` or plain text.

        Returns `{"text", "tokens", "prompt_tokens", "finish"}`, or with `stream` a line of JSON for each piece, the
        last one with the counts and `finish`.
        """
        asked = self.read(payload)
        generation = self._submit([asked.request], stream=asked.stream)[0]
        if isinstance(generation, ServerError):
            raise generation
        return self._pieces(generation) if asked.stream else self._answer(generation, tensors=asked.tensors)

    def read(self, payload: Any) -> Asked:
        """Return what a payload asks for; overridden where a model takes another form.

        Raises:
            ClientError: it is not such a payload.
        """
        return forms.read(payload, self.sampling, self.chat_prompt)

    def written(self, text: str, finish: str | None, tokens: int, prompt_tokens: int) -> dict[str, Any]:
        """Return an answer; overridden where a model gives another form."""
        return {"text": text, "tokens": tokens, "prompt_tokens": prompt_tokens, "finish": finish}

    def predict_batch(self, payloads: Sequence[Any]) -> list[Any]:
        """Answer the instances of one V1 request side by side; a bad one gets its error in its place."""
        asked: list[Asked | ServerError] = []
        for payload in payloads:
            try:
                asked.append(self.read(payload))
            except ServerError as error:
                asked.append(error)
        requests = [each.request for each in asked if isinstance(each, Asked)]
        generations = iter(self._submit(requests, stream=False))
        found = [each if isinstance(each, ServerError) else next(generations) for each in asked]
        return [each if isinstance(each, ServerError) else self._try_answer(each) for each in found]

    def warm_up(self) -> None:
        """Compute two tokens, so that the weights are in memory before the first caller comes."""
        sampling = Sampling(max_tokens=2, temperature=0)
        whole(self.engine.submit(GenerationRequest((0,), sampling)))
        self.engine.stats = Stats(self.engine.stats.cache_budget)

    def close(self) -> None:
        """End the engine."""
        if hasattr(self, "engine"):
            self.engine.close()

    # --- what the server calls ---

    def start_engine(self, loaded: Any, config: ModelConfig) -> None:
        """Make the engine of what `load` returned.

        Raises:
            ConfigError: `load` did not return two things, or the cache is too small.
        """
        from workaday_server.generation.linears import pack, quantize
        from workaday_server.generation.runner import TorchRunner, placed

        if config.batching is not None:
            raise ConfigError("a TextGenerator has no `batching`: requests join and leave between its steps anyway")
        if not isinstance(loaded, tuple) or len(loaded) != 2:
            raise ConfigError("`load` of a TextGenerator must return (model, tokenizer)")
        network, tokenizer = loaded
        device, dtype = placed(network)
        if self.config.get("quantize"):
            if device.type != "cpu":
                raise ConfigError("config: `quantize: int8` is for a CPU")
            quantize(network)
        elif device.type == "cpu":
            pack(network)
        self.tokenizer = _tokenizer(tokenizer)
        given = config.generation or GenerationConfig()
        settings = self._settings(given, config, device)
        tokens = self._cache_tokens(given, settings, network, dtype, device)
        threads = int(self.config.get("threads") or cores())
        runner = TorchRunner(network, tokens, threads)
        self.engine = Engine(runner, self.tokenizer, settings, name=config.name, generator=self)
        said = "model %s: generates on %s in %s, at most %d at once, %d tokens of cache (%.0f MB)"
        size = tokens * runner.token_bytes / 1e6
        log.info(said, config.name, device, self.config.get("quantize") or dtype, settings.max_batch, tokens, size)

    def _settings(self, given: GenerationConfig, config: ModelConfig, device: torch.device) -> Settings:
        return Settings(
            max_batch=given.max_batch or config.limits.concurrency,
            queue=config.limits.queue,
            prefill_tokens=given.prefill_tokens or PREFILL_TOKENS.get(device.type, PREFILL_TOKENS_GPU),
            max_tokens=self.sampling.max_tokens or MAX_TOKENS,
        )

    def _cache_tokens(
        self, given: GenerationConfig, settings: Settings, network: Network, dtype: torch.dtype, device: torch.device
    ) -> int:
        from workaday_server.generation.memory import default_bytes

        each = network.shape.token_bytes(dtype)
        size = given.kv_cache_bytes or default_bytes(network.shape, settings.max_batch, each, device)
        if size // each < 2 * 16:
            raise ConfigError(
                f"generation: a KV cache of {size} bytes holds {size // each} tokens, of {each} bytes each"
            )
        return size // each

    def device(self) -> torch.device:
        """Return where to compute: what `config` says, or the GPU where there is one."""
        import torch

        name = self.config.get("device") or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            return torch.device(name)
        except RuntimeError:
            raise ConfigError(f"config: no device {name!r}") from None

    def dtype(self, device: torch.device) -> torch.dtype:
        """Return in which type to compute: what `config` says, float32 on a CPU, or half of it on a GPU."""
        import torch

        name = self.config.get("dtype")
        if name is None and device.type == "cpu":
            name = "float32"
        if name is None:
            name = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
        found: torch.dtype = getattr(torch, name)
        return found

    # --- requests ---

    def _submit(self, requests: list[GenerationRequest], *, stream: bool) -> list[Generation | ServerError]:
        """Submit for the call that this thread works on: they end when it does."""
        call = calls.current.get()
        due = call.deadline if call else None
        found: list[Generation | ServerError] = []
        for request in requests:
            try:
                found.append(self.engine.submit(request, None if stream else due, due))
            except ServerError as error:
                found.append(error)
        begun = [each for each in found if isinstance(each, Generation)]
        if call is not None:
            call.when_gone(partial(_cancel, begun))
        return found

    def _try_answer(self, generation: Generation) -> Any:
        try:
            return self._answer(generation, tensors=False)
        except ServerError as error:
            return error

    def _answer(self, generation: Generation, *, tensors: bool) -> dict[str, Any]:
        text, last = whole(generation)
        answer = self.written(text, last.finish, generation.completion_tokens, generation.prompt_tokens)
        return forms.as_tensors(answer) if tensors else answer

    def _pieces(self, generation: Generation) -> Iterator[dict[str, Any]]:
        try:
            for piece in generation:
                if piece.finish is not None:
                    done, asked = generation.completion_tokens, generation.prompt_tokens
                    yield self.written(piece.text, piece.finish, done, asked)
                elif piece.text:
                    yield {"text": piece.text}
        finally:
            generation.cancel()


def _cancel(generations: list[Generation]) -> None:
    for each in generations:
        each.cancel()


def _tokenizer(given: Any) -> Any:
    if all(hasattr(given, each) for each in ("encode", "decode", "ends")):
        return given
    from workaday_server.generation.tokenizer import TextTokenizer

    return TextTokenizer(given)


__all__ = ["TextGenerator"]
