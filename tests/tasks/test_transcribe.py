"""From a manifest to transcripts: the plan, what is fitted, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seqcli.demo.tones import RATE, clips, spoken, write_clip, write_wav
from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import ColumnOptions, Options, ReadingOptions, TrainingOptions
from seqcli.readers.read import read_table
from seqcli.readers.table import Table
from seqcli.sequences import LENGTHS, TARGET
from seqcli.tasks.base import Tables
from seqcli.tasks.detect import make_plan
from seqcli.tasks.registry import load_task, prepare
from seqcli.tasks.speech.sound import FRAMES, Sound
from seqcli.tasks.transcribe import Transcribe, _stack, spelt, steps_needed


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    for name, _, _ in clips(40):
        write_clip(tmp_path, name)
    return written(tmp_path, "audio,text,speaker", *(",".join(row) for row in clips(40)))


def written(folder: Path, header: str, *rows: str) -> Path:
    (folder / "m.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder / "m.csv"


def table_of(path: Path) -> Table:
    return read_table([str(path)], ReadingOptions())


def plan_of(path: Path, **typed: object):
    return make_plan(table_of(path), ColumnOptions(**typed), ReadingOptions())


def prepared_for(path: Path, options: Options | None = None, **typed: object):
    return prepare(Tables(table_of(path)), plan_of(path, **typed), options or Options())


def test_a_text_beside_clips_is_transcribed_and_classes_are_told_apart(manifest: Path) -> None:
    found = plan_of(manifest)
    assert (found.task, found.target, found.audio) == ("transcribe", ("text",), ("audio",))
    found = plan_of(manifest, target=("speaker",))
    assert (found.task, found.target, found.audio) == ("classify", ("speaker",), ("audio",))
    assert plan_of(manifest, task="classify").target == ("speaker",)
    assert plan_of(manifest, task="transcribe", target=("speaker",)).task == "transcribe"


def test_a_label_word_wins_over_other_classes(tmp_path: Path) -> None:
    rows = [f"a{i}.wav,{'xyz'[i % 3]},{'mn'[i % 2]}" for i in range(30)]
    assert plan_of(written(tmp_path, "path,label,speaker", *rows)).target == ("label",)
    path = written(tmp_path, "path,digit,speaker", *rows)
    with pytest.raises(DataError, match="more than one column could be the label: digit, speaker"):
        plan_of(path)
    assert plan_of(path, group="speaker").target == ("digit",)


@pytest.mark.parametrize(
    ("header", "cells", "typed", "said"),
    [
        ("path,text", "a{i}.mp3,word {i}", {}, "row 2, column path: 'a0.mp3' is not a wav file"),
        ("path,n", "a{i}.wav,1", {}, "no column says what is said"),
        ("path,text", "a{i}.wav,word {i}", {"task": "forecast"}, "cannot be learnt from sound"),
        ("path,text", "a{i}.wav,word {i}", {"features": ("text",)}, "a clip is the only input"),
        ("path,text", "a{i}.wav,word {i}", {"target": ("text", "path")}, "a clip has one answer"),
    ],
)
def test_what_cannot_be_planned_is_said(
    tmp_path: Path, header: str, cells: str, typed: dict[str, object], said: str
) -> None:
    path = written(tmp_path, header, *(cells.format(i=i) for i in range(30)))
    with pytest.raises((DataError, UsageError), match=said):
        plan_of(path, **typed)


def test_what_is_fitted_sees_training_rows_alone(manifest: Path) -> None:
    prepared = prepared_for(manifest)
    task = prepared.task
    assert isinstance(task, Transcribe)
    assert (task.letters, task.sound.rate) == (tuple("abcde"), RATE)
    values = prepared.train.fields[FRAMES].values.reshape(-1, task.sound.bands)
    filled = values[np.abs(values).sum(axis=1) > 0]  # the last step may be filled up
    assert filled.mean(axis=0) == pytest.approx(np.zeros(40), abs=1e-3)
    assert filled.std(axis=0) == pytest.approx(np.ones(40), abs=1e-3)
    for part, source in zip((prepared.validation, prepared.test), ("validation", "test"), strict=True):
        assert len(part) == len(getattr(prepared.source, source))
    held = prepared.source.test.cells("audio")[0]
    write_wav(manifest.parent / held, spoken("a", 99) * 0.1)  # another test clip
    assert prepared_for(manifest).task.to_json() == task.to_json()


def test_other_rates_are_brought_to_the_usual_one(manifest: Path) -> None:
    plain = prepared_for(manifest)
    name = clips(40)[3][0]
    word, _, number = Path(name).stem.partition("-")
    write_wav(manifest.parent / name, spoken(word, int(number), rate=16000), 16000)
    table = table_of(manifest)
    one, both = (task.encode(table.take(np.array([3]))).fields[FRAMES] for task in (plain.task,) * 2)
    assert one.lengths.tolist() == both.lengths.tolist()
    assert prepared_for(manifest).task.sound.rate == RATE


def test_per_clip_scales_each_clip_by_itself(manifest: Path) -> None:
    sound = prepared_for(manifest, Options(columns=ColumnOptions(per_clip=True))).task.sound
    assert sound.per_clip
    frames = np.random.default_rng(0).normal(3, 2, (30, 40)).astype(np.float32)
    assert sound.scaled(frames) == pytest.approx(sound.scaled(frames * 2 + 1), abs=1e-3)


def test_training_changes_follow_the_seed_and_can_be_left_out(manifest: Path) -> None:
    prepared = prepared_for(manifest)
    batch = prepared.train.batch(np.arange(8))
    once, again, other = (prepared.task.changed(batch, seed) for seed in ((0, 1), (0, 1), (0, 2)))
    assert np.array_equal(once[FRAMES], again[FRAMES])
    assert not np.array_equal(once[LENGTHS], other[LENGTHS]) or not np.array_equal(
        once[FRAMES], other[FRAMES]
    )
    assert once[FRAMES].shape[:2] == (8, once[LENGTHS].max())
    assert np.array_equal(once[TARGET], batch[TARGET])
    still = prepared_for(manifest, Options(training=TrainingOptions(augment=False)))
    assert np.array_equal(still.task.changed(batch, (0, 1))[FRAMES], batch[FRAMES])


def test_a_broken_clip_is_named_with_its_row(manifest: Path) -> None:
    for row in range(40):
        (manifest.parent / clips(40)[row][0]).write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"row \d+, column audio: .*clips/.*\.wav: is not a wav file"):
        prepared_for(manifest)


def test_a_clip_that_cannot_be_read_is_a_bad_row_and_silence(manifest: Path) -> None:
    task = prepared_for(manifest).task
    (manifest.parent / clips(40)[1][0]).unlink()
    table = table_of(manifest).take(np.arange(3))
    assert list(task.bad_rows(table)) == [1]
    assert "no such file" in task.bad_rows(table)[1]
    assert task.encode(table).lengths[1] == 1
    with pytest.raises(DataError, match="row 3, column audio"):
        task.encode_labelled(table)


def test_letters_that_training_did_not_see_count_as_wrong(manifest: Path) -> None:
    task = prepared_for(manifest).task
    table = table_of(manifest).take(np.array([0])).with_column("text", ["aZb"])
    examples = task.encode_labelled(table)
    assert examples.fields[TARGET].row(0).tolist() == [1, -1, 2]
    outputs = np.full((int(examples.lengths.sum()), 6), -5, np.float32)
    outputs[:, 0] = 0
    outputs[0, 1], outputs[2, 2] = 9, 9
    assert task.score(outputs, examples)["cer"] == pytest.approx(1 / 3)


def test_steps_and_spelling_by_hand() -> None:
    assert [steps_needed(text) for text in ("", "a", "ab", "aab", "aaa")] == [0, 1, 2, 4, 5]
    assert spelt("  e\u0301te\n  two ") == "\u00e9te two"


def test_short_clips_have_fewer_frames_a_step(manifest: Path, tmp_path: Path) -> None:
    assert prepared_for(manifest).task.sound.stack == 3
    rows = []
    for name, word, speaker in clips(40):
        rows.append(f"{name},{' '.join(word * 3)},{speaker}")
    assert prepared_for(written(tmp_path, "audio,text,speaker", *rows)).task.sound.stack < 3


def test_saved_and_restored_it_is_the_same(manifest: Path) -> None:
    task = prepared_for(manifest).task
    data = task.to_json()
    assert load_task(data) == task
    for change in (
        {"letters": ["a", "a"]},
        {"letters": []},
        {"letters": [1, 2]},
        {"sound": {**data["sound"], "rate": 7}},
        {"sound": {**data["sound"], "spread": [0.0] * 40}},
        {"sound": {**data["sound"], "mean": [0.0] * 39}},
        {"sound": {**data["sound"], "stack": 0}},
        {"sound": {**data["sound"], "column": "other"}},
    ):
        with pytest.raises(ModelError):
            load_task({**data, **change})


def test_sound_in_a_classifier_is_restored_too(manifest: Path) -> None:
    task = prepared_for(manifest, target=("speaker",)).task
    assert load_task(task.to_json()) == task
    assert isinstance(task.inputs.sound, Sound)
    with pytest.raises(ModelError):
        load_task({**task.to_json(), "inputs": {**task.to_json()["inputs"], "text": ["audio"]}})


@pytest.mark.parametrize(("letters", "stack"), [(5, 6), (6, 3), (16, 3), (17, 2), (24, 2), (25, 1), (90, 1)])
def test_a_step_holds_as_many_frames_as_the_letters_leave_room_for(letters: int, stack: int) -> None:
    """Of 60 frames: 6 a step where they are twice the steps that are needed, 3 or 2 where a quarter more."""
    frames, needed = np.full(200, 60), np.full(200, letters)
    assert _stack(frames, needed) == stack
    needed[0] = 1000  # one clip in 200 may be too short
    assert _stack(frames, needed) == stack
