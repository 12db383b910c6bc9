"""The made data: as large and as hard as the documentation says, and the same bytes each time."""

import csv
import runpy
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from seqcli.demo import samples
from seqcli.demo.samples import SAMPLES, write_sample
from seqcli.preprocessing.tunes import on_grid
from seqcli.readers.midi import read_midi
from seqcli.readers.wav import read_wav
from seqcli.tasks.music_stats import Style

SAMPLE_DATA = Path(__file__).parents[2] / "sample_data"


def rows_of(name: str) -> list[dict[str, str]]:
    with (SAMPLE_DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


KEPT = [name for name in SAMPLES if name != "spoken"]
"""Half a megabyte of sound is written where it is asked for, and not kept here."""


@pytest.mark.parametrize("name", KEPT)
def test_sample_data_is_what_the_generator_writes(name: str, tmp_path: Path) -> None:
    made, kept = write_sample(name, tmp_path), SAMPLE_DATA / name
    files = sorted(path.name for path in kept.iterdir()) if kept.is_dir() else [""]
    assert files == (sorted(path.name for path in made.iterdir()) if kept.is_dir() else [""])
    assert all((made / file).read_bytes() == (kept / file).read_bytes() for file in files)


def test_all_samples_are_written_by_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["samples", str(tmp_path)])
    runpy.run_path(samples.__file__, run_name="__main__")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SAMPLES)
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / name) for name in SAMPLES]


def test_reviews_are_balanced_distinct_and_of_many_templates() -> None:
    rows = rows_of("reviews.csv")
    assert len(rows) >= 2000
    assert len({row["review"] for row in rows}) == len(rows)
    positive = np.mean([row["label"] == "positive" for row in rows])
    assert 0.45 < positive < 0.55
    assert len({row["template"] for row in rows}) > 100


def test_scikit_learn_agrees_that_word_pairs_are_not_enough() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    rows = rows_of("reviews.csv")
    templates = sorted({row["template"] for row in rows})
    held_out = set(templates[::5])
    train = [row for row in rows if row["template"] not in held_out]
    test = [row for row in rows if row["template"] in held_out]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    model = LogisticRegression(max_iter=1000, C=10)
    model.fit(vectorizer.fit_transform([row["review"] for row in train]), [row["label"] for row in train])
    score = model.score(vectorizer.transform([row["review"] for row in test]), [row["label"] for row in test])
    assert 0.5 < score <= 0.85


def test_prices_are_business_days_with_holidays_missing_and_candles_that_hold() -> None:
    rows = rows_of("prices.csv")
    days = [date.fromisoformat(row["date"]) for row in rows]
    assert len(rows) >= 1000
    assert days == sorted(set(days))
    assert all(day.weekday() < 5 for day in days)
    assert not {date(2021, 1, 1), date(2023, 12, 25), date(2022, 5, 30), date(2022, 9, 5)} & set(days)
    for row in rows:
        low, high = float(row["low"]), float(row["high"])
        assert low <= min(float(row["open"]), float(row["close"])) + 0.01
        assert high >= max(float(row["open"]), float(row["close"])) - 0.01
        assert int(row["volume"]) > 0


def test_sensor_sequences_have_one_label_and_rising_steps() -> None:
    steps: dict[str, list[int]] = {}
    labels: dict[str, set[str]] = {}
    for row in rows_of("sensor.csv"):
        steps.setdefault(row["sequence"], []).append(int(row["step"]))
        labels.setdefault(row["sequence"], set()).add(row["label"])
    assert len(steps) == 400
    assert all(found == list(range(1, len(found) + 1)) and 20 <= len(found) <= 60 for found in steps.values())
    assert all(len(found) == 1 for found in labels.values())


def test_tunes_are_music_in_several_keys_and_meters() -> None:
    scores = [read_midi(path.read_bytes(), path.name) for path in sorted((SAMPLE_DATA / "tunes").iterdir())]
    assert len(scores) == 32
    assert {score.meters[0][1:] for score in scores} == {(4, 4), (3, 4), (6, 8)}
    assert 5 < sum(any(part.drums for part in score.parts) for score in scores) < 25
    keys = {Style.of([on_grid(score, 12)]).key for score in scores}
    assert len(keys) >= 8
    assert {key.split()[1] for key in keys} == {"major", "minor"}


def test_corpus_and_names_are_large_and_clean() -> None:
    text = (SAMPLE_DATA / "corpus.txt").read_text(encoding="utf-8")
    assert len(text.encode()) >= 100_000
    assert "{" not in text
    names = rows_of("names.csv")
    assert len(names) >= 2000
    assert len({row["name"] for row in names}) == len(names)
    assert all(row["name"].isalpha() and row["name"][0].isupper() for row in names)
    assert len({row["category"] for row in names}) == 5


def test_clips_are_the_same_each_time_and_as_long_as_their_words(tmp_path: Path) -> None:
    one, other = (write_sample("spoken", tmp_path / name) for name in ("one", "other"))
    names = sorted(str(path.relative_to(one)) for path in one.rglob("*.*"))
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in names)
    with (one / "said.csv").open(encoding="utf-8", newline="") as file:
        said = list(csv.DictReader(file))
    with (one / "new.csv").open(encoding="utf-8", newline="") as file:
        asked = list(csv.DictReader(file))
    assert sorted(row["audio"] for row in [*said, *asked]) == [
        name for name in names if name.endswith(".wav")
    ]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for row in said:
        wave = read_wav(one / row["audio"])
        seconds[len(row["text"])].append(len(wave.samples) / wave.rate)
    assert max(seconds[1]) < min(seconds[2])


def test_days_are_days_and_those_asked_about_are_not_among_them() -> None:
    rows = rows_of("days.csv")
    asked = (SAMPLE_DATA / "asked.txt").read_text(encoding="utf-8").splitlines()
    assert not {row["source"] for row in rows} & set(asked)
    for row in rows:
        day = date.fromisoformat(row["target"])
        assert str(day.year) in row["source"]
        assert str(day.day) in row["source"]
