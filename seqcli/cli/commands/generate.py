"""``seqcli generate``: text, from the model that fits, or from one trained now."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from seqcli.cli.command import NEVER_IN_LANGUAGE, TRAINING_GROUPS, Command, Invocation
from seqcli.cli.find_or_train import Wanted, dry_run, find_or_train, typed_in
from seqcli.cli.music import play, refuse_music_options, task_meant
from seqcli.cli.use import open_model
from seqcli.cli.writing import Session, check_writing
from seqcli.cli.writing_rows import write_rows
from seqcli.errors import UsageError, near_miss
from seqcli.options import (
    ForecastOptions,
    ModelOptions,
    Options,
    OutputOptions,
    PlotOptions,
    RunOptions,
    SavingOptions,
)
from seqcli.options_use import GenerateOptions, MusicOptions
from seqcli.readers.sources import bad_character
from seqcli.reporting.results import check_output, result_stream
from seqcli.reporting.screen import Screen
from seqcli.reporting.texts import text_format, write_texts

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.readers.table import Table

READING = frozenset({"input_format", "encoding", "delimiter", "names"})
WANTED = Wanted("generate", "language", obeyed=READING)
AS_IT_IS = Wanted("generate", "language", obeyed=READING | {"seed"})
"""Of a model that is there, --seed is the seed of the draws."""


def generate(call: Invocation) -> int:
    """Write texts to stdout as they are drawn; what is said of model and prompt goes to stderr."""
    task = task_meant(call)
    if task:
        return play(call, task)
    refuse_music_options(call)
    output = call.group(OutputOptions)
    options = call.group(GenerateOptions)
    check_output(output)
    check_writing(call, options, output)
    screen = Screen(output.quiet, output.verbose)
    given = read_given(options.given)
    named = call.group(ModelOptions).model
    if given and call.files and named is None:  # the columns are named, so the model is to depend on them
        call = depending(call, given)
    stdin = typed_in(call.files)
    prompt = read_prompt(options.prompt or "", call.files)
    if call.group(RunOptions).dry_run:
        if not call.files:
            raise UsageError("a dry run needs a file", "seqcli generate corpus.txt --dry-run")
        return dry_run(call, training_options(call), screen)
    if call.files and named is not None:
        model = open_model(named, screen)
        refuse_lines(call, model)
        return write_rows(call, model, prompt, screen)
    model = find_model(call, screen, stdin, given)
    session = Session.open(call, model, given, prompt, screen)
    # Texts of one line each stand on lines of their own.
    apart = "" if session.options.stop == "\n" else "\n"
    with result_stream(output) as stream:
        if options.interactive:
            session.talk(stream, screen)
        else:
            write_texts(session.samples(), session.beginning.prompt, stream, text_format(output), apart)
    session.save()
    return 0


def read_prompt(prompt: str, files: tuple[str, ...]) -> str:
    """The prompt as typed, or from stdin without the line break that ends it."""
    if prompt == "-":
        if "-" in files:
            raise UsageError("stdin cannot be the FILE and the prompt too", "name a file")
        raw = sys.stdin.buffer.read()
        prompt = raw.decode("utf-8", "surrogateescape").replace("\r\n", "\n").removesuffix("\n")
    if fault := bad_character(prompt):
        raise UsageError(f"--prompt: holds {fault}", "a prompt is text in UTF-8")
    return prompt


def read_given(text: str | None) -> dict[str, str] | None:
    """COLUMN=VALUE, several by commas; a value may hold = and commas."""
    if text is None:
        return None
    pairs: list[list[str]] = []
    for piece in text.split(","):
        column, equals, value = piece.partition("=")
        if not equals and pairs:
            pairs[-1][1] += f",{piece}"
        else:
            pairs.append([column.strip(), value])
    told = {column: value.strip() for column, value in pairs}
    if not all(told) or not all(told.values()) or len(told) < len(pairs):
        raise UsageError(f"--given: {text!r} is not COLUMN=VALUE", "such as --given language=Russian")
    return told


def depending(call: Invocation, given: dict[str, str]) -> Invocation:
    """The call whose training depends on the columns that are ``given``, unless others were typed."""
    if not call.typed & {"condition", "features"}:
        several = {"features": tuple(given)} if len(given) > 1 else {"condition": next(iter(given))}
        return replace(call, values={**several, **call.values})
    columns = call.values.get("features") or (call.values["condition"],)
    for name in given:
        if name not in columns:
            raise UsageError(
                f"--given: the text depends on {', '.join(columns)}, not on {name}",
                f"--given {columns[0]}=VALUE",
            )
    return call


def check_given(table: Table, given: dict[str, str] | None, by_value: bool) -> None:
    """Raise for a value that no row has, ahead of a training; a number may be any, unless ``by_value``."""
    for column, value in (given or {}).items():
        values = {cell.strip() for cell in table.cells(column)}
        if value not in values and (by_value or table.kind(column) == "text"):
            close = near_miss(value, values)
            raise UsageError(
                f"--given: {table.source}, column {column} has no value {value!r}",
                f"did you mean {column}={close}?" if close else f"one that it has is {column}={min(values)}",
            )


def refuse_lines(call: Invocation, model: SavedModel) -> None:
    """Raise UsageError for a FILE beside a model whose text depends on no column of it."""
    from seqcli.inference.kinds import language_task

    if not language_task(model).plan.features:
        raise UsageError(
            f"generate learns from {call.files[0]} or writes with -m {model.path}, not both",
            "leave one of them out",
        )
    AS_IT_IS.refuse_training(call, f"-m {model.path}", "leave out {flag}, or leave out -m")


def training_options(call: Invocation) -> Options:
    """All that shapes a training of a language model."""
    options = call.training()
    return replace(options, columns=replace(options.columns, task="language"))


def find_model(
    call: Invocation, screen: Screen, stdin: bytes | None, given: dict[str, str] | None
) -> SavedModel:
    """The model named by -m; without FILE the only one here; else the one that FILE means."""
    named = call.group(ModelOptions).model
    if call.files:
        options = training_options(call)
        return find_or_train(
            WANTED,
            call,
            options,
            screen,
            stdin,
            look=lambda table: check_given(table, given, not options.columns.features),
        )[0]
    used, hint = ("the only model here", "{flag} goes with a FILE to learn from")
    if named is not None:
        used, hint = f"-m {named}", "leave out {flag}, or give a FILE instead of -m"
    AS_IT_IS.refuse_training(call, used, hint)
    return open_model(named, screen)


COMMAND = Command(
    run=generate,
    examples=(
        "seqcli generate corpus.txt --prompt 'The '",
        "seqcli generate -m corpus.seqcli --length 200 --temperature .5 --top-p .9",
        "seqcli generate -m corpus.seqcli --prompt 'The ' --n 3 --stop '\\n' --format jsonl",
        "seqcli generate dishes.csv --features course,price --given course=soup,price=4",
        "seqcli generate tunes/ -o tune.mid --render tune.wav",
    ),
    groups=(
        ModelOptions,
        GenerateOptions,
        MusicOptions,
        PlotOptions,
        *(group for group in TRAINING_GROUPS if group is not ForecastOptions),
        SavingOptions,
        RunOptions,
        OutputOptions,
    ),
    only={
        group: tuple(item.name for item in fields(group) if item.name not in (*NEVER_IN_LANGUAGE, "task"))
        for group in TRAINING_GROUPS
    },
    files="FILE",
    files_help="A text to learn from: txt, or a column of csv, tsv or jsonl (.gz too), - for stdin; or "
    "music: a folder of .mid files. With -m, rows of columns that the text depends on: each gets a text.",
)
