"""What was typed becomes the value of an option, or one sentence on why it cannot.

A value comes from the command line as text or from a configuration file as a TOML or JSON value;
both go through :func:`parse_value`, so both obey the same rules and give the same errors.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import Field
from typing import Any, NoReturn

from seqcli.errors import UsageError, near_miss

_TIMES = "such as 90s, 6m or 1h30m"
_LISTED = "such as close,volume"
_LIMIT = "such as accuracy=.9"
JOINED = "joined"
"""How an option is parsed that takes several of its choices with + between them."""
_BIAS = re.compile(r"(.+?)=([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?)|-inf)(?:,|$)", re.DOTALL)
"""A token, which may be , or = itself, and its number."""
_ESCAPE, _ESCAPES = re.compile(r"\\([nt\\])"), {"n": "\n", "t": "\t", "\\": "\\"}
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?"


def flag_name(item: Field[Any]) -> str:
    """The flag of an option: ``hidden_size`` → ``--hidden-size``."""
    given: str = item.metadata["flag"]
    return given.split(maxsplit=1)[0] if given.startswith("--") else "--" + item.name.replace("_", "-")


def value_type(item: Field[Any]) -> str:
    """The type an option holds when it is given: "int", "float", "str" or "bool"."""
    return str(item.type).removesuffix(" | None")


def parse_value(item: Field[Any], raw: Any, source: str = "") -> Any:
    """The value that ``raw`` gives to the option ``item``.

    ``source`` is put ahead of the option's name in errors ("run.toml: "). Raises UsageError for
    anything the option cannot take.
    """
    name = f"{source}: {item.name}" if source else flag_name(item)
    kind = item.metadata["parse"]
    try:
        if kind and kind != JOINED:
            return _PARSERS[kind](raw)
        value = _SCALARS[value_type(item)](raw)
    except ValueError as error:
        message, *hint = error.args
        raise UsageError(f"{name}: {message}", *hint) from None
    for part in value.split("+") if kind == JOINED else [value]:
        _check(item, name, part)
    return value


def _check(item: Field[Any], name: str, value: Any) -> None:
    """Hold a plain value against the option's choices and bounds."""
    choices = item.metadata["choices"]
    if choices and value not in choices:
        close = near_miss(value, choices)
        hint = f"did you mean {close}?" if close else f"such as {flag_name(item)} {choices[0]}"
        raise UsageError(f"{name}: {value!r} is not one of {', '.join(choices)}", hint)
    low, high = item.metadata["at_least"], item.metadata["below"]
    if low is not None and value < low:
        raise UsageError(f"{name}: {value} is too small", f"the smallest value is {low:g}")
    if high is not None and value >= high:
        raise UsageError(f"{name}: {value} is too large", f"the value must be below {high:g}")


def _whole(raw: Any) -> int:
    """A whole number of at most 64 bits: 64, "64", "10_000"; not 64.0, not true."""
    try:
        value = int(raw if isinstance(raw, int | str) and not isinstance(raw, bool) else "")
    except ValueError:
        raise ValueError(f"{raw!r} is not a whole number", "such as 10") from None
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{raw} is too large", "the largest value is 9223372036854775807")
    return value


def _number(raw: Any) -> float:
    """A finite number."""
    try:
        value = float(raw) if isinstance(raw, int | float | str) and not isinstance(raw, bool) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        _refuse(raw, "a number", "such as 0.5")
    return value


def _text(raw: Any) -> str:
    """Text as it is."""
    if not isinstance(raw, str):
        _refuse(raw, "text", "put it in quotes")
    return raw


def _switch(raw: Any) -> bool:
    """True or false."""
    if not isinstance(raw, bool):
        _refuse(raw, "true or false", "those words, without quotes")
    return raw


def _refuse(raw: Any, wanted: str, hint: str) -> NoReturn:
    raise ValueError(f"{raw!r} is not {wanted}", hint)


def _names(raw: Any) -> tuple[str, ...]:
    """Names by commas; a name that has a comma itself is put in double quotes. None may come again."""
    pieces: list[str] = []
    for part in _parts(raw, "a list of names", _LISTED):
        try:
            row = next(csv.reader([part], skipinitialspace=True), [])
        except csv.Error:
            _refuse(part, "a list of names", _LISTED)
        pieces.extend(name.strip() for name in row)
    names = tuple(name for name in pieces if name)
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is named more than once", "name each once")
    return names


