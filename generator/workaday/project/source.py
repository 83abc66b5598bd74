"""One YAML file: its bytes, its data, and where each key stands.

The file is composed once into nodes, which keep positions, and the data is built from the nodes. That costs what
PyYAML's own loading costs and, unlike it, sees duplicate keys, merge keys and how each value was spelled.
"""

from __future__ import annotations

import gc
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml

from .diagnostics import At, Diagnostic, KeyPath, ProjectError, Span

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 1_000_000

Node = Any  # PyYAML's stubs know neither flow_style nor id
ScalarNode = yaml.nodes.ScalarNode
MappingNode = yaml.nodes.MappingNode
SequenceNode = yaml.nodes.SequenceNode
Entries = dict[str, tuple[Node, Node]]

try:
    _Base: Any = yaml.CSafeLoader
except AttributeError:  # PyYAML was built without libyaml: slower, the same result
    _Base = yaml.SafeLoader

T = TypeVar("T")


class _TooDeep(Exception):
    def __init__(self, node: Node | None) -> None:
        self.node = node


class _Loader(_Base):  # type: ignore[misc]
    """Composes nodes; booleans and nulls are YAML 1.1's, numbers YAML 1.2's, and there are no dates."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}
    depth = 0

    def descend_resolver(self, current_node: Node | None, current_index: Any) -> None:
        # libyaml's composer recurses on the C stack: thousands of levels would end the process without a word.
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeep(current_node)

    def ascend_resolver(self) -> None:
        self.depth -= 1


_BOOL = re.compile(r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$")
_INT = re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$")
_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_MERGE = re.compile(r"^<<$")
for _tag, _regexp, _first in (
    ("bool", _BOOL, "yYnNtTfFoO"),
    ("int", _INT, "-+0123456789"),
    ("float", _FLOAT, "-+0123456789."),
    ("null", _NULL, ["~", "n", "N", ""]),
    ("merge", _MERGE, "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _regexp, list(_first))

_TRUE = frozenset({"yes", "true", "on"})


@dataclass
class Document:
    """One file as it was read: `file` is how messages call it, `data` its plain value (maps, lists, scalars)."""

    file: str
    path: Path
    text: str
    root: Node | None
    data: Any
    _entries: dict[int, Entries] = field(default_factory=dict, repr=False)

    @cached_property
    def lines(self) -> list[str]:
        """The file's lines without their line ends."""
        return self.text.splitlines()

    def find(self, path: KeyPath) -> tuple[int, Node | None, Node | None]:
        """Return how many parts of `path` exist here, and the key node and value node that the last of them led to."""
        key: Node | None = None
        node = self.root
        for depth, part in enumerate(path):
            step = self._step(node, part)
            if step is None:
                return depth, key, node
            key, node = step
        return len(path), key, node

    def _step(self, node: Node | None, part: str | int) -> tuple[Node | None, Node] | None:
        if isinstance(node, MappingNode):
            return self.entries(node).get(str(part)) if isinstance(part, str) else None
        if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            return None, node.value[part]
        return None

    def entries(self, node: MappingNode) -> Entries:
        """Return a mapping's keys with their nodes, merge keys (`<<`) taken in."""
        known = self._entries.get(id(node))
        if known is None:
            # known before it is complete, so that a merge of what it is part of ends
            known = self._entries[id(node)] = {}
            own = {key.value: (key, value) for key, value in reversed(node.value) if _is_name(key)}
            for key, value in node.value:
                if isinstance(key, ScalarNode) and key.tag.endswith(":merge"):
                    for part in value.value if isinstance(value, SequenceNode) else [value]:
                        if isinstance(part, MappingNode):
                            own = {**self.entries(part), **own}
            known.update((key.value, own[key.value]) for key, _ in node.value if _is_name(key))
            known.update((name, entry) for name, entry in own.items() if name not in known)
        return known

    def span(self, key: Node | None, node: Node | None, at: At) -> Span:
        """Return the stretch of text of a key or its value; of a value over several lines, its first."""
        block = node is not None and not isinstance(node, ScalarNode) and not node.flow_style
        empty = isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index
        # a block's own mark is its first child's, an empty value has none: the key says better what is meant
        chosen = key if key is not None and (at == "key" or block or empty) else node
        if chosen is None:
            return Span(self.file, 1, 1, 2)
        start, end = chosen.start_mark, chosen.end_mark
        line = self.lines[start.line] if start.line < len(self.lines) else ""
        stop = end.column if end.line == start.line else len(line.split(" #")[0].rstrip())
        return Span(self.file, start.line + 1, start.column + 1, max(stop, start.column + 1) + 1)

    def too_deep(self, node: Node | None) -> Diagnostic:
        """Return the finding for a node that opens one level too many; it has no end yet."""
        line, column = (node.start_mark.line + 1, node.start_mark.column + 1) if node is not None else (1, 1)
        return Diagnostic(
            "P110", f"nested more than {MAX_DEPTH} levels deep", span=Span(self.file, line, column, column + 1)
        )

    def spelled(self, path: KeyPath) -> str | None:
        """Return a plain scalar as it is spelled in the file, or None for anything else."""
        depth, _, node = self.find(path)
        if depth < len(path) or not isinstance(node, ScalarNode) or node.style:
            return None
        return str(node.value)


