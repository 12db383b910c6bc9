from __future__ import annotations

import numpy as np

from seqcli.tasks.leaks import Answers, leaking

RNG = np.random.default_rng(0)


def parts(table_of, names, columns, target):
    rows = "\n".join(",".join(map(str, cells)) for cells in zip(*columns, strict=True))
    table, target = table_of(f"{','.join(names)}\n{rows}"), np.asarray(target)
    half = np.arange(len(target)) < len(target) * 3 // 4
    return [Answers(table.take(np.flatnonzero(rows)), target[rows]) for rows in (half, ~half)]


def test_a_code_of_the_label_leaks_and_a_hint_does_not(table_of) -> None:
    target = RNG.integers(0, 2, 800)
    hint = np.where(RNG.random(800) < 0.9, target, 1 - target)
    noise = RNG.integers(0, 5, 800)
    train, held = parts(table_of, ("code", "hint", "noise"), (target + 7, hint, noise), target)
    assert leaking(train, held, ("code", "hint", "noise")) == ("code",)


def test_strings_and_measured_numbers_leak_too(table_of) -> None:
    target = RNG.integers(0, 3, 800)
    words = [["low", "mid", "high"][kind] for kind in target]
    measured = target * 10 + RNG.random(800)
    train, held = parts(table_of, ("word", "measured"), (words, measured.round(4)), target)
    assert leaking(train, held, ("word", "measured")) == ("word", "measured")


def test_always_saying_the_usual_class_is_no_leak(table_of) -> None:
    target = (np.arange(800) % 400 == 0).astype(int)  # .9975 of one class
    train, held = parts(table_of, ("noise",), (RNG.integers(0, 5, 800),), target)
    assert leaking(train, held, ("noise",)) == ()


def test_a_value_per_row_predicts_nothing_unseen(table_of) -> None:
    target = RNG.integers(0, 2, 400)
    train, held = parts(table_of, ("key",), ([f"k{i}" for i in range(400)],), target)
    assert leaking(train, held, ("key",)) == ()


def test_no_validation_rows_prove_nothing(table_of) -> None:
    train, held = parts(table_of, ("code",), ([0, 1] * 20,), [0, 1] * 20)
    assert leaking(train, Answers(held.table, held.target[:0]), ("code",)) == ()
