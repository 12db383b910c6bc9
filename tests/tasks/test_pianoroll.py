"""Frames of keys: the likelihood against torch's, the parts as the file has them, keys moved and not lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seqcli.backends.losses import LOSSES
from seqcli.errors import DataError, ModelError, UsageError
from seqcli.options import NetworkOptions, Options
from seqcli.preprocessing.frames import Rolls, frames_from, score_of
from seqcli.readers.columns import TextColumn
from seqcli.readers.rolls import PART, ROLL, text_of
from seqcli.readers.table import Table
from seqcli.sequences import TARGET
from seqcli.tasks.base import Tables
from seqcli.tasks.music_plan import pieces_plan
from seqcli.tasks.pianoroll import PianoRoll, frame_scores


def pieces(count: int, seed: int = 0, steps: int = 12) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        frames = np.zeros((steps + int(rng.integers(4)), 88), dtype=np.uint8)
        root = 30 + int(rng.integers(12))
        for step in range(len(frames)):
            frames[step, [root + step % 3, root + 4, root + 7]] = 1
        found.append(frames)
    return found


def table_of(items: list[np.ndarray], parts: list[str] | None = None) -> Table:
    columns = {ROLL: TextColumn([text_of(piece) for piece in items])}
    if parts:
        columns[PART] = TextColumn(parts)
    return Table("a.mat", tuple(columns), dict(columns), np.arange(len(items)), unit="piece")


def prepared(items: list[np.ndarray], parts: list[str] | None = None, options: Options | None = None):
    table, chosen = table_of(items, parts), options or Options()
    return PianoRoll.prepare(Tables(table), pieces_plan(table, chosen.columns), chosen)


def test_the_likelihood_is_that_of_torch_without_first_frames() -> None:
    rolls = Rolls.in_keys(pieces(3), 0)
    logits = np.random.default_rng(0).normal(size=(int(rolls.lengths.sum()), 88)).astype(np.float32)
    place, total, count = 0, 0.0, 0
    for piece in rolls.pieces:
        own = torch.from_numpy(logits[place + 1 : place + len(piece)]).double()
        target = torch.from_numpy(piece[1:]).double()
        total += float(F.binary_cross_entropy_with_logits(own, target, reduction="sum"))
        count += len(piece) - 1
        place += len(piece)
    assert frame_scores(logits, rolls)["frame_nll"] == pytest.approx(total / count, rel=1e-9)


def test_the_loss_is_summed_over_keys_and_skips_padding() -> None:
    rolls = Rolls.in_keys([pieces(1, 0, 5)[0][:5], pieces(1, 1, 9)[0][:9]], 0)
    batch = {name: torch.from_numpy(values) for name, values in rolls.batch(np.array([0, 1])).items()}
    logits = torch.randn(batch[TARGET].shape, generator=torch.Generator().manual_seed(0))
    wanted = sum(
        F.binary_cross_entropy_with_logits(logits[row, :steps], batch[TARGET][row, :steps], reduction="sum")
        for row, steps in enumerate((5, 9))
    )
    assert float(LOSSES["keys"](logits, batch)) == pytest.approx(float(wanted) / 14, rel=1e-5)


def test_the_network_reads_each_frame_a_step_late() -> None:
    piece = pieces(1)[0]
    batch = Rolls.in_keys([piece], 0).batch(np.array([0]))
    assert not batch["frames"][0, 0].any()
    assert np.array_equal(batch["frames"][0, 1:], piece[:-1])
    assert np.array_equal(batch[TARGET][0], piece)


def test_pieces_move_by_semitones_and_lose_no_key() -> None:
    low = np.zeros((4, 88), dtype=np.uint8)
    low[:, [1, 80]] = 1
    rolls = Rolls.in_keys([low], 5)
    assert rolls.shifts.tolist() == [-1, 0, 1, 2, 3, 4, 5]
    for row, shift in enumerate(rolls.shifts.tolist()):
        assert np.flatnonzero(rolls.frames(row)[0]).tolist() == [1 + shift, 80 + shift]


def test_the_parts_of_the_file_are_used_as_given() -> None:
    items = pieces(10)
    made = prepared(items, ["train"] * 6 + ["valid"] * 2 + ["test"] * 2)
    assert made.sizes == (6, 2, 2)
    assert np.array_equal(made.test.pieces[0], items[8])
    assert set(made.train.shifts.tolist()) == set(range(-3, 4))
    assert set(made.validation.shifts.tolist()) == {0}


def test_without_parts_whole_pieces_are_held_out() -> None:
    made = prepared(pieces(20))
    assert sum(made.sizes) == 20
    assert min(made.sizes) >= 2


def test_baselines_know_more_of_keys_that_last() -> None:
    items = pieces(12, steps=40)
    made = prepared(items, ["train"] * 8 + ["valid"] * 2 + ["test"] * 2)
    after, alone = made.task.baselines(made)
    assert after.values["frame_nll"] < alone.values["frame_nll"]
    now = np.concatenate([p[1:] for p in items[:8]])
    share = (now.sum(axis=0) + 1) / (len(now) + 2)
    test = np.concatenate([p[1:] for p in items[10:]])
    wanted = -(test * np.log(share) + (1 - test) * np.log1p(-share)).sum(axis=1).mean()
    assert alone.values["frame_nll"] == pytest.approx(wanted)


def test_what_cannot_be_learnt_is_refused() -> None:
    with pytest.raises(UsageError, match="music is written forwards"):
        prepared(pieces(10), None, Options(network=NetworkOptions(bidirectional=True)))
    with pytest.raises(DataError, match="steps of music are too few"):
        prepared([piece[:3] for piece in pieces(6)], ["train"] * 4 + ["valid", "test"])
    with pytest.raises(ModelError):
        PianoRoll.from_json({"name": "pianoroll.v1"})


def test_frames_become_notes_and_frames_again() -> None:
    piece = pieces(1)[0]
    score = score_of(piece)
    assert np.array_equal(frames_from(score), piece)
    assert len(score.notes) < piece.sum()  # a key that goes on is one note
