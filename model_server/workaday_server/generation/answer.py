"""Tokens become text as they come: whole characters only, and nothing that may turn out to be a stop text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from workaday_server.generation.requests import Finish, Piece, Sampling

HALF = "\ufffd"  # what a decoder makes of bytes that are no character, or not yet
LONGEST_WINDOW = 32  # tokens that are decoded again at each step, where no character ends


class Detokenizer:
    """Decodes token by token; the text in pieces is the text of all tokens together.

    What a token says may depend on the one before it, such as whether a space belongs in front. So the last few are
    decoded again with each new one. Of bytes that end in the middle of a character the decoder makes one `HALF` at the
    end, which is held back until what follows completes it, or shows that it is none.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._window: list[int] = []
        self._known = 0  # of the window, how many tokens are there only for the others' sake
        self._given = 0  # of the window's text, how many characters were given

    def push(self, token: int) -> str:
        """Return what the token adds."""
        self._window.append(token)
        text = self._decode(self._window)
        complete = not text.endswith(HALF)
        new = text[self._given :] if complete else text[self._given : -1]
        self._given += len(new)
        if (complete and new) or len(self._window) > LONGEST_WINDOW:
            self._window = self._window[self._known :]
            self._known = len(self._window)
            new += "" if complete else self._rest(text)
            self._given = len(self._decode(self._window))
        return new

    def flush(self) -> str:
        """Return what was held back, at the end."""
        return self._rest(self._decode(self._window)) if self._window else ""

    def _rest(self, text: str) -> str:
        rest = text[self._given :]
        self._given = len(text)
        return rest


class StopTexts:
    """Finds the first of several texts in a text that comes in pieces, and holds back what may be its beginning."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""

    def push(self, text: str) -> tuple[str, bool]:
        """Return what is certainly before any stop text, and whether there is one."""
        if not self._stops:
            return text, False
        text = self._held + text
        found = [index for index in (text.find(stop) for stop in self._stops) if index >= 0]
        if found:
            self._held = ""
            return text[: min(found)], True
        keep = max(_overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False

    def flush(self) -> str:
        """Return what was held back, at the end."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of the text that begins the stop text."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-length:]):
            return length
    return 0


class Answer:
    """One answer in the making: a token in, a piece out.

    Args:
        decode: tokens to text.
        ends: the tokens that end an answer; they are no part of it.
        sampling: its stop texts.
        limit: how many tokens the answer may have.
    """

    def __init__(
        self, decode: Callable[[Sequence[int]], str], ends: Collection[int], sampling: Sampling, limit: int
    ) -> None:
        self._text = Detokenizer(decode)
        self._stops = StopTexts(sampling.stop)
        self._ends = ends
        self._limit = limit
        self._tokens = 0

    def take(self, token: int) -> Piece:
        """Return what the token adds; with `finish` where the answer ends."""
        if token in self._ends:
            return self._last("", 0)
        self._tokens += 1
        text, stopped = self._stops.push(self._text.push(token))
        if stopped:
            return Piece(text, 1, "stop")
        if self._tokens >= self._limit:
            return self._last(text, 1, "length")
        return Piece(text, 1, None)

    def _last(self, text: str, tokens: int, finish: Finish = "stop") -> Piece:
        more, stopped = self._stops.push(self._text.flush())
        if stopped:
            return Piece(text + more, tokens, "stop")
        return Piece(text + more + self._stops.flush(), tokens, finish)
