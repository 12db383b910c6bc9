"""The tables behind the first one, and every number in long form, from planted measures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from seqcli.reporting.gradient_numbers import numbers_table
from seqcli.reporting.gradient_tables import (
    exponent_table,
    full_tables,
    gate_table,
    matrix_table,
    norm_table,
    snapshot_table,
    step_table,
    truncation_table,
    update_table,
)
from seqcli.reporting.tables import write_table
from seqcli.training.gradients.curves import Curve, Flow, Inspection, ShortTraining, Snapshot
from seqcli.training.gradients.measures import (
    Dynamics,
    Exponents,
    GateUse,
    GateWeights,
    Norms,
    Spread,
    Truncation,
    Truncations,
    Update,
)

STEPS = 20


def spread(middle: float) -> Spread:
    return Spread(middle + 0.01, middle - 0.1, middle, middle + 0.1)


def curve(rate: float, layer: int = 1, state: str = "h") -> Curve:
    return Curve(layer, state, rate ** np.arange(STEPS + 1.0)[None])


def layer(number: int = 1, whole: bool = True) -> Dynamics:
    exponents = Exponents(np.array([-0.1, -0.2, -0.6]), -0.9 if whole else math.nan, 60)
    gates = (
        GateUse("z", False, spread(0.7), 0.25, 0.5, Spread(4.0, 1.0, 3.0, 9.0)),
        GateUse("n", True, spread(0.0), 0.125, 0.375),
    )
    matrices = (GateWeights("z", 1.5, 1.1, 2.5, 0.25), GateWeights("n", 1.2, 0.9, 0.5, 0.125))
    return Dynamics(number, "h", 1.25, spread(1.2), spread(0.8), exponents, gates, matrices)


NORMS = Norms(spread(0.5), 7.5, (Update("embedding", spread(0.3)), Update("layer 1", spread(0.2))))
LADDER = Truncations((Truncation(8, 0.5, 0.25), Truncation(16, 0.75, 1.5)), 20)
SHOTS = (
    Snapshot(0, (curve(0.5), curve(0.7, state="c")), math.nan),
    Snapshot(10, (curve(0.6), curve(0.98, state="c")), 0.75),
)
FLOW = Flow(
    "gru",
    "trained",
    (curve(0.5), curve(0.9, state="c")),
    (),
    ShortTraining(10, 0.125, NORMS),
    dynamics=(layer(),),
    truncations=LADDER,
    snapshots=SHOTS,
)
FOUND = Inspection((FLOW,), STEPS)


def test_a_step_stands_beside_the_slope_that_was_measured() -> None:
    (record,) = step_table(FOUND).records()
    assert record["rate"] == pytest.approx(0.9)
    assert (record["bound"], record["σ_max"], record["p90"], record["radius"]) == (1.25, 1.2, 1.3, 0.8)


def test_exponents_stand_beside_their_check() -> None:
    (record,) = exponent_table(FOUND).records()
    assert (record["largest"], record["median"], record["least"], record["of"]) == (-0.1, -0.2, -0.6, 60)
    assert record["sum"] == pytest.approx(-0.9)
    assert record["ln|det J|"] == -0.9
    some = Inspection((Flow("gru", "gated", (curve(0.5),), dynamics=(layer(whole=False),)),), STEPS)
    (record,) = exponent_table(some).records()
    assert record["largest"] == -0.1
    assert all(math.isnan(record[name]) for name in ("median", "least", "sum", "ln|det J|"))


def test_gates_and_their_matrices_have_a_row_each() -> None:
    kept, tanh = gate_table(FOUND).records()
    assert (kept["gate"], kept["low"], kept["high"], kept["τ p50"]) == ("z", 0.25, 0.5, 3.0)
    assert (tanh["gate"], tanh["τ p50"]) == ("n tanh", None)
    assert [(row["block"], row["defect"], row["non-normal"]) for row in matrix_table(FOUND).records()] == [
        ("z", 2.5, 0.25), ("n", 0.5, 0.125)
    ]  # fmt: skip


def test_truncation_has_a_column_a_rung() -> None:
    cosine, length = truncation_table(FOUND).records()
    assert (cosine["8"], cosine["16"]) == (0.5, 0.75)
    assert (length["8"], length["16"]) == (0.25, 1.5)
    assert "of so many last steps, against all 20" in truncation_table(FOUND).caption
    chunked = Flow("gru", "gated", (curve(0.5),), truncations=Truncations(LADDER.steps, 20, chunks=True))
    assert truncation_table(Inspection((chunked,), STEPS)).caption.startswith("cut every so many steps")


def test_a_training_has_its_norms_and_steps() -> None:
    (record,) = norm_table(FOUND).records()
    assert (record["p50"], record["largest"], record["clipped"], record["steps"]) == (0.5, 7.5, 0.125, 10)
    assert [(row["part"], row["p50"]) for row in update_table(FOUND).records()] == [
        ("embedding", 0.3), ("layer 1", 0.2)
    ]  # fmt: skip


def test_snapshots_follow_the_state_that_carries_at_the_end() -> None:
    first, last = snapshot_table(FOUND).records()
    assert (first["state"], first["step"], first["memory"], first["norm"]) == ("c", 0, "13", None)
    assert (last["step"], last["memory"], last["norm"]) == (10, "> 20", 0.75)
    assert last["rate"] == pytest.approx(0.98)
    many = tuple(Snapshot(step, (curve(0.5),), 1.0) for step in range(1000))
    rows = snapshot_table(
        Inspection((Flow("gru", "trained", (curve(0.5),), snapshots=many),), STEPS)
    ).records()
    assert len(rows) == 24
    assert (rows[0]["step"], rows[-1]["step"]) == (0, 999)


def test_what_was_not_measured_has_no_table() -> None:
    bare = Inspection((Flow("gru", "gated", (curve(0.5),)), Flow("rnn", "trained", diverged=3)), STEPS)
    assert full_tables(bare) == []
    assert snapshot_table(bare).rows == []


def test_layers_are_told_apart_where_there_are_several() -> None:
    both = Flow("gru", "gated", (curve(0.5), curve(0.7, layer=2)), dynamics=(layer(), layer(2)))
    found = Inspection((both,), STEPS)
    assert [row["layer"] for row in step_table(found).records()] == [1, 2]
    assert [row["rate"] for row in step_table(found).records()] == pytest.approx([0.5, 0.7])
    for table in full_tables(found):
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_every_table_fits_a_terminal_of_80_columns(monkeypatch, capsys) -> None:
    import sys

    monkeypatch.setenv("COLUMNS", "80")
    deep = Flow(
        "minlstm", "trained", (curve(0.5), curve(0.7, layer=2)), (), ShortTraining(10, 0.125, NORMS),
        dynamics=(layer(), layer(2)), truncations=LADDER, snapshots=SHOTS,
    )  # fmt: skip
    found = Inspection((deep,), STEPS)
    for table in (*full_tables(found), snapshot_table(found)):
        write_table(table, "table", sys.stdout)
        text = capsys.readouterr().out
        assert max(map(len, text.splitlines())) <= 80
        assert "more column" not in text


def test_the_long_form_has_every_number() -> None:
    records = numbers_table(FOUND).records()

    def only(quantity: str, part: str | None = None, stage: str = "trained"):
        return [
            row for row in records
            if row["quantity"] == quantity and row["stage"] == stage and part in (None, row["part"])
        ]  # fmt: skip

    assert len(only("gradient", "c")) == STEPS + 1
    assert only("rate", "c")[0]["mean"] == pytest.approx(0.9)
    assert only("bound")[0]["mean"] == 1.25
    stretch = only("jacobian_stretch")[0]
    assert [stretch[name] for name in ("mean", "p10", "p50", "p90")] == pytest.approx([1.21, 1.1, 1.2, 1.3])
    assert only("jacobian_radius")[0]["p50"] == 0.8
    assert [(row["part"], row["mean"]) for row in only("exponent")] == [("1", -0.1), ("2", -0.2), ("3", -0.6)]
    assert only("exponent_sum")[0]["mean"] == pytest.approx(only("log_det")[0]["mean"])
    assert only("saturated_low", "z")[0]["mean"] == 0.25
    assert only("saturated_high", "n")[0]["mean"] == 0.375
    assert only("opening", "z")[0]["p50"] == 0.7
    assert [row["part"] for row in only("time_constant")] == ["z"]
    assert only("weight_stretch", "z")[0]["mean"] == 1.5
    assert only("weight_radius", "n")[0]["mean"] == 0.9
    assert only("orthogonality_defect", "z")[0]["mean"] == 2.5
    assert only("non_normality", "n")[0]["mean"] == 0.125
    assert [(row["k"], row["mean"]) for row in only("truncated_cosine")] == [(8, 0.5), (16, 0.75)]
    assert [(row["k"], row["mean"]) for row in only("truncated_length")] == [(8, 0.25), (16, 1.5)]
    assert only("clipped")[0]["mean"] == 0.125
    assert only("gradient_norm")[0]["p50"] == 0.5
    assert only("gradient_norm_largest")[0]["mean"] == 7.5
    assert only("update_ratio", "layer 1")[0]["p50"] == 0.2
    assert only("gradient_norm", stage="step 10")[0]["p50"] == 0.75
    assert len(only("gradient", "c", "step 0")) == STEPS + 1
    some = Inspection((Flow("gru", "gated", (curve(0.5),), dynamics=(layer(whole=False),)),), STEPS)
    names = {row["quantity"] for row in numbers_table(some).records()}
    assert {"exponent"} <= names
    assert not {"exponent_sum", "log_det"} & names
