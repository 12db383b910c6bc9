"""From a table and what the user typed to a :class:`Plan`: which task, which columns, and why."""

from __future__ import annotations

from seqcli.errors import DataError, UsageError
from seqcli.options import ColumnOptions, ReadingOptions
from seqcli.readers.aggregate import first_shared_time
from seqcli.readers.fasta import from_fasta
from seqcli.readers.music import PIECE
from seqcli.readers.roles import counted
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan
from seqcli.tasks.columns import Column, Columns, bare, name_words
from seqcli.tasks.forecasting.choices import LEAST_ROWS
from seqcli.tasks.forecasting.moments import without_doubled_hours
from seqcli.tasks.forecasting.static import find_static
from seqcli.tasks.label_rules import (
    are_labels,
    is_truth,
    separated_column,
    separator_for,
    separators_of,
    several_sentence,
)
from seqcli.tasks.language_plan import language_plan
from seqcli.tasks.music_plan import pieces_plan
from seqcli.tasks.parts import LEAST_EXAMPLES
from seqcli.tasks.reconstructing.plan import reconstruct_plan
from seqcli.tasks.row_inputs import row_inputs
from seqcli.tasks.rules import LABEL_WORDS, RULES, Found, ambiguous, forecast_target, label_named
from seqcli.tasks.sound_plan import sound_column, sound_plan
from seqcli.tasks.stepping.finding import labels_steps, rows_alone, steps_plan, typed_steps
from seqcli.tasks.tag_plan import form_of, is_conll, tag_plan
from seqcli.tasks.translate_plan import refuse_one_text, translate_plan
from seqcli.tasks.wide_plan import is_wide, wide_plan

NUMBER_WORDS = frozenset({"y", "target", "score", "rating", "stars"})
"""Names of the number to learn where --task regress stands alone."""
SEQUENCE_WORDS = frozenset({"id", "series", "sequence", "recording", "trial", "session"})
"""Names that collect rows into sequences even where no time stamps stand beside them."""


def make_plan(table: Table, options: ColumnOptions, reading: ReadingOptions) -> Plan:
    """Decide what ``table`` is for and what each column does.

    What was typed comes first, then :data:`~seqcli.tasks.rules.RULES` from the top. Raises DataError
    for a column that is not there, for a choice that only the user can make (with the candidates) and
    for a task that this version does not learn.
    """
    if table.unit == PIECE:
        return pieces_plan(table, options)
    if options.task == "tag" or (options.task is None and (options.tag_column or form_of(table))):
        return tag_plan(table, options)
    if is_conll(table):
        raise DataError(
            f"{table.source}: one word and its tag a line, which is for the task tag, not {options.task}",
            "--input-format csv reads it as a table",
        )
    targets = () if options.wide else options.target
    for name in (
        *targets,
        *options.features,
        *options.text,
        *options.id,
        options.time,
        options.group,
        options.condition,
    ):
        if name is not None:
            table.column(name)
    if options.task == "reconstruct":
        return reconstruct_plan(table, options)
    if is_wide(table, options):
        return wide_plan(table, options)
    columns = Columns(table, options.time, options.id)
    audio = sound_column(columns)
    if audio is not None:
        return sound_plan(columns, audio, options)
    if _is_language(table, options):
        return language_plan(columns, options)
    time = columns.time_column()
    planned = without_doubled_hours(table, time.name if time else None)
    if planned is not table:
        columns = Columns(planned, options.time, options.id)
    task, found = _decide(columns, options)
    if task == "language":
        _refuse_unlabelled(columns, options.task)
        return language_plan(columns, options, found.reason)
    if task == "translate":
        return translate_plan(columns, options, found)
    if task == "steps":
        return steps_plan(columns, found.target[0], found.reason, options)
    if task == "forecast":
        return _forecast_plan(columns, found, options, reading)
    return _row_plan(columns, task, found, options)


