"""Series written again: how odd is measured, what is learnt from, and how files are read."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import ColumnOptions, Options, ReadingOptions
from seqcli.readers.table import Table
from seqcli.sequences import TARGET, Batchable, Sequences
from seqcli.tasks.base import Prepared, Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.inputs import VALUES
from seqcli.tasks.reconstruct import ODD, Reconstruct
from seqcli.tasks.reconstructing.calibration import SHRINK, Calibration, pooled
from seqcli.tasks.reconstructing.linear import Components, resampled
from seqcli.tasks.reconstructing.odd import odd_values
from seqcli.tasks.reconstructing.report import odd_scores
from seqcli.tasks.registry import load_task, prepare


def offsets_of(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


# ---- scores ------------------------------------------------------------------------------------


def test_errors_count_by_what_is_usual_for_them() -> None:
    """Mahalanobis' distance by a covariance of which a tenth is not believed, whatever the units are."""
    rng = np.random.default_rng(0)
    mixed = rng.standard_normal((4000, 3)) @ np.array([[5.0, 0, 0], [1, 0.1, 0], [0, 0, 700]]).T + 3
    found = Calibration.fit(mixed, offsets_of([40] * 100), 0.05)
    steps = found.steps(mixed)
    covariance = np.cov(mixed.T, bias=True)
    believed = (1 - SHRINK) * covariance + SHRINK * np.diag(np.diag(covariance))
    centred = mixed - mixed.mean(axis=0)
    wanted = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(believed), centred) / 3
    np.testing.assert_allclose(steps**2, wanted, rtol=1e-6)
    np.testing.assert_allclose(
        pooled(steps, offsets_of([40] * 100))[7], np.sqrt((steps[280:320] ** 2).mean())
    )
    alone = Calibration.fit(mixed[:, 2:], offsets_of([40] * 100), 0.05)
    z = np.abs(mixed[:, 2] - mixed[:, 2].mean()) / mixed[:, 2].std()
    np.testing.assert_allclose(alone.steps(mixed[:, 2:]), z, rtol=1e-9)


def test_an_error_against_the_usual_correlation_counts_more() -> None:
    """Mahalanobis: (1, -1) is odder than (1, 1) where both channels err together."""
    rng = np.random.default_rng(1)
    together = rng.standard_normal((3000, 1)) + 0.1 * rng.standard_normal((3000, 2))
    found = Calibration.fit(together, offsets_of([30] * 100), 0.05)
    along, against = found.steps(np.array([[1.0, 1.0], [1.0, -1.0]]))
    assert against > 3 * along


def test_a_step_without_a_value_has_no_score_and_a_channel_without_one_no_part() -> None:
    errors = np.array([[1.0, 2.0], [np.nan, 2.0], [np.nan, np.nan], [3.0, -1.0]])
    found = Calibration.fit(errors, offsets_of([2, 2]), 0.3)
    steps = found.steps(errors)
    assert np.isnan(steps).tolist() == [False, False, True, False]
    assert np.isfinite(pooled(steps, offsets_of([2, 2]))).all()
    assert found.channels(np.array([[np.nan, 0.4], [9.0, 2.0]])).tolist() == [1, 0]


@pytest.mark.parametrize(("count", "rate"), [(19, 0.05), (99, 0.01), (200, 0.1), (39, 0.05)])
def test_the_threshold_holds_its_rate_of_false_alarms(count: int, rate: float) -> None:
    """Over many draws a further usual series is above it at the rate or less, and not much less."""
    rng, above = np.random.default_rng(3), []
    for _ in range(1500):
        errors = rng.standard_exponential((count + 1, 1)) * rng.choice([-1.0, 1.0], (count + 1, 1))
        found = Calibration.fit(errors[:-1], np.arange(count + 1), rate)
        assert found.by_rank
        above.append(found.steps(errors[-1:])[0] > found.threshold)
    assert np.mean(above) <= rate + 0.015
    assert np.mean(above) >= rate - 1 / (count + 1) - 0.015


