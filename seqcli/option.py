"""How an option is declared: its default, and everything a command line needs to offer it."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def option(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    at_least: float | None = None,
    below: float | None = None,
    parse: str = "",
    metavar: str = "",
    flag: str = "",
) -> Any:
    """Declare an option with its default and everything a command line needs to offer it.

    ``parse`` names how text becomes the value: "" by type, "list" (comma separated), "duration"
    (``90s``, ``6m``, ``1h`` → seconds), "percents" (``80,95``), "counts" (``100,300``), "limits"
    (``accuracy=.9``), "biases" (``e=-2``), "span" (``15min``, ``1mo``, checked and kept as text),
    "threshold" (``.8``, ``spam=.3``) or "joined" (choices joined by +: ``max+mean``).
    ``flag`` is a short flag beside the one made from the field's name, or long ones instead of it.
    """
    return field(
        default=default,
        metadata={
            "help": help,
            "choices": choices,
            "at_least": at_least,
            "below": below,
            "parse": parse,
            "metavar": metavar,
            "flag": flag,
        },
    )
