"""Text in pieces: whole characters, nothing of a stop text, and together exactly the text of the tokens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from workaday_server.generation.answer import LONGEST_WINDOW, Answer, Detokenizer, StopTexts
from workaday_server.generation.requests import Sampling

HALF = "\ufffd"


def from_bytes(tokens) -> str:
    return bytes(tokens).decode("utf-8", "replace")


@pytest.fixture(scope="module")
def words():
    """Return a decoder that writes a space between words, but not in front: what a token says depends on the others."""
    vocabulary = {"▁a": 0, "▁b": 1, "c": 2, "▁": 3, "<0xC3>": 4, "<0xA9>": 5, "<unk>": 6}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1, right=0),
        ]
    )
    return lambda tokens: tokenizer.decode(list(tokens))


@given(st.text(max_size=40))
def test_a_text_comes_whole_and_no_piece_has_half_a_character(text: str) -> None:
    detokenizer = Detokenizer(from_bytes)
    pieces = [detokenizer.push(each) for each in text.encode()]
    assert "".join(pieces) + detokenizer.flush() == text
    if HALF not in text:
        assert not any(HALF in piece for piece in pieces)


@given(st.lists(st.integers(0, 255), max_size=LONGEST_WINDOW))
def test_bytes_that_are_no_text_become_what_the_decoder_makes_of_them(tokens: list[int]) -> None:
    detokenizer = Detokenizer(from_bytes)
    pieces = [detokenizer.push(each) for each in tokens]
    assert "".join(pieces) + detokenizer.flush() == from_bytes(tokens)


def test_a_long_run_of_rubbish_is_neither_kept_nor_decoded_again_and_again() -> None:
    seen = []

    def decode(tokens) -> str:
        seen.append(len(tokens))
        return from_bytes(tokens)

    detokenizer = Detokenizer(decode)
    text = "".join(detokenizer.push(0xFF) for _ in range(500)) + detokenizer.flush()
    assert set(text) == {HALF}
    assert max(seen) <= 2 * LONGEST_WINDOW


@given(tokens=st.lists(st.integers(0, 3), max_size=30))
def test_tokens_whose_text_depends_on_those_before(words, tokens: list[int]) -> None:
    detokenizer = Detokenizer(words)
    assert "".join(detokenizer.push(each) for each in tokens) + detokenizer.flush() == words(tokens)


def test_a_character_in_two_byte_tokens_comes_once(words) -> None:
    detokenizer = Detokenizer(words)
    assert [detokenizer.push(each) for each in (0, 4, 5, 1)] == ["a", "", "é", " b"]


@settings(max_examples=200)
@given(
    st.lists(st.text("ab", max_size=4), max_size=12),
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
)
def test_an_answer_ends_at_the_first_stop_text_wherever_tokens_break(pieces: list[str], stops: list[str]) -> None:
    found = StopTexts(tuple(stops))
    given_, stopped = "", False
    for piece in pieces:
        new, stopped = found.push(piece)
        given_ += new
        if stopped:
            break
    if not stopped:
        given_ += found.flush()
    # What one reads character by character: the first place where any stop text is complete.
    text = "".join(pieces)
    ends = [at for at in range(len(text) + 1) if any(text[:at].endswith(stop) for stop in stops)]
    assert stopped == bool(ends)
    if not ends:
        assert given_ == text
    else:
        assert not any(stop in given_ for stop in stops)
        assert text.startswith(given_)
        assert any(text[len(given_) :].startswith(stop) for stop in stops)


def answer(text: str, limit: int = 100, **sampling) -> tuple[str, int, str | None]:
    made = Answer(from_bytes, {0}, Sampling(**sampling), limit)
    pieces = []
    for token in text.encode():
        pieces.append(made.take(token))
        if pieces[-1].finish:
            break
    return "".join(each.text for each in pieces), sum(each.tokens for each in pieces), pieces[-1].finish


def test_how_answers_end() -> None:
    assert answer("abc\0def") == ("abc", 3, "stop")
    assert answer("abcdef", limit=4) == ("abcd", 4, "length")
    assert answer("abcdef", stop=("de",)) == ("abc", 5, "stop")
    assert answer("abcd\0", stop=("dx",)) == ("abcd", 4, "stop")  # what looked like a stop text was none
    assert answer("caf\u00e9", limit=4) == ("caf" + HALF, 4, "length")  # the limit is in the middle of a character