def test_few_series_get_a_threshold_by_a_fit() -> None:
    """Log-normal scores, of which 5 are known: a further one is above at about the rate."""
    rng, above = np.random.default_rng(4), []
    for _ in range(2000):
        scores = np.exp(rng.standard_normal(6) * 0.3)
        # One step a series, half of the errors below zero, so that a score is |error| but for one scale.
        errors = np.concatenate([scores[:5], -scores[:5]])[:, None]
        found = Calibration.fit(errors, offsets_of([1] * 10), 0.05)
        assert not found.by_rank
        logs = np.log(found.usual)
        assert found.threshold > found.usual[-1] or logs.std() == 0
        above.append(scores[5] / found.spread[0] > found.threshold)
    assert np.mean(above) < 0.15


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.integers(0, 9))
def test_p_values_count(usual: list[int], score: int) -> None:
    sorted_usual = np.sort(np.array(usual, dtype=float))
    found = Calibration(np.zeros(1), np.ones(1), np.empty(0), sorted_usual, 1.0, 1.0, True)
    wanted = (1 + sum(other >= score for other in usual)) / (len(usual) + 1)
    assert found.p_values(np.array([float(score)]))[0] == pytest.approx(wanted)


def test_metrics_of_odd_series() -> None:
    scores, odd = np.array([0.1, 0.9, 0.8, 0.2, 5.0]), np.array([0, 1, 0, 1, np.nan], np.float32)
    found = odd_scores(scores, odd, 0.5)
    pairs = [(0.9 > 0.1), (0.9 > 0.8), (0.2 > 0.1), (0.2 > 0.8)]
    assert found["auroc"] == np.mean(pairs)
    assert (found["hits"], found["false_alarms"]) == (0.5, 0.5)
    assert odd_scores(scores, np.full(5, np.nan, np.float32), 0.5) == {"flagged": 3 / 5}


# ---- the baseline ------------------------------------------------------------------------------


def test_components_are_those_of_scikit_learn() -> None:
    values = np.random.default_rng(0).standard_normal((30 * 8, 2)) @ np.array([[3.0, 1], [0, 1]])
    offsets = offsets_of([8] * 30)
    found = Components.fit(values, offsets, 8)
    other = PCA(5).fit(values.reshape(30, 16))
    wanted = other.inverse_transform(other.transform(values.reshape(30, 16))).reshape(-1, 2)
    np.testing.assert_allclose(found.written(values, offsets, 5), wanted, atol=1e-9)
    mean = np.tile(values.reshape(30, 8, 2).mean(axis=0), (30, 1))
    np.testing.assert_allclose(found.written(values, offsets, 0), mean, atol=1e-12)
    held = np.cumsum(PCA().fit(values.reshape(30, 16)).explained_variance_ratio_)
    assert found.count == min(int((held < 0.95).sum()) + 1, 15)


def test_a_line_stays_a_line_at_any_length() -> None:
    series = [np.linspace(0, 1, length)[:, None] for length in (5, 9, 2)]
    offsets = offsets_of([5, 9, 2])
    np.testing.assert_allclose(
        resampled(np.concatenate(series), offsets, 7)[:, :, 0], [np.linspace(0, 1, 7)] * 3
    )
    fitted = Components.fit(np.concatenate(series), offsets, 7)
    np.testing.assert_allclose(fitted.written(np.concatenate(series), offsets, 0), np.concatenate(series))


# ---- files and parts ---------------------------------------------------------------------------


def long_text(series: int = 60, gap: bool = False, label: str = "state") -> str:
    rng = np.random.default_rng(0)
    lines = [f"run,step,x,y,{label}"]
    for number in range(series):
        kind = "broken" if number % 6 == 5 else "fine"
        for step in range(6 + number % 3):
            x = f"{step + rng.normal():.3f}"
            cells = (number, step, "" if gap and step == 3 else x, f"{rng.normal():.3f}", kind)
            lines.append(",".join(map(str, cells)))
    return "\n".join(lines)


def wide_text(rows: int = 40, label: bool = True) -> str:
    rng = np.random.default_rng(0)
    head = ",".join(f"t{step}" for step in range(10))
    lines = [f"name,{'class,' if label else ''}{head}"]
    for row in range(rows):
        values = [f"{value:.3f}" for value in rng.normal(size=10)]
        values[8 + row % 3 :] = [""] * (2 - row % 3)
        kind = ("a,", "b,")[row % 4 == 3] if label else ""
        lines.append(f"r{row}x,{kind}{','.join(values)}")
    return "\n".join(lines)


def prepared(table: Table, **options: object) -> Prepared:
    given = Options.from_flat({"task": "reconstruct", **options})
    return prepare(Tables(table), make_plan(table, given.columns, ReadingOptions()), given)


