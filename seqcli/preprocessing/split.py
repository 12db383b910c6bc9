"""Three parts that share nothing: training, validation, test.

Rows without an order are drawn by class (:func:`stratified_split`), rows of a time series are cut
along time (:func:`chronological_split`) and never shuffled. Both are functions of their arguments
alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError
from seqcli.sequences import AnyArray, IntArray

Values: TypeAlias = Sequence[Hashable] | AnyArray

TRAIN, VALIDATION, TEST = 0, 1, 2
_PART_NAMES = ("training", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Ascending positions (n,) of the rows of each part: disjoint, together all rows (N,)."""

    train: IntArray
    validation: IntArray
    test: IntArray
    sentences: tuple[str, ...] = ()
    """What a person should know: sizes, what was kept together, at which date it was cut."""

    @classmethod
    def from_parts(cls, parts: IntArray, sentences: Iterable[str]) -> Split:
        """From the part number of each row (N,): 0 training, 1 validation, 2 test."""
        train, validation, test = (np.flatnonzero(parts == part) for part in (TRAIN, VALIDATION, TEST))
        return cls(train, validation, test, tuple(sentences))


def stratified_split(
    labels: Values | None,
    *,
    groups: Values | None = None,
    keys: Values | None = None,
    validation_share: float,
    test_share: float,
    seed: int,
) -> Split:
    """Draw validation and test at random, each class in about its share, every class in training.

    ``labels`` (N,) are classes (None where there are none: give ``groups`` or ``keys``). Rows with
    equal ``groups`` stay in one part, and so do rows with equal ``keys`` (their content); chains of
    both are followed. A part whose share is 0 stays empty; any other holds a row at least.
    Raises DataError when there are too few rows or groups for that.
    """
    given = next(values for values in (labels, groups, keys) if values is not None)
    rows = len(given)
    classes = _numbers(labels) if labels is not None else np.zeros(rows, dtype=np.int64)
    rng = np.random.default_rng(seed)
    units = _units(rows, groups, keys)
    shares = np.array([1.0 - validation_share - test_share, validation_share, test_share])
    wanted = int((shares > 0).sum())
    if len(np.unique(units)) < wanted:
        count = len(np.unique(units))
        what = "row" if groups is None and keys is None else "independent group"
        raise DataError(
            f"{count} {what}{'s' if count != 1 else ''} cannot be split in {wanted} parts",
            "give more rows, or --validation-share 0 or --test-share 0",
        )
    parts = _draw(classes, units, shares, rng)
    _give_training_every_class(parts, classes, units)
    _fill_empty_parts(parts, classes, units, shares)
    counts = np.bincount(parts, minlength=3)
    named = [
        f"{count:,} {part}" for count, part, share in zip(counts, _PART_NAMES, shares, strict=True) if share
    ]
    drawn = (", by class" if labels is not None else "") + f", seed {seed}"
    sentences = [f"split {', '.join(named)} rows{drawn}" if len(named) > 1 else f"all {named[0]} rows"]
    if groups is not None:
        sentences.append(f"{len(np.unique(_numbers(groups))):,} groups, each kept in one part")
    if keys is not None:
        repeated = rows - len(np.unique(_numbers(keys)))
        if repeated:
            sentences.append(f"{repeated:,} rows repeat another row; equal rows were kept in one part")
    return Split.from_parts(parts, sentences)


def _numbers(values: Values) -> IntArray:
    """Each value's number (N,), in order of first appearance; long texts are hashed, not sorted."""
    seen: dict[Hashable, int] = {}
    items = values.tolist() if isinstance(values, np.ndarray) else values
    return np.fromiter((seen.setdefault(item, len(seen)) for item in items), dtype=np.int64, count=len(items))


def _units(rows: int, groups: Values | None, keys: Values | None) -> IntArray:
    """Number of the indivisible unit of each row (N,), following chains of groups and keys."""
    if groups is None and keys is None:
        return np.arange(rows)
    if groups is None or keys is None:
        return _numbers(keys if groups is None else groups)  # type: ignore[arg-type]
    by_group, by_key = _numbers(groups), _numbers(keys)
    keys_from = int(by_group.max(initial=-1)) + 1  # groups and keys are nodes, rows are edges
    parent = list(range(keys_from + int(by_key.max(initial=-1)) + 1))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for group, key in zip(by_group.tolist(), by_key.tolist(), strict=True):
        parent[root(keys_from + key)] = root(group)
    return np.fromiter((root(group) for group in by_group.tolist()), dtype=np.int64, count=rows)