def quick(work: Callable[[], T]) -> T:
    """Run `work` without the garbage collector, which doubles the time of building many small objects."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        return work()
    finally:
        if enabled:
            gc.enable()


def read(path: Path, file: str) -> Document:
    """Read and compose one file.

    Raises:
        ProjectError: it cannot be read, is not UTF-8, or is not the YAML that a project may be (P1xx).
    """
    return parse(decode(read_bytes(path, file), file), file, path)


def read_bytes(path: Path, file: str) -> bytes:
    """Return the file's bytes, refusing what is missing, no file, or larger than any project."""
    where = Span(file, 1, 1, 1)
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise _error("P101", f"`{file}` is not a file", where, ("name the file itself: `-f DIR/project.yaml`",))
        if size > MAX_BYTES:
            limit = f"a project file has at most {MAX_BYTES // 2**20} MiB; this one has {size / 2**20:.0f}"
            raise _error("P103", f"`{file}` is too large", where, (limit,))
        return path.read_bytes()
    except FileNotFoundError:
        hint = "`workaday init` writes one; `-f FILE` names another"
        raise _error("P101", f"`{file}` does not exist", where, (hint,)) from None
    except OSError as error:
        raise _error("P101", f"`{file}` cannot be read: {(error.strerror or str(error)).lower()}", where) from None


def decode(raw: bytes, file: str) -> str:
    """Return the text of UTF-8 bytes, a byte order mark dropped."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        where = Span(file, 1, 1, 1)
        raise _error(
            "P102", "the file is UTF-16, not UTF-8", where, (f"convert it: `iconv -f utf-16 -t utf-8 {file}`",)
        )
    try:
        return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        byte = raw[error.start]
        hint = "save it as UTF-8; from Latin-1: `iconv -f latin1 -t utf-8`"
        message = f"the file is not UTF-8: byte 0x{byte:02x}"
        text = raw.decode("utf-8", "replace")
        raise _error("P102", message, Span(file, line, column, column + 1), (hint,), text) from None


def parse(text: str, file: str, path: Path | None = None) -> Document:
    """Compose `text` and build its data. Raises ProjectError (P1xx)."""
    from .syntax import explain_yaml_error

    document = Document(file, path or Path(file), text, None, None)
    try:
        document.root = quick(lambda: yaml.compose(text, Loader=_Loader))
    except _TooDeep as error:
        raise ProjectError([document.too_deep(error.node)], TextSource(document)) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ProjectError([explain_yaml_error(error, document)], TextSource(document)) from None
    if document.root is None:
        raise _error("P108", f"`{file}` is empty", Span(file, 1, 1, 1), text=text)
    build = _Builder(document)
    document.data = quick(build.run)
    if build.found:
        raise ProjectError(build.found, TextSource(document))
    return document


class TextSource:
    """A source map for findings that carry their own spans."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def locate(self, path: KeyPath, at: At = "value") -> Span | None:
        """Return None: the file has no key paths yet."""
        return None

    def line(self, file: str, number: int) -> str | None:
        """Return a line of the one file."""
        lines = self._document.lines
        return lines[number - 1] if file == self._document.file and 0 < number <= len(lines) else None


