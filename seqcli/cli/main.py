"""The command line: which commands there are, and how every one of them ends.

The table of commands is static, so that ``--help`` imports no command; a command's module is
imported when it is typed. Typer only parses: it hands back what is to be run, which is run here,
under one roof of error handling.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from seqcli import __version__
from seqcli.errors import ResourceError, SeqcliError, UsageError, near_miss, printable
from seqcli.threads import team_place

COMMANDS = {
    "train": (
        "seqcli.cli.commands.train:COMMAND",
        "Train a model on a file and test it on rows it never saw.",
    ),
    "predict": ("seqcli.cli.commands.predict:COMMAND", "Add predictions to the rows of a file or a pipe."),
    "forecast": ("seqcli.cli.commands.forecast:COMMAND", "Forecast the next rows of a time series."),
    "generate": ("seqcli.cli.commands.generate:COMMAND", "Write text, by a model of a text file."),
    "inspect-gradients": (
        "seqcli.cli.commands.inspect_gradients:COMMAND",
        "Show how far back through time gradients reach, cell beside cell.",
    ),
    "evaluate": (
        "seqcli.cli.commands.evaluate:COMMAND",
        "Test a saved model on a labelled file, or a forecast on folds.",
    ),
    "explain": (
        "seqcli.cli.commands.explain:COMMAND",
        "Show what an answer hangs on: lags, words, bases, stretches of sound, columns.",
    ),
    "compare": (
        "seqcli.cli.commands.compare:COMMAND",
        "Set cells, attention and baselines side by side on a file.",
    ),
    "tune": (
        "seqcli.cli.commands.tune:COMMAND",
        "Try options out on a file's validation part; keep the best.",
    ),
    "show": ("seqcli.cli.commands.show:COMMAND", "Show a saved model, its equations, or this installation."),
    "export": (
        "seqcli.cli.commands.export:COMMAND",
        "Write a model for use elsewhere: plain graphs, or weights of 8 bits.",
    ),
    "demo": ("seqcli.cli.commands.demo:COMMAND", "Take the tour: each section runs on data it writes here."),
}
"""Name → where the command is declared, and its summary."""

BROKEN_PIPE = 141
"""What a shell reports for a process that ended by SIGPIPE."""

INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code; errors are two lines on stderr, never a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except SeqcliError as error:
        return _report(error)
    except KeyboardInterrupt:
        return _report(SeqcliError("interrupted"), INTERRUPTED)
    except BrokenPipeError:
        return BROKEN_PIPE
    except MemoryError:
        return _report(_memory_error())
    except OSError as error:
        return _report(_resource_error(error))
    except ModuleNotFoundError as error:
        from seqcli.cli.missing import missing_package

        missing = missing_package(error, next(iter(arguments), ""))
        return _report_bug(error, arguments) if missing is None else _report(missing)
    except Exception as error:  # the last resort: a bug is an error message too
        if "can't allocate memory" in str(error):  # torch has no class of its own for it
            return _report(_memory_error())
        return _report_bug(error, arguments)


def run_process() -> int:
    """:func:`main` for a whole process: sets up its streams, and keeps its end silent."""
    if sys.stdout is not None and not sys.stdout.isatty() and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # started with this stream closed
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - open to the end
    rank, processes = team_place()
    if rank > 0:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the first process prints
    code = main()
    if processes > 1:
        from seqcli.training.distributed import leave

        leave(failed=code != 0)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            # What cannot be written now must not be tried again, loudly, when Python shuts down.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _run(arguments: list[str]) -> int:
    """Parse with Typer, then run what it hands back."""
    if arguments[:1] in (["--version"], ["-V"]):
        print("seqcli", __version__)
        return 0
    name = next((word for word in arguments if not word.startswith("-")), "")
    if arguments and arguments[0] == name and name not in COMMANDS:
        raise _unknown_command(name)
    _refuse_several(name, arguments)
    pending = _parse(name if arguments[:1] == [name] else "", arguments or ["--help"])
    return pending() if callable(pending) else int(pending or 0)


def _parse(name: str, arguments: list[str]) -> Callable[[], int] | int | None:
    """Give ``arguments`` to Typer; the result is a call to make, or an exit code after help."""
    from typer.main import get_command

    command = get_command(_build_app(name))
    try:
        result: Callable[[], int] | int | None = command.main(
            args=arguments, prog_name="seqcli", standalone_mode=False
        )
        return result
    except SystemExit as stop:
        # Help is printed by rich, which ends so when its reader has gone.
        raise BrokenPipeError from stop
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise _usage_error(error, name) from None


def _build_app(name: str) -> Any:
    """The Typer app: the command that was typed in full, every other one by its summary alone."""
    import typer

    app = typer.Typer(
        name="seqcli",
        help="Train, run and explain recurrent sequence models from the shell.\n\n"
        + _examples(MAIN_EXAMPLES),
        rich_markup_mode="rich",
        no_args_is_help=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        add_completion=True,
    )
    completing = "_SEQCLI_COMPLETE" in os.environ

    def version(show: bool = typer.Option(False, "--version", "-V", help="Print the version.")) -> None:
        """Stand for the flag in help; it is answered before Typer is imported."""

    app.callback()(version)
    for known, (place, summary) in COMMANDS.items():
        if known == name or completing:
            from seqcli.cli.signature import callback_for

            declared = _load(place)
            text = f"{summary}\n\n{_examples(declared.examples)}"
            app.command(known, help=text, short_help=summary)(callback_for(declared))
        else:
            app.command(known, help=summary)(_nothing)
    return app


MAIN_EXAMPLES = (
    "seqcli train reviews.csv",
    "seqcli predict new.csv -m reviews.seqcli",
    "seqcli forecast prices.csv --window 60",
    "seqcli generate corpus.txt --prompt 'The '",
    "seqcli demo",
)


def _examples(lines: tuple[str, ...]) -> str:
    """The examples as one block of help text."""
    return "\n".join(f"[dim]$[/dim] {line}" for line in lines)


def _nothing() -> None:
    """Stand for a command that was not typed."""


def _load(place: str) -> Any:
    """The object named by ``module:attribute``."""
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


def _refuse_several(name: str, arguments: list[str]) -> None:
    """Raise UsageError where torchrun has started several processes of what one does."""
    processes = team_place()[1]
    if processes > 1 and name != "train":
        raise UsageError(
            f"torchrun has started {processes} processes, and only train shares its work among them",
            f"leave out torchrun: seqcli {name}".rstrip(": "),
        )
    if processes > 1 and "-" in arguments:
        raise UsageError(
            f"standard input can be read once, and torchrun has started {processes} processes",
            "write it to a file, and train on that",
        )


def _unknown_command(name: str) -> UsageError:
    """Say that a word is no command, and which one is near."""
    close = near_miss(name, COMMANDS)
    if not name:
        return UsageError("the command is empty", f"the commands are {', '.join(COMMANDS)}")
    if Path(name).exists():
        return UsageError(f"{name!r} is a file, not a command", f"seqcli train {name}")
    hint = f"did you mean {close}?" if close else f"the commands are {', '.join(COMMANDS)}"
    return UsageError(f"no command is called {name!r}", hint)


def _usage_error(error: Any, name: str) -> UsageError:
    """One of Typer's parse errors in our two lines."""
    option = getattr(error, "option_name", "")
    where = f"seqcli {name} --help".replace("  ", " ")
    if option and type(error).__name__ == "NoSuchOption":
        flag = option.partition("=")[0]
        close = near_miss(flag.strip("-"), [known.strip("-") for known in _flags(name)])
        hint = f"did you mean --{close}?" if close else f"{where} lists the options"
        return UsageError(f"{name or 'seqcli'} has no option {flag}", hint)
    message = " ".join(str(error.format_message()).split()).rstrip(".")
    return UsageError(message[:1].lower() + message[1:], f"{where} lists the options")


