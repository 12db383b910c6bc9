"""The plan of series that are written again: which rows or columns make a series, and what is left out."""

from __future__ import annotations

from seqcli.errors import DataError, UsageError
from seqcli.options import ColumnOptions
from seqcli.readers.table import Table
from seqcli.tasks.base import Plan
from seqcli.tasks.columns import Column, Columns, bare, name_words
from seqcli.tasks.reconstructing.odd import Known, known_column, odd_values
from seqcli.tasks.rules import LABEL_WORDS, LAST_WORDS, ambiguous
from seqcli.tasks.sound_plan import sound_column

TASK = "reconstruct"
SEQUENCE_WORDS = frozenset({"id", "series", "sequence", "recording", "trial", "session"})
LEAST_WIDE = 8
"""Columns of numbers from which a row is taken for a series without being told."""
NO_LABEL = "it looks like a label, and nothing is learnt from one"


def reconstruct_plan(table: Table, options: ColumnOptions) -> Plan:
    """What each column of ``table`` is for. Raises DataError or UsageError where there are no series."""
    columns = Columns(table, options.time, options.id)
    sound = sound_column(columns)
    if sound is not None:
        raise UsageError(
            f"{table.source}: --task {TASK} cannot be learnt from sound", "transcribe and classify read sound"
        )
    if options.text or options.level:
        flag = "--text" if options.text else "--level"
        raise UsageError(f"{flag}: --task {TASK} reads series of numbers, not text", f"leave out {flag}")
    if options.every:
        raise UsageError("--every is for a forecast of dates, and a series here has steps", "leave it out")
    judge, judged, labels = _judge(columns, options)
    time = columns.time_column()
    ids = () if options.wide else options.id or _ids(columns, time, judge)
    if options.wide and options.id:
        raise UsageError("--wide says that each row is a series, --id that many rows are", "leave out one")
    if time is not None and not ids and not options.wide:
        raise _one_series(columns, time)
    taken = {*judge, *labels, *ids, options.group, time.name if time else None}
    free = [column for column in columns if column.name not in taken]
    features, left_out = _features(free, options, wide=not ids)
    if not ids:
        _refuse_few(columns, features, options)
        what = (
            "--wide" if options.wide else f"{len(features)} columns of numbers, and none tells series apart"
        )
        shape = f"a row is a series, {features[0]} to {features[-1]}: {what}"
    else:
        found = "as typed" if options.id else "it tells series apart"
        shape = f"a series for each {', '.join(ids)}: {found}"
    left_out += [(name, NO_LABEL) for name in labels]
    return Plan(
        TASK,
        judge,
        tuple(features),
        time=time.name if time and ids else None,
        id=ids,
        group=options.group,
        left_out=tuple(left_out),
        reasons=(f"task {TASK}: as typed", shape, *judged),
    )


def known_in(table: Table, options: ColumnOptions, saved: Known | None) -> Known | None:
    """What of ``table`` is known to be odd: as typed, else as ``saved``, else what a column can only mean."""
    if not options.target and saved is not None and saved.column in table.names:
        return known_column(table, saved.column, options.anomalous) if options.anomalous else saved
    for name in options.target:
        table.column(name)  # raises DataError with the closest name
    judge, _, _ = _judge(Columns(table), options)
    return known_column(table, judge[0], options.anomalous) if judge else None


def _judge(columns: Columns, options: ColumnOptions) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """The column that says what is odd, if there is one; why; and other columns called like labels."""
    labels = [column for column in columns if _called_label(column) and column.name not in options.id]
    if len(options.target) > 1:
        raise UsageError(f"--target: one column says which series are odd, not {len(options.target)}", "")
    if options.target:
        chosen = columns[options.target[0]]
    elif options.anomalous:
        held = [
            column
            for column in (labels or list(columns))
            if set(options.anomalous) <= {cell.strip() for cell in column.texts}
        ]
        held = held or labels[:1]
        if len(held) > 1:
            raise ambiguous(columns, "could say which series are odd", held)
        if not held:
            raise UsageError(
                f"--anomalous: no column holds {', '.join(options.anomalous)}", "--target names the column"
            )
        chosen = held[0]
    else:
        sure = [column for column in labels if odd_values(sorted(column.texts))]
        if len(sure) != 1:
            return (), (), [column.name for column in labels]
        chosen = sure[0]
    known = known_column(columns.table, chosen.name, options.anomalous)
    why = f"odd is {chosen.name} {' or '.join(known.values)}: such series are not learnt from, and judged by"
    others = [column.name for column in labels if column.name != chosen.name]
    return (chosen.name,), (why,), others


def _called_label(column: Column) -> bool:
    words = {word for words in LABEL_WORDS for word in words} | {"anomaly", "outlier", "fault"}
    if column.kind == "empty" or not (column.repeated or column.constant):
        return False
    return bare(column.name) in words or name_words(column.name)[-1:] in [[word] for word in LAST_WORDS]


def _ids(columns: Columns, time: Column | None, judge: tuple[str, ...]) -> tuple[str, ...]:
    """The column whose equal values make one series."""
    if time is not None:
        found = columns.separators(time.name)
    else:
        found = [
            (column.name,)
            for column in columns
            if column.repeated and SEQUENCE_WORDS & {bare(column.name), *name_words(column.name)[-1:]}
        ]
    fitting = [
        ids
        for ids in found
        if not {*ids} & {*judge} and not any(columns.varies_within(name, ids) for name in judge)
    ]
    return fitting[0] if fitting else ()


def _features(
    free: list[Column], options: ColumnOptions, wide: bool
) -> tuple[list[str], list[tuple[str, str]]]:
    """Columns of numbers, and what is left out of those that are free."""
    features: list[str] = []
    left_out: list[tuple[str, str]] = []
    for column in free:
        typed = column.name in options.features
        if options.features and not typed:
            continue
        if column.kind != "number":
            if typed:
                raise DataError(
                    f"{column.table.source}, column {column.name}: not numbers", "leave it out of --features"
                )
            left_out.append((column.name, "empty" if column.kind == "empty" else "not numbers"))
        elif not typed and (column.identifier if wide else column.useless):
            left_out.append((column.name, "it names rows" if wide else column.useless))
        else:
            features.append(column.name)
    return features, left_out


def _one_series(columns: Columns, time: Column) -> DataError:
    """The error for rows over time that no column tells apart."""
    return DataError(
        f"{columns.table.source}: one series over {time.name}, and --task {TASK} compares many",
        "--id names the column that tells series apart; in one long series: seqcli forecast, then "
        "--flag-anomalies",
    )


def _refuse_few(columns: Columns, features: list[str], options: ColumnOptions) -> None:
    """Raise DataError where rows hold too few numbers to be series."""
    least = 2 if options.wide else LEAST_WIDE
    if len(features) >= least:
        return
    what = f"{len(features)} column{'s' if len(features) != 1 else ''} of numbers"
    raise DataError(
        f"{columns.table.source}: {what}, and no column tells series apart",
        "--id names one; --wide reads each row as a series, its values from left to right",
    )
