"""The static parts that a tree is made of: Workaday's templates and modules, those of overlays in their place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property
from typing import TYPE_CHECKING

from workaday.project.diagnostics import Diagnostic, ProjectError, Span
from workaday.project.overlays import EXTRA, TEMPLATES, File, Overlays
from workaday.project.spelling import closest
from workaday.resources import bundle, bundled

if TYPE_CHECKING:
    from jinja2 import Environment


class Stock:
    """What a render draws from; nothing is read from a user's folder, overlays were read with the project."""

    def __init__(self, overlays: Overlays) -> None:
        """Put the files of `overlays` in the place of the product's."""
        self._own = overlays.files
        self._drawn: set[str] = set()

    def templates(self, folder: str) -> dict[str, bytes]:
        """Return the files of a folder of `templates/` by their names, overlays' in place of the product's.

        Raises LookupError: the product has no such folder.
        """
        prefix = f"{TEMPLATES}/{folder}/"
        paths = _there(prefix)
        self._drawn.update(paths)
        return {path.removeprefix(prefix): self._read(path) for path in paths}

    def module(self, name: str) -> dict[str, bytes]:
        """Return a Terraform module's files, without its tests: an overlay's module as a whole, or the product's.

        Raises LookupError: the product has no such module.
        """
        return self._whole(f"infra/{name}/")

    def chart(self, name: str) -> dict[str, bytes]:
        """Return a Helm chart's files: an overlay's chart as a whole, or the product's.

        Raises LookupError: the product has no such chart.
        """
        return self._whole(f"charts/{name}/")

    def _whole(self, prefix: str) -> dict[str, bytes]:
        own = {path.removeprefix(prefix): file.content for path, file in self._own.items() if path.startswith(prefix)}
        if own:
            return own
        paths = [path for path in _there(prefix) if not _left_out(path.removeprefix(prefix))]
        self._drawn.update(paths)
        return {path.removeprefix(prefix): self._read(path) for path in paths}

    @property
    def has_own(self) -> bool:
        """Whether overlays put anything in the product's place."""
        return bool(self._own)

    def extras(self) -> dict[str, File]:
        """Return the overlays' additional files, by path below `templates/extra/`."""
        return {path.removeprefix(EXTRA): file for path, file in self._own.items() if path.startswith(EXTRA)}

    def products(self) -> dict[str, bytes]:
        """Return the product's own files that were drawn so far, by path: what a project can take over."""
        return {path: self._read(path) for path in sorted(self._drawn) if path not in self._own}

    def fill(self, template: str, **values: object) -> bytes:
        """Render one template of `templates/` to UTF-8.

        Raises ProjectError (P312): a template of an overlay has a mistake, at its line.
        """
        self._drawn.add(f"{TEMPLATES}/{template}")
        try:
            return self._environment.get_template(template).render(**values).encode()
        except Exception as error:
            mistake = self._mistake(error, list(values))
            if mistake is None:
                raise
            raise mistake from None

    def _read(self, path: str) -> bytes:
        own = self._own.get(path)
        return own.content if own else (bundle() / path).read_bytes()

    @cached_property
    def _environment(self) -> Environment:
        return environment(self) if self.has_own else own_environment()

    def load(self, template: str) -> tuple[str, str, None] | None:
        """Return a template's text and name as Jinja asks for it, or None."""
        path = f"{TEMPLATES}/{template}"
        own = self._own.get(path)
        if own is None and not (bundle() / path).is_file():
            return None
        return self._read(path).decode("utf-8"), own.name if own else path, None

    def _mistake(self, error: Exception, known: list[str]) -> ProjectError | None:
        """Return an error of a user's template with its place; None where it is no user's: a bug of ours."""
        files = {file.name: file for file in self._own.values()}
        places = [(name, line) for name, line in _places(error) if name in files]
        if not places:
            return None
        name, number = places[-1]
        file = files[name]
        message, word = _said(error)
        guess = closest(word, known) if word else ""
        label = f"did you mean `{guess}`?" if guess and guess != word else ""
        text = file.line(name, number) or ""
        column = text.find(word) if word and word in text else len(text) - len(text.lstrip())
        end = column + len(word) if word and word in text else len(text.rstrip())
        span = Span(name, number, column + 1, max(end, column) + 1)
        hint = (f"it can use {', '.join(f'`{each}`' for each in sorted(known))}",) if word else ()
        return ProjectError([Diagnostic("P312", message, span=span, label=label, hints=hint)], file)


@cache
def own_environment() -> Environment:
    """Return the environment of the product's own templates, once."""
    return environment(Stock(Overlays()))


def environment(stock: Stock) -> Environment:
    """Return a Jinja environment: a missing variable is an error, nothing is escaped, nothing is left to chance.

    An overlay's templates are run by whoever validates a change of them: they reach values, not Python behind these.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    made = (SandboxedEnvironment if stock.has_own else Environment)(
        loader=FunctionLoader(stock.load),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,
    )
    del made.filters["random"], made.globals["lipsum"]
    return made


def _places(error: Exception) -> Iterator[tuple[str, int]]:
    """Yield the names and lines of the templates that an error came through, the innermost last."""
    from jinja2 import TemplateSyntaxError

    trace = error.__traceback__
    while trace:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, TemplateSyntaxError):
        yield error.filename or "", error.lineno


def _said(error: Exception) -> tuple[str, str]:
    """Return what is wrong in our own voice, and the word that is unknown, if it is one."""
    from jinja2 import TemplateNotFound, UndefinedError

    if isinstance(error, TemplateNotFound):
        return f"there is no template `{error.name}`", ""
    text = re.sub(r"'([^']*)'", r"`\1`", str(error)).rstrip(".")
    unknown = re.fullmatch(r"`(\w+)` is undefined", text)
    if isinstance(error, UndefinedError):
        text = re.sub(r"`[\w.]*?(\w+) object` has no attribute", lambda it: f"a {it[1].lower()} has no", text)
        return text.replace("is undefined", "is not defined here"), unknown[1] if unknown else ""
    return text[:1].lower() + text[1:] or type(error).__name__, ""


def _there(prefix: str) -> tuple[str, ...]:
    found = bundled(prefix.rstrip("/"))
    if not found:
        raise LookupError(f"nothing lies in {prefix}")
    return found


def _left_out(path: str) -> bool:
    parts = path.split("/")
    return parts[0] in ("tests", "examples") or any(part.startswith(".") for part in parts)