def _is_language(table: Table, options: ColumnOptions) -> bool:
    """Whether the user said so, or named what only a language model depends on, or gave lines of text."""
    lines = table.unit == "line" and len(table.names) == 1
    return options.task == "language" or (
        options.task is None and (options.condition is not None or (lines and not options.target))
    )


def _decide(columns: Columns, options: ColumnOptions) -> tuple[str, Found]:
    """The task and its target."""
    if options.label_separator and options.task not in (None, "multilabel"):
        raise UsageError(
            f"--label-separator means nothing to the task {options.task}", "leave out --label-separator"
        )
    if options.target:
        task = options.task or _task_of(columns, options)
        separator = separator_for(columns, options.target, options) if task == "multilabel" else ""
        typed = several_sentence(columns[options.target[0]], separator) if separator else ""
        return task, Found(options.target, f"target {typed or ', '.join(options.target)} as typed", separator)
    if options.label_separator:
        column = separated_column(columns, options)
        said = several_sentence(column, options.label_separator)
        return "multilabel", Found((column.name,), said, options.label_separator)
    if options.task == "steps":
        labels = typed_steps(columns, options, label_named(columns))
        return "steps", Found((labels.target,), labels.why)
    for rule in RULES:
        if options.task in (None, rule.task) and (found := rule.find(columns)):
            if rule.task != "forecast":
                _refuse_one_class(columns)
            if rule.task == "translate":
                _refuse_few(columns)
            return rule.task, found
    if options.task == "forecast":
        time = columns.time_column()
        targets, reason = forecast_target(columns, time.name if time else None)
        if targets:
            return "forecast", Found(targets, reason)
        raise _nothing_to_forecast(columns)
    _refuse_one_class(columns)
    if options.task == "translate":
        refuse_one_text(columns)
    _refuse_unlabelled(columns, options.task)
    candidates = _candidates(columns, options.task)
    if options.task in {"classify", "regress"} and len(candidates) == 1:
        return options.task, Found((candidates[0].name,), f"{candidates[0].name} is the only candidate")
    if candidates:
        raise ambiguous(columns, "could be the target", candidates)
    _refuse_few(columns)
    _refuse_constant(columns)
    kinds = ", ".join(f"{column.name or 'a nameless column'} ({column.kind})" for column in list(columns)[:8])
    raise DataError(
        f"{columns.table.source}: no rule says what to learn from {kinds}",
        "--task and --target say it",
    )


def _refuse_unlabelled(columns: Columns, task: str | None) -> None:
    """Raise DataError for sequences of a FASTA file that nothing is said of."""
    table = columns.table
    if task is None and from_fasta(table.names, table.unit) and len(table.names) == 2:
        raise DataError(
            f"{table.source}: nothing says which class each sequence is",
            "give a file for each class: seqcli train pos.fa neg.fa; or write >name|class",
        )


def _nothing_to_forecast(columns: Columns) -> DataError:
    """The error for a file without a column of numbers that could be the target, with what there is."""
    _refuse_few(columns)
    _refuse_constant(columns)
    time = columns.time_column()
    known = dict.fromkeys(columns.ids, "the id") | ({time.name: "the time"} if time else {})
    found = []
    for column in list(columns)[:8]:
        use = column.useless if column.kind == "number" else ""
        found.append(f"{column.name} ({known.get(column.name) or use or column.kind})")
    return DataError(
        f"{columns.table.source}: no column of numbers to forecast among {', '.join(found)}",
        "--target names one; seqcli train learns from texts and classes",
    )


def _refuse_one_class(columns: Columns) -> None:
    """Raise DataError where each column that is called like a label says the same in every row."""
    called = [column for column in columns if bare(column.name) in {*LABEL_WORDS[0], *LABEL_WORDS[1]}]
    if called and all(len(set(column.cells)) < 2 for column in called):
        only = f"only {called[0].cells[0]!r}" if called[0].cells else "nothing"
        raise DataError(
            f"{columns.table.source}, column {called[0].name}: it holds {only}",
            "a label needs two or more values; --target names another column",
        )


