"""What the values of a project file are made of: amounts, durations, percentages, names, references.

Each type reads what people write and holds what programs want: bytes, seconds, cores, percent.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, NoReturn, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    Strict,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .cron import cron_mistake

T = TypeVar("T")
Seq = Annotated[tuple[T, ...], Strict(False)]


class Part(BaseModel):
    """A part of the project file: strict, frozen, without unknown keys."""

    # defer_build: only the whole project's validator is ever used, so only it is built
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", defer_build=True, populate_by_name=True)


class Rare(Part):
    """A part that few files have: its validator is built for the first file that has one, not at each start."""

    _built: ClassVar[set[type[BaseModel]]] = set()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return what validates the part within another: a call that builds its own validator first."""
        return handler(source) if cls in cls._built else core_schema.no_info_plain_validator_function(cls._validate)

    @classmethod
    def _validate(cls, value: object) -> Self:
        if cls not in cls._built:
            cls._built.add(cls)
            cls.model_rebuild(force=True)
        return cls.model_validate(value)


def build_all(whole: type[Part]) -> None:
    """Build a part with all that it may hold, as its JSON Schema needs it."""
    Rare._built.update(Rare.__subclasses__())
    known = [Part]
    for part in known:
        known += part.__subclasses__()
        if "__pydantic_core_schema__" in vars(part):  # one with calls in the place of rare parts
            del part.__pydantic_core_schema__
    whole.model_rebuild(force=True)


def refuse(kind: str, message: str, label: str = "", *hints: str, **context: Any) -> NoReturn:
    """Raise what `validation` turns into a finding: kind is `malformed`, `misread`, `range`, `choice` or `conflict`.

    `key` in the context is where below the value it is: keys, or a place in a list.
    """
    context = {"message": message, "label": label, "hints": hints, **context}
    raise PydanticCustomError(kind, "{message}", context)


def distinct(items: tuple[T, ...]) -> tuple[T, ...]:
    """Return a list as it is, or refuse what is in it twice."""
    for place, item in enumerate(items):
        if item in items[:place]:
            refuse("conflict", f"`{item}` is given twice", "remove one of them", key=place)
    return items


Distinct = Annotated[tuple[T, ...], Strict(False), AfterValidator(distinct)]


_MEMORY = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_MEMORY |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_TIME = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}

MEMORY_PATTERN = r"^[0-9]{1,15}(\.[0-9]{1,9})?([kMGTP]|[KMGTP]i)$"
DURATION_PATTERN = r"^([0-9]{1,15}(\.[0-9]{1,9})?(ms|s|m|h|d|w))+$"
CPU_PATTERN = r"^[0-9]{1,15}m$"
PERCENT_PATTERN = r"^[0-9]{1,3}(\.[0-9]{1,9})?%$"
PROJECT_NAME = r"^[a-z]([-a-z0-9]{0,29}[a-z0-9])?$"
LABEL_PATTERN = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"


def parse_memory(value: object) -> int:
    """Return bytes: `512Mi`, `6Gi`, `1.5Gi`, `10G`."""
    written = "write `512Mi`, `6Gi` or `1Ti`"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        refuse("type", "an amount of memory or disk", written)
    if not isinstance(value, str):
        refuse("malformed", f"`{value}` is no amount of memory: it has no unit", f"did you mean `{value}Gi`?")
    if not re.fullmatch(MEMORY_PATTERN, value):
        guess = re.sub(r"(?i)^\s*([0-9.]+)\s*(k|m|g|t|p)i?b?$", lambda m: f"{m[1]}{m[2].upper()}i", value)
        hint = f"did you mean `{guess}`?" if re.fullmatch(MEMORY_PATTERN, guess) else written
        refuse("malformed", f"`{value}` is no amount of memory", hint)
    number = value.rstrip("kKMGTPi")
    amount = int(float(number) * _MEMORY[value[len(number) :]])
    if amount <= 0:
        refuse("range", f"`{value}` is nothing", written)
    return amount


def format_memory(amount: int) -> str:
    """Return bytes as a file would say it: the largest unit that is exact."""
    for unit in ("Pi", "Ti", "Gi", "Mi", "Ki"):
        if amount and amount % _MEMORY[unit] == 0:
            return f"{amount // _MEMORY[unit]}{unit}"
    return str(amount)


