"""The plan of a manifest: a column of .wav files, and what is learnt of each clip."""

from __future__ import annotations

from seqcli.errors import DataError, UsageError
from seqcli.options import ColumnOptions
from seqcli.tasks.base import Plan
from seqcli.tasks.columns import Column, Columns, bare
from seqcli.tasks.rules import AUDIO, LABEL_WORDS, ambiguous

WAV = ".wav"
TEXT_NAMES = ("transcript", "transcription", "text", "sentence", "words", "said")
"""Names of what is said in a clip."""
TASKS = ("transcribe", "classify")


def sound_column(columns: Columns) -> Column | None:
    """The column whose cells name sound files, if there is one."""
    for column in columns.of_kind("text"):
        sound = sum(count for text, count in column.texts.items() if text.lower().endswith(AUDIO))
        if sound > 0.9 * max(column.written, 1):
            return column
    return None


def sound_plan(columns: Columns, audio: Column, options: ColumnOptions) -> Plan:
    """Transcribe where texts stand beside the clips, classify where classes do.

    Raises DataError for other files than wav, and where only the user can choose.
    """
    source = columns.table.source
    for row, cell in enumerate(columns.table.cells(audio.name)):
        if cell.strip() and not cell.strip().lower().endswith(WAV):
            raise DataError(
                f"{columns.table.where(row, audio.name)}: {cell.strip()!r} is not a wav file",
                "convert it: ffmpeg -i FILE -c:a pcm_s16le FILE.wav",
            )
    if options.task not in (None, *TASKS):
        raise UsageError(
            f"{source}: --task {options.task} cannot be learnt from sound",
            "transcribe and classify read sound",
        )
    for typed, names in (("--features", options.features), ("--text", options.text), ("--id", options.id)):
        if names:
            raise UsageError(f"{typed}: a clip is the only input beside its answer", f"leave out {typed}")
    usable = [
        column
        for column in columns
        if column.name not in (audio.name, options.group) and not (column.kind == "empty" or column.constant)
    ]
    task, target, reason = _task_and_target(columns, usable, options)
    taken = {audio.name, target, options.group}
    left_out = tuple((name, "a clip is read alone") for name in columns.table.names if name not in taken)
    return Plan(
        task,
        (target,),
        audio=(audio.name,),
        group=options.group,
        left_out=left_out,
        reasons=(f"task {task}: {audio.name} names sound files, {reason}",),
    )


def _task_and_target(columns: Columns, usable: list[Column], options: ColumnOptions) -> tuple[str, str, str]:
    """Which task, which column is its answer, and why."""
    if len(options.target) > 1:
        raise UsageError("--target: a clip has one answer", "name one column")
    if options.target:
        column = columns[options.target[0]]
        task = options.task or ("classify" if column.classes and not _called_text(column) else "transcribe")
        return task, column.name, f"{column.name} is its answer as typed"
    named = [column for name in TEXT_NAMES for column in usable if bare(column.name) == name]
    labels = [column for column in usable if bare(column.name) in {*LABEL_WORDS[0], *LABEL_WORDS[1]}]
    classes = [column for column in usable if column.classes and column not in named]
    texts = [column for column in usable if column.kind == "text" and not column.classes]
    if options.task != "classify":
        if named:
            return "transcribe", named[0].name, f"a column called {named[0].name} says what is said"
        if options.task == "transcribe" or (not labels and not classes):
            found = texts or [column for column in usable if options.task == "transcribe"]
            if len(found) == 1:
                return "transcribe", found[0].name, f"{found[0].name} says what is said"
            if found:
                raise ambiguous(columns, "could say what is said", found)
    for found in (labels, classes):
        if len(found) > 1:
            raise ambiguous(columns, "could be the label", found)
        if found and options.task != "transcribe":
            return "classify", found[0].name, f"{found[0].name} has {found[0].distinct} repeated values"
    empty = [column.name for column in columns if column.kind == "empty"]
    raise DataError(
        f"{columns.table.source}: no column says what is said in the clips, or which class they are",
        f"column {empty[0]} is empty" if empty else "put it beside them, in a column called text or label",
    )


def _called_text(column: Column) -> bool:
    return bare(column.name) in TEXT_NAMES