def _refuse_constant(columns: Columns) -> None:
    """Raise DataError for a column of numbers that never change, where no other can be learnt."""
    still = [column.name for column in columns if column.kind == "number" and column.constant]
    if still:
        raise DataError(
            f"{columns.table.source}, column {still[0]}: every row says the same, which teaches nothing",
            "choose another --target",
        )


def _refuse_few(columns: Columns) -> None:
    """Raise DataError where the rows are too few to see what a file with a label or a time is for."""
    rows, names = len(columns.table), {bare(column.name) for column in columns}
    words = {*LABEL_WORDS[0], *LABEL_WORDS[1]} - {"target"}  # which also means a translation
    meant = not names.isdisjoint(words) or columns.time_column() is not None
    if rows < LEAST_EXAMPLES and meant:
        raise DataError(
            f"{columns.table.source}: {counted(rows, 'row')} cannot be learnt from",
            f"at least {LEAST_EXAMPLES} are needed, {LEAST_ROWS} for a forecast",
        )


def _task_of(columns: Columns, options: ColumnOptions) -> str:
    """The task that a typed target means: strings are classes, texts beside texts their translation,
    numbers over time a series."""
    target = options.target
    if options.label_separator:
        return "multilabel"
    if len(target) > 1:
        return "multilabel" if are_labels(columns, target) else "forecast"
    column = columns[target[0]]
    if labels_steps(columns, column, options):
        return "steps"
    if separators_of(column):
        return "multilabel"
    if column.kind != "number":
        read = [other for other in columns if other.running_text and other.name != column.name]
        written = column.running_text and not column.classes and 2 * column.distinct > column.written
        return "translate" if written and read else "classify"
    time = columns.time_column()
    if time is not None and not any(other.running_text for other in columns):
        constant = any(not columns.varies_within(column.name, ids) for ids in columns.separators(time.name))
        alone = not columns.repeats([time.name]) or columns.separators(time.name)
        if alone and not constant and not (column.classes and column.distinct == 2):
            return "forecast"
    return "classify" if column.classes else "regress"


def _candidates(columns: Columns, task: str | None) -> list[Column]:
    """Columns that could be the target, for an error or for the only choice."""
    if task == "regress":
        numbers = [column for column in columns.of_kind("number") if not column.useless]
        named = [column for column in numbers if bare(column.name) in NUMBER_WORDS]
        return named[:1] or numbers
    if task in ("forecast", "translate"):
        return columns.of_kind("text") if task == "translate" else []
    if task == "multilabel":
        return [column for column in columns if separators_of(column) or is_truth(column)]
    return [column for column in columns if column.classes and column.kind in {"text", "number"}]


def _forecast_plan(columns: Columns, found: Found, options: ColumnOptions, reading: ReadingOptions) -> Plan:
    """Time, ids and further inputs of a series."""
    time = columns.time_column()
    reasons = [f"task forecast: {found.reason}"]
    ids = options.id
    if time is not None and time.name in ids:
        raise UsageError(
            f"--id: column {time.name} says when a row was, and cannot say of which series it is",
            "leave it out of --id",
        )
    if time is not None:
        if not ids and not reading.aggregate:
            ids = next(iter(columns.separators(time.name)), ())
            if ids:
                reasons.append(
                    f"series by {', '.join(ids)}: it tells apart the rows that share one {time.name}"
                )
        if not reading.aggregate:
            _refuse_repeated(columns, time.name, ids)
    else:
        reasons.append("no column of time: the rows are in order")
    for name in found.target:
        if columns[name].kind != "number":
            raise DataError(
                f"{columns.table.source}, column {name}: not numbers, so there is nothing to forecast",
                "--target names a column of numbers; seqcli train learns classes",
            )
    taken = {*found.target, *ids, time.name if time else None, options.group}
    usable = [column for column in columns if column.name not in taken]
    features, static, left_out = _further_inputs(usable, ids, options)
    return Plan(
        "forecast", found.target, features, (), time.name if time else None, ids, options.group,
        left_out, tuple(reasons), static=static,
    )  # fmt: skip