def parse_duration(value: object) -> float:
    """Return seconds: `5ms`, `60s`, `5m`, `10h`, `15d`, `1h30m`."""
    written = "write `5ms`, `60s`, `5m`, `10h` or `15d`"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        refuse("type", "a duration", written)
    if not isinstance(value, str):
        refuse("malformed", f"`{value}` is no duration: it has no unit", f"did you mean `{value}s`?")
    if not re.fullmatch(DURATION_PATTERN, value):
        refuse("malformed", f"`{value}` is no duration", written)
    parts = re.findall(r"([0-9.]+)(ms|s|m|h|d|w)", value)
    return sum(float(number) * _TIME[unit] for number, unit in parts)


def format_duration(seconds: float) -> str:
    """Return seconds as a file would say it: the largest unit that is exact."""
    for unit in ("d", "h", "m", "s"):
        if seconds and seconds % _TIME[unit] == 0:
            return f"{int(seconds // _TIME[unit])}{unit}"
    return f"{seconds * 1000:.3f}".rstrip("0").rstrip(".") + "ms" if seconds else "0s"


def _positive_duration(seconds: float) -> float:
    if seconds <= 0:
        refuse("range", "a duration of nothing", "must be longer than 0s")
    return seconds


def parse_cpu(value: object) -> float:
    """Return cores: `3`, `0.5`, `500m`."""
    if isinstance(value, str) and re.fullmatch(CPU_PATTERN, value):
        cores = int(value[:-1]) / 1000
    elif isinstance(value, str):
        refuse("malformed", f"`{value}` is no number of CPU cores", "write `3`, `0.5` or `500m`")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        refuse("type", "a number of CPU cores", "write `3`, `0.5` or `500m`")
    else:
        cores = float(value)
    if cores <= 0:
        refuse("range", f"`{value}` is no number of CPU cores", "must be more than 0")
    return cores


def parse_percentage(value: object) -> float:
    """Return percent from 0 to 100: `10`, `99.9`, `10%`."""
    if isinstance(value, str) and re.fullmatch(PERCENT_PATTERN, value):
        percent = float(value[:-1])
    elif isinstance(value, str):
        refuse("malformed", f"`{value}` is no percentage", "write `10` or `10%`")
    elif isinstance(value, bool) or not isinstance(value, int | float):
        refuse("type", "a percentage", "write `10` or `10%`")
    else:
        percent = float(value)
    if not 0 <= percent <= 100:
        refuse("range", f"`{value}` is no percentage", "must be from 0 to 100")
    return percent


def parse_count_or_percent(value: object) -> int | str:
    """Return a number of replicas, or a percentage of them as Kubernetes writes it (`25%`)."""
    if isinstance(value, str):
        parse_percentage(value)
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        refuse("type", "a number of replicas or a percentage", "write `1` or `25%`")
    if value < 0:
        refuse("range", f"`{value}` is no number of replicas", "must be 0 or more")
    return value


def _cron(value: str) -> str:
    mistake = cron_mistake(value)
    if mistake:
        refuse("malformed", f"`{value}` is no cron schedule", mistake, "`0 8 * * 1-5` is 08:00 from Monday to Friday")
    return " ".join(value.split())


def _cidr(value: str) -> str:
    import ipaddress

    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        said = str(error)
        if "host bits set" in said:
            refuse(
                "malformed", f"`{value}` is no network", f"did you mean `{ipaddress.ip_network(value, strict=False)}`?"
            )
        refuse("malformed", f"`{value}` is no network", "write `10.40.0.0/16`; one address is `203.0.113.7/32`")
    if "/" not in value:  # the clouds take none without its length
        refuse("malformed", f"`{value}` is no network: it has no length", f"did you mean `{network}`?")
    return value


