"""Text to tokens and back by a `tokenizer.json`, and conversations to text by the model's own chat template."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from workaday_server.errors import ClientError, ConfigError

FILE, SETTINGS, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
KNOWN_ENDS = ("</s>", "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<eos>")


class TextTokenizer:
    """A `tokenizers.Tokenizer` and what belongs to it.

    Args:
        tokenizer: what splits and joins.
        ends: the tokens that end an answer; None for those among its tokens that are known to.
        template: the chat template in Jinja's language, or None.
        begin: the text of the token that begins a prompt, or "".
        end: the text of the token that ends one, or "".
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        ends: Collection[int] | None = None,
        template: str | None = None,
        begin: str = "",
        end: str = "",
    ) -> None:
        self.tokenizer = tokenizer
        found = (tokenizer.token_to_id(each) for each in KNOWN_ENDS)
        self.ends = frozenset(each for each in found if each is not None) if ends is None else frozenset(ends)
        self.size = tokenizer.get_vocab_size(with_added_tokens=True)
        self._begin = begin
        self._names = {"bos_token": begin, "eos_token": end}
        self._special = [each.content for each in tokenizer.get_added_tokens_decoder().values() if each.special]
        self._template = _compiled(template) if template else None

    def encode(self, text: str) -> list[int]:
        """Return a prompt's tokens; the beginning token is added where the text has none."""
        begun = bool(self._begin) and text.startswith(self._begin)
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=not begun).ids
        return ids

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens, without special ones; bytes that are no UTF-8 become U+FFFD."""
        text: str = self.tokenizer.decode(list(tokens))
        return text

    def chat(self, messages: Sequence[dict[str, Any]]) -> str:
        """Return a conversation as one prompt, up to where the answer begins.

        Special tokens are taken out of the messages' texts, so that none can end its turn and begin another's.

        Raises:
            ClientError: the template refuses the conversation, or there is no template.
        """
        if self._template is None:
            raise ClientError("this model has no chat template; send a prompt")
        given = [{**each, "content": self._plain(each.get("content"))} for each in messages]
        try:
            text: str = self._template.render(messages=given, add_generation_prompt=True, **self._names)
        except Exception as error:
            raise ClientError(f"the model's chat template refuses the messages: {error}") from None
        return text

    def _plain(self, content: object) -> object:
        if isinstance(content, str):
            before = None
            while content != before:  # what is left may be one again
                before = content
                for special in self._special:
                    content = content.replace(special, "")
        return content


def _compiled(template: str) -> Any:
    import jinja2
    import jinja2.sandbox

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    try:
        return environment.from_string(template)
    except jinja2.TemplateError as error:
        raise ConfigError(f"the chat template is wrong: {error}") from None


def read_tokenizer(folder: Path) -> TextTokenizer:
    """Return the tokenizer of a folder with `tokenizer.json` and, if there, its settings and chat template.

    Raises:
        ConfigError: there is none, or one of the files is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        raise ConfigError(f"no {FILE} beside the weights")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise ConfigError(f"{FILE} is damaged: {error}") from None
    settings = read_json(folder / SETTINGS)
    template = settings.get("chat_template")
    if isinstance(template, list):
        template = next((each["template"] for each in template if each.get("name") == "default"), None)
    if (beside := folder / TEMPLATE).is_file():
        template = beside.read_text(encoding="utf-8")
    begin, end = (_text_of(settings.get(each)) for each in ("bos_token", "eos_token"))
    return TextTokenizer(tokenizer, _ends(folder, tokenizer, end), template, begin, end)


def _ends(folder: Path, tokenizer: Tokenizer, end: str) -> Collection[int] | None:
    found: set[int] = set()
    for file in ("config.json", "generation_config.json"):
        value = read_json(folder / file).get("eos_token_id")
        found.update(value if isinstance(value, list) else [value] if isinstance(value, int) else [])
    if end and (token := tokenizer.token_to_id(end)) is not None:
        found.add(token)
    return found or None


def _text_of(token: object) -> str:
    """Return a token's text, which may be written with its properties."""
    value = token.get("content") if isinstance(token, dict) else token
    return value if isinstance(value, str) else ""


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's mapping; an empty one where there is no file.

    Raises:
        ConfigError: it is damaged.
    """
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"{path.name} is damaged: not a mapping in JSON")
    return found
