"""SmolLM2's chat template (ChatML) as token ids.

Special tokens are placed here by id and never parsed out of a message, so that no message can end its own turn.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tokenizers import Tokenizer

SYSTEM_PROMPT = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
ROLES = ("system", "user", "assistant")

START, END, END_OF_TEXT = "<|im_start|>", "<|im_end|>", "<|endoftext|>"


class Message(NamedTuple):
    """One turn of a conversation; `role` is one of `ROLES`."""

    role: str
    content: str


def encode(tokenizer: Tokenizer, messages: Sequence[Message]) -> list[int]:
    """The ids of a conversation and of the opening of the assistant's next turn.

    A conversation that does not begin with a system message gets SmolLM2's own, as in the original template.
    """
    if messages[0].role != "system":
        messages = [Message("system", SYSTEM_PROMPT), *messages]
    start, end = tokenizer.token_to_id(START), tokenizer.token_to_id(END)
    newline = tokenizer.encode("\n").ids
    ids: list[int] = []
    for role, content in messages:
        ids += [start, *tokenizer.encode(f"{role}\n{content}").ids, end, *newline]
    return [*ids, start, *tokenizer.encode("assistant\n").ids]


def stop_tokens(tokenizer: Tokenizer) -> frozenset[int]:
    """The ids that end an answer."""
    return frozenset((tokenizer.token_to_id(END), tokenizer.token_to_id(END_OF_TEXT)))
