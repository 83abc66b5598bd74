"""Answers in OpenAI's words: one object, or events that end with `[DONE]`. Knows no network and no model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workaday_server.errors import ServerError
from workaday_server.generation.requests import Generation, Piece
from workaday_server.messages import to_json
from workaday_server.protocols.openai_errors import content

DONE = b"data: [DONE]\n\n"


@dataclass
class Answer:
    """One request's answer.

    Attributes:
        kind: `chat` or `text`, of a completion.
        model: the model's name.
        id: the request's.
        generations: the choices, prompt by prompt.
        choices: how many each prompt has.
        include_usage: a stream's chunks have `usage`, null but in the last.
    """

    kind: str
    model: str
    id: str
    generations: Sequence[Generation]
    choices: int = 1
    include_usage: bool = False
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, pieces: Sequence[Sequence[Piece]]) -> bytes:
        """Return the complete answer; `pieces` holds each choice's."""
        name = {"chat": "chat.completion", "text": "text_completion"}[self.kind]
        choices = [self._choice(index, each) for index, each in enumerate(pieces)]
        return to_json({**self._head(name), "choices": choices, "usage": self.usage()})

    def opening(self) -> bytes:
        """Return what a stream begins with: in a chat, who speaks."""
        if self.kind == "text":
            return b""
        start: dict[str, Any] = {"role": "assistant", "content": ""}
        return b"".join(self._chunk(index, {"delta": start}, None) for index in range(len(self.generations)))

    def event(self, index: int, piece: Piece) -> bytes:
        """Return what says a piece of a choice; nothing where the piece has no text and is not the last."""
        said = {"delta": {"content": piece.text}} if self.kind == "chat" else {"text": piece.text}
        if self.kind == "text":
            return self._chunk(index, said, piece.finish) if piece.text or piece.finish else b""
        text = self._chunk(index, said, None) if piece.text else b""
        return text + (self._chunk(index, {"delta": {}}, piece.finish) if piece.finish else b"")

    def closing(self) -> bytes:
        """Return what a stream that went well ends with."""
        if not self.include_usage:
            return DONE
        return _event({**self._head(self._chunk_name), "choices": [], "usage": self.usage()}) + DONE

    def failure(self, error: ServerError) -> bytes:
        """Return what a stream ends with that failed after it had begun."""
        return _event(content(error)) + DONE

    def usage(self) -> dict[str, int]:
        """Return the counts of tokens; a prompt counts once, however many answers it gets."""
        prompt = sum(each.prompt_tokens for each in self.generations[:: self.choices])
        completion = sum(each.completion_tokens for each in self.generations)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    @property
    def _chunk_name(self) -> str:
        return {"chat": "chat.completion.chunk", "text": "text_completion"}[self.kind]

    def _head(self, name: str) -> dict[str, Any]:
        prefix = {"chat": "chatcmpl", "text": "cmpl"}[self.kind]
        return {"id": f"{prefix}-{self.id}", "object": name, "created": self.created, "model": self.model}

    def _choice(self, index: int, pieces: Sequence[Piece]) -> dict[str, Any]:
        said: Any = "".join(piece.text for piece in pieces)
        if self.kind == "chat":
            said = {"role": "assistant", "content": said, "refusal": None}
        key = {"chat": "message", "text": "text"}[self.kind]
        finish = pieces[-1].finish if pieces else None
        return {"index": index, key: said, "logprobs": None, "finish_reason": finish or "stop"}

    def _chunk(self, index: int, said: dict[str, Any], finish: str | None) -> bytes:
        choice = {"index": index, **said, "logprobs": None, "finish_reason": finish}
        chunk = {**self._head(self._chunk_name), "choices": [choice]}
        return _event({**chunk, "usage": None} if self.include_usage else chunk)


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + to_json(value) + b"\n\n"