def _further_inputs(
    usable: list[Column], ids: tuple[str, ...], options: ColumnOptions
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Of columns that are free: the inputs of a series' past, its static columns, and what is left out."""
    features: list[str] = []
    left_out: list[tuple[str, str]] = []
    typed = [column for column in usable if column.name in options.features]
    chosen = typed if options.features else usable
    static = find_static(chosen[0].table, ids, [column.name for column in chosen]) if chosen else ()
    for column in chosen:
        reason = "not numbers" if column.kind != "number" else "" if typed else column.useless
        if column.name in static:
            continue
        if reason and typed:
            raise DataError(
                f"{column.table.source}, column {column.name}: not numbers", "leave it out of --features"
            )
        if reason:
            left_out.append((column.name, reason))
        else:
            features.append(column.name)
    return tuple(features), static, tuple(left_out)


def _refuse_repeated(columns: Columns, time: str, ids: tuple[str, ...]) -> None:
    """Raise DataError when several rows share one time (and id), with what would help."""
    row = first_shared_time(columns.table, time, ids)
    if row < 0:
        return
    several = columns.separators(time, most=3) if not ids else []
    proposal = f", --id {','.join(several[0])} tells them apart" if several else ""
    raise DataError(
        f"{columns.table.where(row, time)}: {columns.table.cells(time)[row]} comes more than once",
        f"--aggregate sum, mean or last merges such rows{proposal}",
    )


def _row_plan(columns: Columns, task: str, found: Found, options: ColumnOptions) -> Plan:
    """Inputs, ids and time of rows that each (or each sequence of them) get one answer."""
    if len(found.target) != 1 and task != "multilabel":
        raise DataError(f"{columns.table.source}: {task} has one target", "name one column with --target")
    target = columns[found.target[0]]
    if task == "regress" and target.kind != "number":
        raise DataError(
            f"{columns.table.source}, column {target.name}: not numbers", "--task classify learns classes"
        )
    reasons = [f"task {task}: {found.reason}"]
    time = columns.time_column()
    ids = options.id or _sequence_ids(columns, target.name, time)
    if ids and not options.id:
        reasons.append(f"sequences by {', '.join(ids)}: {target.name} is the same within each")
    if not ids and options.time is None:
        reasons += rows_alone(columns, target, time) if task == "classify" else ()
        time = None
    taken = {*found.target, *ids, time.name if time else None, options.group}
    usable = [column for column in columns if column.name not in taken]
    inputs = row_inputs(columns, usable, options)
    if not inputs.text and not inputs.features:
        moment = columns.time_column()
        if moment is not None and target.kind == "number":  # a series, but for rows that share a moment
            _refuse_repeated(columns, moment.name, ids)
        raise DataError(
            f"{columns.table.source}: no column is left to learn {target.name} from",
            "name some with --features",
        )
    if ids and inputs.text:
        raise DataError(
            f"{columns.table.source}: --id collects rows of numbers, and {inputs.text[0]} is text",
            "--group keeps such rows on one side of the split",
        )
    return Plan(
        task, found.target, tuple(inputs.features), tuple(inputs.text), time.name if time else None, ids,
        options.group, tuple(inputs.left_out), tuple(reasons), separator=found.separator,
    )  # fmt: skip


def _sequence_ids(columns: Columns, target: str, time: Column | None) -> tuple[str, ...]:
    """The column whose equal values make one sequence: one answer within each, one row a time."""
    if any(column.running_text for column in columns):
        return ()
    if time is not None:
        found = columns.separators(time.name)
    else:
        found = [
            (column.name,)
            for column in columns
            if column.repeated and SEQUENCE_WORDS & {bare(column.name), *name_words(column.name)[:-1]}
        ]
    fitting = [ids for ids in found if target not in ids and not columns.varies_within(target, ids)]
    return fitting[0] if fitting else ()