def _flags(name: str) -> list[str]:
    """The flags of a command, for near misses."""
    if name not in COMMANDS:
        return ["--help", "--version"]
    from seqcli.cli.values import flag_name

    return [flag_name(item) for _, item in _load(COMMANDS[name][0]).options()]


def _resource_error(error: OSError) -> SeqcliError:
    """What the system refused, in one line."""
    subject = f"{error.filename}: " if error.filename else ""
    reason = (error.strerror or str(error) or "input or output failed").lower()
    full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.ENOMEM)
    if full or not error.filename:
        return ResourceError(f"{subject or 'writing failed: '}{reason}", "free some space" if full else "")
    return UsageError(f"{subject}{reason}")


def _memory_error() -> ResourceError:
    return ResourceError("memory ran out", "try a smaller --hidden-size or --batch-size, or fewer rows")


def _report(error: SeqcliError, code: int | None = None) -> int:
    """Print an error's line and its hint on stderr; return the exit code."""
    code = error.exit_code if code is None else code
    if team_place()[1] > 1:
        from seqcli.training.distributed import speaks_for_all

        if not speaks_for_all():
            return code
    lines = [_one_line(error.message)]
    if error.hint:
        lines.append(f"hint: {_one_line(error.hint)}")
    with suppress(OSError):  # nobody may be left to read it; the exit code still tells
        print("\n".join(lines), file=sys.stderr, flush=True)
    return code


def _report_bug(error: Exception, arguments: list[str]) -> int:
    """One line on what broke; the whole traceback with --verbose."""
    if {"-v", "--verbose"} & set(arguments):
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    where = ""
    trace = error.__traceback__
    while trace is not None:
        where = f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"
        trace = trace.tb_next
    bug = SeqcliError(
        f"a bug in seqcli: {type(error).__name__}: {error}{where}", "--verbose shows where it happened"
    )
    return _report(bug)


def _one_line(text: str) -> str:
    """A text in one line that steers no terminal, whatever file or model it quotes."""
    return printable(" ".join(text.split()))
