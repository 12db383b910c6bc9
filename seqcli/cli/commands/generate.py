"""``seqcli generate``: text, from the model that fits, or from one trained now."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from seqcli.cli.command import NEVER_IN_LANGUAGE, TRAINING_GROUPS, Command, Invocation
from seqcli.cli.find_or_train import Wanted, dry_run, find_or_train, typed_in
from seqcli.cli.music import play, refuse_music_options, task_meant
from seqcli.cli.use import open_model
from seqcli.errors import UsageError, near_miss
from seqcli.options import (
    ForecastOptions,
    ModelOptions,
    Options,
    OutputOptions,
    PlotOptions,
    RunOptions,
    SavingOptions,
    TrainingOptions,
)
from seqcli.options_use import GenerateOptions, MusicOptions
from seqcli.readers.sources import bad_character
from seqcli.reporting.results import check_output, result_stream
from seqcli.reporting.screen import Screen
from seqcli.reporting.texts import text_format, write_texts

if TYPE_CHECKING:
    from seqcli.inference.generate import Beginning, Sample, Writer
    from seqcli.model_dir import SavedModel
    from seqcli.readers.table import Table

READING = frozenset({"input_format", "encoding", "delimiter"})
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
    if options.top_p is not None and options.top_p > 1:
        raise UsageError(f"--top-p: {options.top_p:g} is too large", "the largest value is 1")
    screen = Screen(output.quiet, output.verbose)
    given = read_given(options.given)
    if given and call.files:  # the column is named, so the model is to depend on it
        call = replace(call, values={"condition": given[0], **call.values})
        column = call.values["condition"]
        if column != given[0]:
            raise UsageError(
                f"--given: the text depends on {column}, not on {given[0]}", f"--given {column}=VALUE"
            )
    stdin = typed_in(call.files)
    prompt = read_prompt(options.prompt or "", call.files)
    if call.group(RunOptions).dry_run:
        if not call.files:
            raise UsageError("a dry run needs a file", "seqcli generate corpus.txt --dry-run")
        return dry_run(call, training_options(call), screen)
    model = find_model(call, screen, stdin, given)
    from seqcli.inference.generate import Writer

    writer = Writer(model, given)
    beginning = writer.begin(prompt)
    for note in (writer.note, beginning.note):
        if note:
            screen.warn(note)
    seed = call.group(TrainingOptions).seed if options.sample_seed is None else options.sample_seed
    stop = options.stop or ""
    if re.fullmatch(r"(\\n)+", stop):  # as it is typed where the shell does not make it a line break
        stop = stop.replace(r"\n", "\n")
    apart = "" if stop == "\n" else "\n"  # texts of one line each stand on lines of their own
    with result_stream(output) as stream:
        texts = samples(writer, beginning, replace(options, stop=stop), seed)
        write_texts(texts, beginning.prompt, stream, text_format(output), apart)
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


def read_given(text: str | None) -> tuple[str, str] | None:
    """COLUMN=VALUE as a pair."""
    if text is None:
        return None
    column, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not column or not value:
        raise UsageError(f"--given: {text!r} is not COLUMN=VALUE", "such as --given language=Russian")
    return column, value


def check_given(table: Table, given: tuple[str, str] | None) -> None:
    """Raise for a value that no row has, ahead of a training."""
    if given is None:
        return
    column, value = given
    values = {cell.strip() for cell in table.cells(column)}
    if value not in values:
        close = near_miss(value, values)
        raise UsageError(
            f"--given: {table.source}, column {column} has no value {value!r}",
            f"did you mean {column}={close}?" if close else f"one that it has is {column}={min(values)}",
        )


def training_options(call: Invocation) -> Options:
    """All that shapes a training of a language model."""
    options = call.training()
    return replace(options, columns=replace(options.columns, task="language"))


def find_model(
    call: Invocation, screen: Screen, stdin: bytes | None, given: tuple[str, str] | None
) -> SavedModel:
    """The model named by -m; without FILE the only one here; else the one that FILE means."""
    named = call.group(ModelOptions).model
    if call.files and named is not None:
        raise UsageError(
            f"generate learns from {call.files[0]} or writes with -m {named}, not both",
            "leave one of them out",
        )
    if call.files:
        options = training_options(call)
        return find_or_train(
            WANTED, call, options, screen, stdin, look=lambda table: check_given(table, given)
        )[0]
    used, hint = ("the only model here", "{flag} goes with a FILE to learn from")
    if named is not None:
        used, hint = f"-m {named}", "leave out {flag}, or give a FILE instead of -m"
    AS_IT_IS.refuse_training(call, used, hint)
    return open_model(named, screen)


def samples(writer: Writer, beginning: Beginning, options: GenerateOptions, seed: int) -> Iterator[Sample]:
    """As many texts as asked; each has draws of its own, whatever the length of those before it."""
    import numpy as np

    from seqcli.inference.generate import Sample
    from seqcli.inference.sampling import Sampler

    sampler = Sampler(options.temperature, options.top_k, options.top_p)
    for number in range(options.n):
        tokens = writer.tokens(beginning, sampler, np.random.default_rng([seed, number]))
        yield Sample(tokens, options.length or writer.usual_length, options.stop or "")


COMMAND = Command(
    run=generate,
    examples=(
        "seqcli generate corpus.txt --prompt 'The '",
        "seqcli generate -m corpus.seqcli --length 200 --temperature .5 --top-p .9",
        "seqcli generate -m corpus.seqcli --prompt 'The ' --n 3 --stop '\\n' --format jsonl",
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
    "music: a folder of .mid files.",
)