def task_of(found: Prepared) -> Reconstruct:
    assert isinstance(found.task, Reconstruct)
    return found.task


def test_a_long_file_is_read_and_its_odd_series_are_only_tested_on(table_of) -> None:
    found = prepared(table_of(long_text()), id=["run"], target=["state"])
    task = task_of(found)
    assert (task.plan.features, task.plan.target, task.plan.id) == (("x", "y"), ("state",), ("run",))
    assert task.known is not None
    assert task.known.values == ("broken",)
    parts = [found.train, found.validation, found.test]
    odd = [int((part.fields[ODD] == 1).sum()) for part in parts]
    assert odd == [0, 0, 10]
    assert sum(len(part) for part in parts) == 60
    assert found.network.output_shape == (2,)


def test_what_is_read_is_scaled_and_a_gap_is_no_target(table_of) -> None:
    table = table_of(long_text(gap=True))
    found = prepared(table, id=["run"], target=["state"])
    task = task_of(found)
    examples = task.encode(table)
    target, read = examples.fields[TARGET], examples.fields[VALUES]
    assert isinstance(target, Sequences)
    assert isinstance(read, Sequences)
    assert np.isnan(target.row(0)[3]).tolist() == [True, False]
    assert np.isfinite(read.values).all()
    scaler = task.series.features.scaler
    x = scaler.inverse(np.nan_to_num(target.row(0)))[:, 0]
    wanted = [float(cell) for cell in table.cells("x")[:6] if cell]
    np.testing.assert_allclose(np.delete(x, 3), wanted, atol=1e-5)


def test_a_row_is_a_series(table_of) -> None:
    table = table_of(wide_text())
    found = prepared(table, anomalous=["b"])
    task = task_of(found)
    assert task.series.wide == tuple(f"t{step}" for step in range(10))
    assert task.plan.target == ("class",)
    assert dict(task.plan.left_out) == {"name": "not numbers"}
    examples = task.encode(table)
    assert examples.lengths.tolist()[:4] == [8, 9, 10, 8]
    values = examples.fields[TARGET].values[:8]
    np.testing.assert_allclose(
        task.series.features.scaler.inverse(values)[:, 0],
        [float(table.cells(f"t{step}")[0]) for step in range(8)],
        atol=1e-5,
    )
    assert task.bad_rows(table) == {}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_what_is_fitted_knows_training_series_alone(seed: int) -> None:
    """Any value of a series of another part may change, and all that is saved is the same."""
    import csv
    import io

    def table(text: str) -> Table:
        names, *rows = list(csv.reader(io.StringIO(text)))
        return Table.from_records("data.csv", names, rows, range(2, len(rows) + 2))

    text = wide_text(label=False)
    found = prepared(table(text))
    held = np.concatenate([_rows(found, text, part) for part in ("validation", "test")])
    row = int(held[seed % len(held)])
    lines = text.splitlines()
    cells = lines[1 + row].split(",")
    cells[1 + seed % 8] = "777"
    lines[1 + row] = ",".join(cells)
    other = prepared(table("\n".join(lines)))
    assert json.dumps(other.task.to_json()) == json.dumps(found.task.to_json())
    assert other.network == found.network


def _rows(found: Prepared, text: str, part: str) -> np.ndarray:
    names = [line.split(",")[0] for line in text.splitlines()[1:]]
    return np.array([names.index(name) for name in getattr(found.source, part).cells("name")])


def test_places_reach_from_the_first_step_to_the_last(table_of) -> None:
    task = task_of(prepared(table_of(long_text()), id=["run"], target=["state"]))
    found = task.series.places(np.array([3, 9]))
    np.testing.assert_allclose(found.row(0)[0], found.row(1)[0])
    np.testing.assert_allclose(found.row(0)[2], found.row(1)[8])
    np.testing.assert_allclose(found.row(0)[1], found.row(1)[4])


@pytest.mark.parametrize(
    ("values", "odd"),
    [
        (["normal", "anomaly"], ("anomaly",)),
        (["OK", "scratch", "dent"], ("scratch", "dent")),
        (["0", "1"], ("1",)),
        (["-1", "1"], ("-1",)),
        (["False", "True"], ("True",)),
        (["1", "2"], ()),
        (["cat", "dog"], ()),
        (["normal"], ()),
    ],
)
def test_what_can_only_mean_odd(values: list[str], odd: tuple[str, ...]) -> None:
    assert odd_values(values) == odd