def _parts(raw: Any, wanted: str, hint: str) -> Iterable[str]:
    """The strings of a repeated flag or of a TOML list."""
    parts = raw if isinstance(raw, list | tuple) else [raw]
    return [part if isinstance(part, str) else _refuse(raw, wanted, hint) for part in parts]


def _duration(raw: Any) -> float:
    """Seconds: 90, "90s", "6m", "1h30m"."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        seconds = float(raw)
    else:
        match = re.fullmatch(_DURATION, str(raw).strip().lower())
        if match is None or not any(match.groups()):
            raise ValueError(f"{raw!r} is not a time", _TIMES)
        seconds = sum(float(match[unit]) * factor for unit, factor in _UNITS.items() if match[unit])
    if not 0 < seconds < math.inf:
        raise ValueError(f"{raw!r} is not a time above zero", _TIMES)
    return seconds


def _percents(raw: Any) -> tuple[int, ...]:
    """Percentages in rising order: "80,95", "80%", [80, 95]."""
    parts = raw if isinstance(raw, list | tuple) else [raw]
    values: set[int] = set()
    for part in parts:
        for piece in str(part).split(","):
            text = piece.strip().removesuffix("%")
            if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 99):
                _refuse(piece.strip(), "a whole percentage from 1 to 99", "such as 80,95")
            values.add(int(text))
    return tuple(sorted(values))


def _counts(raw: Any) -> tuple[int, ...]:
    """Whole numbers from 1 on in rising order: "100,300", [100, 300]."""
    parts = raw if isinstance(raw, list | tuple) else [raw]
    values = {_whole(piece.strip()) for part in parts for piece in str(part).split(",")}
    if min(values) < 1:
        _refuse(min(values), "a number from 1 on", "such as 100,300,1000")
    return tuple(sorted(values))


def _limits(raw: Any) -> tuple[tuple[str, float], ...]:
    """Pairs of a metric and a number: "accuracy=.9,macro_f1=.8"."""
    pairs: list[tuple[str, float]] = []
    for part in _parts(raw, "a metric with a limit", _LIMIT):
        for piece in part.split(","):
            metric, equals, limit = piece.partition("=")
            if not equals or not metric.strip():
                _refuse(piece, "METRIC=NUMBER", _LIMIT)
            pairs.append((metric.strip(), _number(limit.strip())))
    return tuple(pairs)


def _biases(raw: Any) -> tuple[tuple[str, float], ...]:
    """Pairs of a token and a number: "e=-2", "\\n=-inf,q=1"; a token may be , or = itself."""
    hint = "such as 'e=-2'"
    pairs: dict[str, float] = {}
    for part in _parts(raw, "a token with a bias", hint):
        matches = list(_BIAS.finditer(part))
        if not matches or sum(len(match[0]) for match in matches) < len(part):
            _refuse(part, "TOKEN=NUMBER", hint)
        for match in matches:
            token = _ESCAPE.sub(lambda found: _ESCAPES[found[1]], match[1])
            more = -math.inf if match[2] == "-inf" else _number(match[2])
            if pairs.setdefault(token, more) != more:
                raise ValueError(f"{token!r} has two biases", "give it one")
    return tuple(pairs.items())


def _threshold(raw: Any) -> tuple[str, float]:
    """A probability, and the class that it is of, "" for any: ".8", "spam=.3"."""
    hint = "such as .8, or spam=.3 for one class"
    name, equals, number = str(raw).rpartition("=")
    try:
        least = _number(number.strip() if isinstance(raw, str) else raw)
    except ValueError:
        _refuse(raw, "a probability", hint)
    if not 0 < least < 1 or (equals and not name.strip()):
        _refuse(raw, "a probability between 0 and 1", hint)
    return name.strip(), least


def _span(raw: Any) -> str:
    """A span of time, kept as it was typed."""
    from seqcli.readers.intervals import parse_every

    text = _text(raw)
    parse_every(text)
    return text


_SCALARS: dict[str, Callable[[Any], Any]] = {"int": _whole, "float": _number, "str": _text, "bool": _switch}
_PARSERS: dict[str, Callable[[Any], Any]] = {
    "list": _names,
    "duration": _duration,
    "percents": _percents,
    "counts": _counts,
    "limits": _limits,
    "biases": _biases,
    "threshold": _threshold,
    "span": _span,
}