def matching(pattern: str, what: str, example: str) -> Callable[[str], str]:
    """Return a validator that takes text of a form and says otherwise what the form is."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):  # compiled when a file has such a value, not at each start
            guess = _slug(value) if pattern in (LABEL_PATTERN, PROJECT_NAME) else ""
            label = f"did you mean `{guess}`?" if re.fullmatch(pattern, guess) else f"for example `{example}`"
            refuse("malformed", f"`{value}` is no {what}", label)
        return value

    return check


def _slug(value: str) -> str:
    return re.sub(r"-+", "-", re.sub(r"[^a-z0-9]", "-", value.lower())).strip("-0123456789")


def _text(pattern: str, what: str, example: str) -> Any:
    return AfterValidator(matching(pattern, what, example))


def _schema(*types: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": list(types) if len(types) > 1 else types[0], **more})


Memory = Annotated[
    int, BeforeValidator(parse_memory), _schema("string", format="memory", pattern=MEMORY_PATTERN, examples=["6Gi"])
]
Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    AfterValidator(_positive_duration),
    _schema("string", format="duration", pattern=DURATION_PATTERN, examples=["60s"]),
]
Cpu = Annotated[
    float, BeforeValidator(parse_cpu), _schema("number", "string", format="cpu", pattern=CPU_PATTERN, examples=[3])
]
Percentage = Annotated[
    float,
    BeforeValidator(parse_percentage),
    _schema("number", "string", format="percentage", pattern=PERCENT_PATTERN, examples=[10]),
]
CountOrPercent = Annotated[
    int | str,
    BeforeValidator(parse_count_or_percent),
    _schema("integer", "string", format="count or percentage", pattern=PERCENT_PATTERN, examples=[1, "25%"]),
]
Cron = Annotated[str, AfterValidator(_cron), _schema("string", format="cron", examples=["0 8 * * 1-5"])]
Cidr = Annotated[str, AfterValidator(_cidr), _schema("string", format="network", examples=["10.40.0.0/16"])]

Name = Annotated[
    str,
    _text(LABEL_PATTERN, "name: lower-case letters, digits and `-`, a letter first", "story"),
    _schema("string", pattern=LABEL_PATTERN),
]
ProjectName = Annotated[
    str,
    _text(PROJECT_NAME, "project name: at most 31 lower-case letters, digits and `-`, a letter first", "dungeon"),
    _schema("string", pattern=PROJECT_NAME),
]
ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
EnvName = Annotated[
    str, _text(ENV_NAME, "name of an environment variable", "LOG_LEVEL"), _schema("string", pattern=ENV_NAME)
]
SECRET_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
SecretName = Annotated[
    str, _text(SECRET_NAME, "name of a Kubernetes Secret", "hub"), _schema("string", pattern=SECRET_NAME)
]
SECRET_KEY = r"^[-._a-zA-Z0-9]+$"
SecretKey = Annotated[
    str, _text(SECRET_KEY, "key of a Kubernetes Secret", "token"), _schema("string", pattern=SECRET_KEY)
]
_REPOSITORY = r"[a-z0-9]+([._-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*)*"
IMAGE = rf"^{_REPOSITORY}(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?$"
ImageRef = Annotated[
    str,
    _text(IMAGE, "container image", "ghcr.io/team/story:1.4"),
    _schema("string", format="image", examples=["ghcr.io/team/story:1.4"]),
]
PREFIX = rf"^{_REPOSITORY}$"
ImagePrefix = Annotated[
    str,
    _text(PREFIX, "part of an image's name, without a tag", "ghcr.io/team"),
    _schema("string", format="image", pattern=PREFIX, examples=["ghcr.io/team"]),
]
VERSION = r"^v?[0-9]+(\.[0-9]+){0,2}([-+.][0-9A-Za-z.-]+)?$"
Version = Annotated[str, _text(VERSION, "version", "0.20.0"), _schema("string", pattern=VERSION)]
KUBERNETES = r"^1\.[0-9]{2}$"
KubernetesVersion = Annotated[
    str, _text(KUBERNETES, "Kubernetes version", "1.35"), _schema("string", pattern=KUBERNETES, examples=["1.35"])
]
HOST = r"^(\*\.)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]*[a-z0-9])?$"
HostName = Annotated[str, _text(HOST, "host name", "api.dungeon.example"), _schema("string", pattern=HOST)]
EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
Email = Annotated[str, _text(EMAIL, "mail address", "ops@dungeon.example"), _schema("string", pattern=EMAIL)]
URL_PATH = r"^/([A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*)?$"
UrlPath = Annotated[
    str,
    _text(URL_PATH, "path of a URL: it starts with `/` and ends without", "/story"),
    _schema("string", pattern=URL_PATH),
]
WEIGHTS = r"^(s3|gs|https|hf|oci|pvc)://[^\s]+$"
WeightsUri = Annotated[
    str,
    _text(WEIGHTS, "place of weights: s3://, gs://, https://, hf://, oci:// or pvc://", "s3://bucket/gpt2-xl"),
    _schema("string", pattern=WEIGHTS),
]
FilePath = Annotated[str, _text(r"^[^\0]+$", "path", "models/story/predictor.py"), _schema("string")]