class _Builder:
    """Builds plain data from nodes and collects what a project may not hold."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[Diagnostic] = []
        self._done: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()
        self._count = 0

    def run(self) -> Any:
        root = self.document.root
        if not isinstance(root, MappingNode):
            hint = "the file is a map of keys: `version: 1`, `name: ...`, `platform: ...`, `models: ...`"
            self._find("P108", "the file is not a map", root, hints=(hint,))
            return {}
        data, size = self._build(root)
        if size > MAX_NODES:
            self._find("P107", "aliases (`*name`) unfold to more than a million values", root)
        return data

    def _build(self, node: Node) -> tuple[Any, int]:
        if isinstance(node, ScalarNode):
            return self._scalar(node), 1
        known = self._done.get(id(node))
        if known is not None:
            return known
        if id(node) in self._open:
            self._find("P107", "an alias refers to what it is part of", node)
            return None, 1
        self._open.add(id(node))
        self._count += 1
        built = self._sequence(node) if isinstance(node, SequenceNode) else self._mapping(node)
        self._open.discard(id(node))
        self._done[id(node)] = built
        return built

    def _sequence(self, node: SequenceNode) -> tuple[Any, int]:
        self._check_tag(node, "tag:yaml.org,2002:seq")
        pairs = [self._build(item) for item in node.value]
        return [value for value, _ in pairs], 1 + sum(size for _, size in pairs)

    def _mapping(self, node: Node) -> tuple[Any, int]:
        self._check_tag(node, "tag:yaml.org,2002:map")
        seen: dict[str, Node] = {}
        for key, value in node.value:
            self._check_key(key, value, seen)
        data: dict[str, Any] = {}
        size = 1
        for name, (_, value) in self.document.entries(node).items():
            if id(value) in self._open:
                self._find("P107", "an alias refers to what it is part of", value)
                continue
            data[name], more = self._build(value)
            size += more
        return data, size

    def _check_key(self, key: Node, value: Node, seen: dict[str, Node]) -> None:
        if not isinstance(key, ScalarNode):
            self._find("P109", "a key must be a word", key)
        elif key.tag.endswith(":merge"):
            parts = value.value if isinstance(value, SequenceNode) else [value]
            if not all(isinstance(part, MappingNode) for part in parts):
                self._find("P109", "`<<` merges maps only", value)
        elif key.tag != "tag:yaml.org,2002:str" and not key.style:
            kind = key.tag.rsplit(":", 1)[-1]
            self._find("P109", f"the key `{key.value}` is read as a {kind}", key, label=f'quote it: "{key.value}"')
        elif key.value in seen:
            first = seen[key.value].start_mark.line + 1
            self._find("P106", f"`{key.value}` is given twice", key, label=f"first given on line {first}")
        else:
            seen[key.value] = key

    def _scalar(self, node: ScalarNode) -> Any:
        tag, value = node.tag, node.value
        if tag == "tag:yaml.org,2002:str":
            return value
        kind = tag.removeprefix("tag:yaml.org,2002:")
        if kind == "int" and _INT.match(value):
            # a number that no machine word holds is no number that any key wants
            return int(value, 0 if value[:2] in ("0o", "0x") else 10) if len(value) < 20 else value
        if kind == "float" and _FLOAT.match(value):
            return float(value) if math.isfinite(float(value)) else value
        if kind == "bool" and _BOOL.match(value):
            return value.lower() in _TRUE
        if kind == "null" and _NULL.match(value):
            return None
        if kind == "merge":
            return value
        self._find("P111", f"the tag `{_short(tag)}` is not supported", node, hints=("write the plain value",))
        return None

    def _check_tag(self, node: Node, plain: str) -> None:
        if node.tag != plain:
            self._find("P111", f"the tag `{_short(node.tag)}` is not supported", node, hints=("write the plain value",))

    def _find(self, code: str, message: str, node: Node | None, label: str = "", hints: tuple[str, ...] = ()) -> None:
        span = self.document.span(None, node, "value")
        self.found.append(Diagnostic(code, message, label=label, hints=hints, span=span))


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _is_name(key: Node) -> bool:
    return isinstance(key, ScalarNode) and not key.tag.endswith(":merge")


def _error(code: str, message: str, span: Span, hints: tuple[str, ...] = (), text: str = "") -> ProjectError:
    document = Document(span.file, Path(span.file), text, None, None)
    return ProjectError([Diagnostic(code, message, hints=hints, span=span)], TextSource(document))
