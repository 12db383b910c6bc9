"""A command's Typer signature, made from its option classes.

Every option is declared with the default None, so that "not typed" can be told from "typed with
the default value"; the default is shown in the help text instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field
from typing import Any

import typer

from seqcli.cli.command import Command, Invocation, read_config
from seqcli.cli.values import flag_name, parse_value, value_type
from seqcli.errors import UsageError

_METAVARS = {"int": "N", "float": "X", "str": "WORD"}
_PARSED_METAVARS = {
    "list": "A,B", "duration": "TIME", "span": "TIME", "percents": "P,P", "counts": "N,N",
    "limits": "METRIC=X",
}  # fmt: skip


def callback_for(command: Command) -> Callable[..., Any]:
    """A function with the command's whole signature; calling it gives what is still to be run."""

    def callback(**_typed: Any) -> Callable[[], int]:  # a name that no option has, or Typer mixes them up
        files = tuple(_typed.pop("files", None) or ())
        flags = {name: value for name, value in _typed.items() if value is not None and value != []}
        return lambda: command.run(_invocation(command, files, flags))

    parameters = [_positional(command)] if command.files else []
    parameters += [_parameter(panel, item) for panel, item in command.options()]
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return callback


def _invocation(command: Command, files: tuple[str, ...], flags: dict[str, Any]) -> Invocation:
    """Lay flags over the configuration file, when there is one."""
    if "" in files:
        raise UsageError("a file name is empty", "a shell variable may not be set")
    known = {item.name: item for _, item in command.options()}
    values = read_config(flags["config"], command) if "config" in flags else {}
    values.update({name: parse_value(known[name], raw) for name, raw in flags.items()})
    if not files and values.get("source"):
        files = (values["source"],)
    return Invocation(files, values)


def _positional(command: Command) -> inspect.Parameter:
    """The FILE argument. That one is missing is said by the command, in its own words."""
    default = typer.Argument(
        None, metavar=f"{command.files}...", parser=path, help=_escape(command.files_help)
    )
    return _keyword("files", default, list[str])


def _parameter(panel: str, item: Field[Any]) -> inspect.Parameter:
    """One option."""
    flags = [flag_name(item)]
    kind = value_type(item)
    annotation: Any = str
    metavar = item.metadata["metavar"] or _PARSED_METAVARS.get(item.metadata["parse"]) or _METAVARS.get(kind)
    if kind == "bool":
        annotation, metavar = bool, None
        if item.default is not False:
            flags = [f"{flags[0]}/--no-{flags[0].removeprefix('--')}"]
    elif item.metadata["parse"] in ("list", "limits", "biases"):
        annotation = list[str]  # may be repeated as well as written with commas
    flags += [flag for flag in item.metadata["flag"].split() if flag not in flags]
    choices = item.metadata["choices"]
    default = typer.Option(
        None,
        *flags,
        help=_help(item),
        metavar=metavar,
        show_default=False,
        rich_help_panel=panel,
        autocompletion=(lambda: list(choices)) if choices else None,
    )
    return _keyword(item.name, default, annotation)


def _keyword(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _help(item: Field[Any]) -> str:
    """The option's sentence, then its choices and its default, which need no sentence."""
    text = _escape(item.metadata["help"])
    if item.metadata["choices"]:
        text += f" [yellow]{' | '.join(item.metadata['choices'])}[/yellow]"
    value = item.default
    if value is None or value is MISSING or value is False or value == ():
        return text
    shown = ",".join(map(str, value)) if isinstance(value, tuple) else "on" if value is True else str(value)
    return f"{text} [dim](default {shown})[/dim]"


def path(raw: str) -> str:
    """A path as it was typed; help shows this function's name as the argument's type."""
    return raw


def _escape(text: str) -> str:
    """Text in which nothing is rich markup."""
    return text.replace("[", "\\[")