def _draw(
    classes: IntArray, units: IntArray, shares: NDArray[np.float64], rng: np.random.Generator
) -> IntArray:
    """Part of each row (N,): units of several rows first, largest first, then single rows by class."""
    parts = np.full(len(classes), TRAIN, dtype=np.int64)
    totals = np.bincount(classes).astype(np.float64)  # (C,)
    need = shares[:, None] * totals  # (3, C) rows still wanted
    order = np.argsort(units, kind="stable")
    cuts = np.flatnonzero(np.diff(units[order])) + 1
    members = np.split(order, cuts) if len(order) else []
    several = [rows for rows in members if len(rows) > 1]
    several = [several[index] for index in rng.permutation(len(several))]
    for rows in sorted(several, key=len, reverse=True):
        kinds, counts = np.unique(classes[rows], return_counts=True)
        # Where the unit fits, it goes to the part that lacks the largest share of what it wants.
        lack = np.where(
            need.sum(axis=1) >= len(rows),
            (need[:, kinds] @ counts) / np.maximum(shares * (totals[kinds] @ counts), 1e-12),
            -np.inf,
        )
        part = int(np.argmax(lack)) if np.isfinite(lack).any() else TRAIN
        parts[rows] = part
        need[part, kinds] -= counts
    single = np.array([rows[0] for rows in members if len(rows) == 1], dtype=np.int64)
    _draw_single_rows(parts, single, classes, np.maximum(need, 0.0), rng)
    return parts


