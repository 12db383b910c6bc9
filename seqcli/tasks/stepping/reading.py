"""Series whose steps each get a label → examples: whole, or in pieces with what stands around them.

A long series is cut into pieces of about the same length. Each is read with ``margin`` steps on either side,
which are seen and not answered, so that no answer stands at a cut. Where the network reads one way, pieces
have one length and a margin ahead of them alone: what stands behind a step changes nothing, so that a stream
is answered as the whole file is. Numbers are scaled on training rows; a base of DNA is its shares of A, C, G
and T.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import Options
from seqcli.preprocessing.dna import bare_bases, encode_bases, looks_like_dna
from seqcli.preprocessing.places import places_of
from seqcli.readers.table import Table
from seqcli.sequences import Batchable, Field, IntArray, LookUp, Sequences
from seqcli.tasks.base import Plan
from seqcli.tasks.dna_input import BASES_HINT, MOST_BASES, Dna, bad_bases
from seqcli.tasks.features import Features
from seqcli.tasks.inputs import BASES_FIELD, PLACE, VALUES, Grouping, Inputs, group_rows

STEP = "step"
"""The field that says which step, counted over all series, each step of a piece is; -1 at its margins."""
WHOLE = 400
"""Steps of a series that are read in one piece."""
PIECES = 50
"""Pieces that the training steps should make, so that there is something to draw batches from;"""
SHORTEST, LONGEST = 25, 200
"""of so many steps."""
MARGIN = 50
"""Steps around a piece, at the least; half of a long piece."""


@dataclass(frozen=True)
class StepInputs:
    """Fitted inputs, and how long series are cut."""

    inputs: Inputs
    piece: int
    """Steps that are answered at a time, in a series that is not read whole."""
    whole: int
    """Steps of the longest series that is read whole, where the network reads both ways."""
    margin: tuple[int, int]
    """Steps that are read ahead of a piece, and behind it."""

    @classmethod
    def fit(cls, table: Table, plan: Plan, options: Options, both_ways: bool) -> tuple[StepInputs, list[str]]:
        """Fit on ``table``, which holds training rows only; returns what should be said of it too."""
        rules: list[str] = []
        inputs = Inputs(plan.text, plan.id, plan.time, None, None, None)
        if plan.text:
            inputs = replace(inputs, dna=_fit_bases(table, plan, options, rules))
        else:
            inputs = replace(inputs, features=Features.fit(table, plan.features, options.reading.missing))
            if inputs.features and inputs.features.numbers:
                rules.append(f"numbers scaled by {len(table):,} training rows")
        lengths = np.diff(step_lines(table, inputs).offsets)
        longest, total = int(lengths.max(initial=1)), int(lengths.sum())
        piece, whole = LONGEST, WHOLE
        if longest > WHOLE or len(lengths) < PIECES:
            piece = int(np.clip(total // PIECES, SHORTEST, LONGEST))
            whole = WHOLE if piece == LONGEST else max(2 * piece, 2 * MARGIN)
        whole, reach = whole if both_ways else piece, max(MARGIN, piece // 2)
        found = cls(inputs, piece, whole, (reach, reach if both_ways else 0))
        if longest > whole:
            sides = "on either side" if both_ways else "ahead of them"
            rules.append(
                f"series of more than {whole} steps are read {piece} at a time, with {reach} more {sides}"
            )
        elif both_ways:
            found = replace(
                found, inputs=replace(inputs, places=inputs.same_length(table) if _told(inputs) else 0)
            )
        return found, rules

    def encode(self, table: Table) -> tuple[Batchable, Grouping]:
        """All series of ``table`` as pieces, and which rows (of DNA: bases) each series holds, in order.

        ``row_ids`` name the first row of the series that each piece is of.
        """
        lines = step_lines(table, self.inputs)
        places, offsets, owners = self.cut(lines.offsets)
        core = places >= 0
        steps = np.where(core, places, -1 - places)
        fields: dict[str, Field] = {}
        if self.inputs.dna is not None:
            bases = encode_bases(table.cells(self.inputs.text[0]))
            numbers = bases.numbers.values[steps]
            fields[BASES_FIELD] = LookUp(Sequences(numbers, offsets), bases.table)
        elif self.inputs.features is not None:
            values = self.inputs.features.matrix(table.take(lines.order), lines.offsets)
            fields[VALUES] = Sequences(values[steps], offsets)
        if self.inputs.places:
            fields[PLACE] = places_of(offsets, self.inputs.places)
        fields[STEP] = Sequences(np.where(core, steps, -1), offsets)
        first = owners if self.inputs.dna is not None else lines.order[lines.offsets[owners]]
        return Batchable(fields, first.astype(np.int64)), lines

    def cut(self, offsets: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Pieces of series with ``offsets`` (N + 1,): their steps, offsets (P + 1,), and series (P,).

        Step j of a margin stands as -1 - j.
        """
        places, lengths, owners = [], [], []
        ahead, behind = self.margin
        for series, (start, stop) in enumerate(zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)):
            for first, last in pairwise(self._ends(start, stop)):
                steps = np.arange(max(start, first - ahead), min(stop, last + behind))
                places.append(np.where((steps >= first) & (steps < last), steps, -1 - steps))
                lengths.append(len(steps))
                owners.append(series)
        joined = np.concatenate(places) if places else np.empty(0, np.int64)
        return joined, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), np.array(owners, np.int64)

    def _ends(self, start: int, stop: int) -> list[int]:
        """Where the pieces of a series begin, and where the last one ends."""
        if self.one_way:
            return [*range(start, stop, self.piece), stop]
        count = 1 if stop - start <= self.whole else -(-(stop - start) // self.piece)
        return sorted({*np.linspace(start, stop, count + 1).astype(np.int64).tolist()})

    @property
    def one_way(self) -> bool:
        """Whether nothing behind a step is read for its answer."""
        return self.margin[1] == 0

    def bad_rows(self, table: Table) -> dict[int, str]:
        """Rows with a cell that no prediction should rest on: position → what is wrong."""
        return self.inputs.bad_rows(table)

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {
            "inputs": self.inputs.to_json(),
            "piece": self.piece,
            "whole": self.whole,
            "margin": list(self.margin),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StepInputs:
        """Rebuild from :meth:`to_json`. Raises ModelError, KeyError, TypeError or ValueError otherwise."""
        ahead, behind = (int(steps) for steps in data["margin"])
        inputs = Inputs.from_json(data["inputs"])
        found = cls(inputs, int(data["piece"]), int(data["whole"]), (ahead, behind))
        one = (inputs.dna is None) != (inputs.features is None)
        sound = 0 < found.piece <= found.whole and 0 <= min(found.margin) <= max(found.margin) <= 10 * LONGEST
        if not one or not sound or found.whole > 10 * WHOLE or inputs.vocabulary or inputs.sound:
            raise ModelError("the model's inputs contradict each other", "train it again")
        return found


def step_lines(table: Table, inputs: Inputs) -> Grouping:
    """The steps of all series of ``table``, laid end to end.

    Of numbers the order in which rows are steps, by id and then by time; of DNA each base of each row.
    """
    if inputs.text:
        lengths = [max(len(bare_bases(cell)), 1) for cell in table.cells(inputs.text[0])]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Grouping(np.arange(int(offsets[-1])), offsets)
    return series_rows(table, inputs.ids, inputs.time)


def series_rows(table: Table, ids: tuple[str, ...], time: str | None) -> Grouping:
    """Which rows make which series, in time; without ids all rows are one."""
    if ids:
        return group_rows(table, ids, time)
    order = np.arange(len(table)) if time is None else _in_time(table, time)
    return Grouping(order, np.array([0, len(table)], dtype=np.int64))


def _in_time(table: Table, time: str) -> IntArray:
    when = table.dates(time).values if table.kind(time) == "date" else table.numbers(time).values
    return np.argsort(when, kind="stable").astype(np.int64)


def _told(inputs: Inputs) -> bool:
    """Whether steps may be told their place: series that begin anew, each."""
    return inputs.dna is not None or bool(inputs.ids)


def _fit_bases(table: Table, plan: Plan, options: Options, rules: list[str]) -> Dna:
    """How bases are read: all of each row.

    Raises DataError where the column holds none, UsageError for what bases with labels are not read by.
    """
    name, level = plan.text[0], options.columns.level
    if level not in (None, "dna") or (level is None and not looks_like_dna(table.cells(name))):
        raise DataError(
            f"{table.source}, column {name}: labels for each letter are learnt of DNA alone",
            "--level dna reads it as such; words with tags have a row each",
        )
    for fault in bad_bases(table, name).values():
        raise DataError(fault, BASES_HINT)
    if options.network.kmers:
        raise UsageError(
            "--kmers reads runs for a label of the whole sequence, and here each base has one",
            "leave out --kmers",
        )
    rules.append(f"{name} read as DNA: shares of A, C, G, T at each base")
    return Dna(MOST_BASES, options.network.reverse_complement)
