"""SmolLM2's chat template (ChatML) as token ids."""

from collections.abc import Sequence
from typing import NamedTuple

from tokenizers import Tokenizer

SYSTEM_PROMPT = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
ROLES = ("system", "user", "assistant")


class Message(NamedTuple):
    """One turn of a conversation; `role` is one of `ROLES`."""

    role: str
    content: str


class ChatTemplate:
    """Turns conversations into ids.

    Special tokens are placed by id and the tokenizer is told to find none in a text, so that no message can end its own
    turn and begin another's.

    Attributes:
        stop: the ids that end an answer.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.tokenizer.encode_special_tokens = True
        self.start, self.end = self._id("<|im_start|>"), self._id("<|im_end|>")
        self.stop = frozenset((self.end, self._id("<|endoftext|>")))

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The ids of a conversation and of the opening of the assistant's next turn.

        A conversation that does not begin with a system message gets SmolLM2's own, as in the original template.
        """
        if messages[0].role != "system":
            messages = [Message("system", SYSTEM_PROMPT), *messages]
        newline = self.tokenizer.encode("\n").ids
        ids: list[int] = []
        for role, content in messages:
            ids += [self.start, *self.tokenizer.encode(f"{role}\n{content}").ids, self.end, *newline]
        return [*ids, self.start, *self.tokenizer.encode("assistant\n").ids]

    def _id(self, token: str) -> int:
        found = self.tokenizer.token_to_id(token)
        if found is None:
            raise ValueError(f"the tokenizer has no token {token}")
        return found
