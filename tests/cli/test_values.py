"""Typed text becomes values: by hand-written expectations, from the command line and from TOML."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqcli.cli.values import flag_name, parse_value
from seqcli.errors import UsageError
from seqcli.options import option


@dataclass(frozen=True)
class Sample:
    """Sample"""

    count: int | None = option(None, "A count.", at_least=1)
    share: float = option(0.5, "A share.", at_least=0.0, below=1.0)
    word: str | None = option(None, "A word.", choices=("gru", "lstm"))
    free: str | None = option(None, "Any text.")
    switch: bool = option(False, "A switch.")
    names: tuple[str, ...] = option((), "Names.", parse="list")
    time: float | None = option(None, "A time.", parse="duration")
    levels: tuple[int, ...] = option((), "Levels.", parse="percents")
    limits: tuple[tuple[str, float], ...] = option((), "Limits.", parse="limits")
    as_name: str = option("x", "A name.", flag="--as")
    out: str | None = option(None, "A file.", flag="-o")


ITEM = {item.name: item for item in fields(Sample)}


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("count", "12", 12),
        ("count", 12, 12),
        ("share", ".25", 0.25),
        ("share", 0, 0.0),
        ("word", "lstm", "lstm"),
        ("free", "007", "007"),
        ("switch", True, True),
        ("names", "a,b", ("a", "b")),
        ("names", ["a, b", "c"], ("a", "b", "c")),
        ("names", '"Sales, EUR",time', ("Sales, EUR", "time")),
        ("names", "", ()),
        ("time", "90s", 90.0),
        ("time", "1h30m", 5400.0),
        ("time", "1.5m", 90.0),
        ("time", "2m5s", 125.0),
        ("time", "45", 45.0),
        ("time", 45, 45.0),
        ("levels", "95,80", (80, 95)),
        ("levels", "80%", (80,)),
        ("levels", [50, 90], (50, 90)),
        ("limits", "accuracy=.9,macro_f1=0.5", (("accuracy", 0.9), ("macro_f1", 0.5))),
        ("limits", ["accuracy=.9"], (("accuracy", 0.9),)),
    ],
)
def test_a_value_is_read(name, raw, value) -> None:
    got = parse_value(ITEM[name], raw)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("count", "x", "not a whole number"),
        ("count", "1.5", "not a whole number"),
        ("count", 1.5, "not a whole number"),
        ("count", True, "not a whole number"),
        ("count", "0", "too small"),
        ("count", str(2**63), "too large"),
        ("count", 2**63, "too large"),
        ("share", "nan", "not a number"),
        ("share", "inf", "not a number"),
        ("share", False, "not a number"),
        ("share", "-0.1", "too small"),
        ("share", "1", "too large"),
        ("word", "gruu", "not one of gru, lstm"),
        ("free", 3, "not text"),
        ("switch", "yes", "not true or false"),
        ("names", 3, "not a list of names"),
        ("names", ["a", 3], "not a list of names"),
        ("names", "a,b, a", "'a' is named more than once"),
        ("names", ["a", "a"], "'a' is named more than once"),
        ("time", "soon", "not a time"),
        ("time", "", "not a time"),
        ("time", "0", "not a time above zero"),
        ("time", "0s", "above zero"),
        ("time", "-5", "not a time"),
        ("levels", "100", "not a whole percentage from 1 to 99"),
        ("levels", "0", "not a whole percentage from 1 to 99"),
        ("levels", "99.9", "not a whole percentage from 1 to 99"),
        ("levels", "8.5", "not a whole percentage from 1 to 99"),
        ("limits", "accuracy", "METRIC=NUMBER"),
        ("limits", "=.9", "METRIC=NUMBER"),
        ("limits", "accuracy=high", "not a number"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_the_flag(name, raw, said) -> None:
    with pytest.raises(UsageError) as caught:
        parse_value(ITEM[name], raw)
    assert caught.value.message.startswith(f"{flag_name(ITEM[name])}: ")
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_the_closest_choice_is_proposed() -> None:
    with pytest.raises(UsageError) as caught:
        parse_value(ITEM["word"], "ltsm")
    assert caught.value.hint == "did you mean lstm?"


def test_an_error_from_a_file_names_the_file_and_the_key() -> None:
    with pytest.raises(UsageError, match=r"^run\.toml: count: "):
        parse_value(ITEM["count"], "x", "run.toml")


def test_flags_come_from_names_unless_a_long_one_is_given() -> None:
    assert [flag_name(ITEM[name]) for name in ("count", "as_name", "out")] == ["--count", "--as", "--out"]


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_a_written_duration_is_the_sum_of_its_parts(hours, minutes, seconds) -> None:
    total = hours * 3600 + minutes * 60 + seconds
    text = f"{hours}h{minutes}m{seconds}s"
    if total:
        assert parse_value(ITEM["time"], text) == total
    else:
        with pytest.raises(UsageError):
            parse_value(ITEM["time"], text)


@given(st.text(), st.sampled_from(sorted(ITEM)))
def test_no_text_breaks_the_parser(text, name) -> None:
    with contextlib.suppress(UsageError):
        parse_value(ITEM[name], text)