def test_labels_are_left_out_where_nobody_says_what_is_odd(table_of) -> None:
    text = long_text(label="label").replace("broken", "b").replace("fine", "a")
    plan = make_plan(table_of(text), ColumnOptions(task="reconstruct", id=("run",)), ReadingOptions())
    assert plan.target == ()
    assert dict(plan.left_out) == {"label": "it looks like a label, and nothing is learnt from one"}


REFUSED = {
    "unknown value": ({"anomalous": ("brokn",), "target": ("state",)}, UsageError, "has no value 'brokn'"),
    "all values": ({"anomalous": ("broken", "fine"), "target": ("state",)}, UsageError, "every value"),
    "two targets": ({"target": ("state", "x")}, UsageError, "one column says"),
    "a text": ({"level": "words"}, UsageError, "series of numbers, not text"),
    "classes as numbers": ({"features": ("state",)}, DataError, "column state: not numbers"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused(table_of, name: str) -> None:
    typed, error, sentence = REFUSED[name]
    options = ColumnOptions(task="reconstruct", id=("run",), **typed)
    with pytest.raises(error, match=sentence):
        make_plan(table_of(long_text()), options, ReadingOptions())


def test_rows_that_are_no_series_are_refused(table_of) -> None:
    options = ColumnOptions(task="reconstruct")
    days = "date,value\n" + "\n".join(f"2024-01-{day:02d},{day}" for day in range(1, 29))
    with pytest.raises(DataError, match="one series over date"):
        make_plan(table_of(days), options, ReadingOptions())
    few = "a,b,c\n" + "\n".join(f"{row / 7:.2f},{row / 3:.2f},{row % 5 + 0.5}" for row in range(30))
    with pytest.raises(DataError, match="3 columns of numbers, and no column tells series apart"):
        make_plan(table_of(few), options, ReadingOptions())
    with pytest.raises(DataError, match="10 series that are not odd are too few"):
        prepared(table_of(wide_text(13)), anomalous=["b"])


# ---- what is saved -----------------------------------------------------------------------------


def test_it_is_restored_and_a_damaged_one_refused(table_of) -> None:
    found = prepared(table_of(long_text()), id=["run"], target=["state"])
    assert isinstance(found.validation, Batchable)
    outputs = np.zeros((int(found.validation.lengths.sum()), 2), np.float32)
    task = task_of(found).calibrate(outputs, found.validation)
    data = json.loads(json.dumps(task.to_json()))
    again = load_task(data)
    assert again.to_json() == task.to_json()
    joined = task.joined(np.zeros((int(found.test.lengths.sum()), 2), np.float32), found.test)
    assert load_task(data).decode(joined) == task.decode(joined)
    for part, name, value in (
        ("calibration", "mean", [0.0]),
        ("calibration", "whiten", [[1.0]]),
        ("calibration", "spread", [0.0, 1.0]),
        ("calibration", "threshold", "high"),
        ("series", "ids", []),
        ("series", "usual", 0),
    ):
        damaged = json.loads(json.dumps(data))
        damaged[part][name] = value
        with pytest.raises(ModelError):
            load_task(damaged)
    with pytest.raises(ModelError):
        load_task({**data, "rate": 2})


def test_the_worst_step_and_channel_are_where_the_error_is(table_of) -> None:
    found = prepared(table_of(long_text()), id=["run"], target=["state"])
    assert isinstance(found.test, Batchable)
    target = found.test.fields[TARGET]
    assert isinstance(target, Sequences)
    task = task_of(found)
    usual = found.validation.fields[TARGET].values
    noise = np.random.default_rng(0).standard_normal(usual.shape).astype(np.float32)
    task = task.calibrate(usual + noise * 0.1, found.validation)
    outputs = target.values.copy()
    outputs[target.offsets[2] + 4, 1] += 5
    rows = task.decode(task.joined(outputs, found.test))
    assert rows[2]["prediction"] == "anomaly"
    assert (rows[2]["worst_step"], rows[2]["worst_channel"]) == (5, "y")
    assert {row["prediction"] for place, row in enumerate(rows) if place != 2} == {"normal"}