def _draw_single_rows(
    parts: IntArray,
    single: IntArray,
    classes: IntArray,
    need: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Write the parts of rows that stand alone: each class in its share, rounding errors carried on."""
    owed = np.zeros(3)
    for kind in rng.permutation(need.shape[1]):
        rows = rng.permutation(single[classes[single] == kind])
        if not len(rows):
            continue
        weight = need[:, kind].sum()
        owed += need[:, kind] * (len(rows) / weight) if weight > 0 else np.array([len(rows), 0.0, 0.0])
        test = int(np.clip(round(owed[TEST]), 0, len(rows)))
        validation = int(np.clip(round(owed[VALIDATION]), 0, len(rows) - test))
        parts[rows[:test]] = TEST
        parts[rows[test : test + validation]] = VALIDATION
        owed -= [len(rows) - test - validation, validation, test]


def _give_training_every_class(parts: IntArray, classes: IntArray, units: IntArray) -> None:
    """Move the smallest unit that holds a class missing in training into training."""
    missing = np.setdiff1d(classes, classes[parts == TRAIN])
    sizes = np.bincount(units) if len(units) else np.zeros(0, dtype=np.int64)
    for kind in missing:
        if (classes[parts == TRAIN] == kind).any():  # came along with another class
            continue
        holders = units[classes == kind]
        parts[units == holders[np.argmin(sizes[holders])]] = TRAIN


def _fill_empty_parts(
    parts: IntArray, classes: IntArray, units: IntArray, shares: NDArray[np.float64]
) -> None:
    """Give each part that is wanted but empty the smallest unit that the others can spare."""
    for part in (TRAIN, TEST, VALIDATION):
        if shares[part] <= 0 or (parts == part).any():
            continue
        donor_units = {
            donor: np.unique(units[parts == donor]) for donor in (TRAIN, TEST, VALIDATION) if donor != part
        }
        for spare_class_only in (True, False):
            found = _smallest_spare(parts, classes, units, donor_units, spare_class_only)
            if found is not None:
                parts[units == found] = part
                break


def _smallest_spare(
    parts: IntArray,
    classes: IntArray,
    units: IntArray,
    donor_units: dict[int, IntArray],
    spare_class_only: bool,
) -> int | None:
    """The smallest unit of a part with several; ``spare_class_only``: that training can lose."""
    sizes = np.bincount(units)
    candidates = [
        (int(sizes[unit]), donor, int(unit))
        for donor, owned in donor_units.items()
        if len(owned) > 1
        for unit in owned
    ]
    in_train = np.bincount(classes[parts == TRAIN], minlength=int(classes.max()) + 1)
    for _, donor, unit in sorted(candidates):
        taken = np.bincount(classes[units == unit], minlength=len(in_train))
        if donor != TRAIN or not spare_class_only or not ((taken > 0) & (taken >= in_train)).any():
            return unit
    return None


def chronological_split(
    lengths: IntArray,
    *,
    validation_share: float,
    test_share: float,
    at_least: int = 1,
    stamps: AnyArray | None = None,
) -> Split:
    """Cut each series along time: its past trains, then validation, its future tests.

    ``lengths`` (S,) are the steps of each series, laid end to end in time order; positions count
    along that line. A held-out part with a share above 0 gets ``at_least`` steps (one horizon, say)
    of each series that has three times as many. With ``stamps`` (total steps,) all series are cut
    at the same two moments, so that no series trains on what is another's future, unless that would
    leave more than a tenth of the series without a part; then each is cut by its own share.
    """
    lengths = np.asarray(lengths, dtype=np.int64)
    parts = _cut_by_share(lengths, validation_share, test_share, at_least)
    sentences: list[str] = []
    if stamps is not None and len(lengths) > 1 and len(stamps):
        common = _cut_by_moment(lengths, parts, stamps)
        series = np.repeat(np.arange(len(lengths)), lengths)
        wanted = np.unique(parts)
        present = np.ones(len(lengths), dtype=bool)
        for part in wanted:
            present &= np.bincount(series[common == part], minlength=len(lengths)) >= (
                1 if part == TRAIN else at_least
            )
        if present.sum() >= 0.9 * (lengths >= 3 * at_least).sum():
            parts = common
            sentences.append("all series are cut at the same moments")
        else:
            sentences.append("each series is cut by its own share: they do not cover the same time")
    return Split.from_parts(parts, [_sizes(parts, stamps), *sentences])


def _sizes(parts: IntArray, stamps: AnyArray | None) -> str:
    """One sentence: the steps of each part and, with ``stamps``, where it begins."""
    said = []
    for part, name in enumerate(_PART_NAMES):
        rows = np.flatnonzero(parts == part)
        since = ""
        if stamps is not None and len(rows) and part != TRAIN:
            since = f" from {_moment(stamps[rows].min())}"
        said.append(f"{len(rows):,} {name} steps{since}")
    return "split along time: " + ", ".join(said)


def _moment(stamp: object) -> str:
    """A stamp for a sentence: a date where it is midnight, the number of a step."""
    text = str(stamp)
    return (
        text.split("T", maxsplit=1)[0] if text.endswith("T00:00:00.000000") else text.removesuffix(".000000")
    )


def _cut_by_share(lengths: IntArray, validation_share: float, test_share: float, at_least: int) -> IntArray:
    """Part of each step when every series is cut by its own share."""
    held = []
    for share in (validation_share, test_share):
        wanted = np.rint(lengths * share).astype(np.int64)
        floor = np.where(lengths >= 3 * at_least, at_least, 0) if share > 0 else 0
        held.append(np.maximum(wanted, floor))
    validation, test = held
    train = np.maximum(lengths - validation - test, 0)
    step = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    parts = (step >= np.repeat(train, lengths)).astype(np.int64)
    return parts + (step >= np.repeat(train + validation, lengths))


def _cut_by_moment(lengths: IntArray, parts: IntArray, stamps: AnyArray) -> IntArray:
    """Part of each step when all series are cut where the longest one is cut by its share."""
    longest = int(np.argmax(lengths))
    start = int(lengths[:longest].sum())
    own_parts, own_stamps = parts[start : start + lengths[longest]], stamps[start : start + lengths[longest]]
    common = np.full(len(stamps), TRAIN, dtype=np.int64)
    for part in (VALIDATION, TEST):
        if (own_parts == part).any():
            common[stamps >= own_stamps[own_parts == part].min()] = part
    return common
