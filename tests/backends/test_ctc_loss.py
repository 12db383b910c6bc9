"""CTC in training against the sum over paths, in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seqcli.backends.losses import LOSSES
from seqcli.tasks.speech.ctc import text_log_probability

TEXTS = [(1, 2), (3,), (2, 2, 1)]
LENGTHS = [6, 4, 7]


def batch_of(texts, lengths):
    target = torch.zeros(len(texts), max(map(len, texts)), dtype=torch.int64)
    for row, text in enumerate(texts):
        target[row, : len(text)] = torch.tensor(text)
    return {"target": target, "lengths": torch.tensor(lengths)}


def scores(rows: int) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(0).normal(0, 1, (rows, 7, 4)), dtype=torch.float64)


def by_hand(outputs, texts, lengths) -> list[float]:
    logs = torch.log_softmax(outputs, -1).numpy()
    return [
        -text_log_probability(logs[row, :length], text) / len(text)
        for row, (text, length) in enumerate(zip(texts, lengths, strict=True))
    ]


def test_the_loss_is_the_mean_of_nats_a_letter() -> None:
    outputs = scores(3)
    found = LOSSES["ctc"](outputs, batch_of(TEXTS, LENGTHS))
    assert float(found) == pytest.approx(np.mean(by_hand(outputs, TEXTS, LENGTHS)), rel=1e-6)


def test_padding_has_no_part_in_it() -> None:
    outputs = scores(3)
    changed = outputs.clone()
    changed[1, 4:] = 100
    batch = batch_of(TEXTS, LENGTHS)
    assert torch.equal(LOSSES["ctc"](outputs, batch), LOSSES["ctc"](changed, batch))


def test_what_cannot_be_spelt_counts_nothing() -> None:
    outputs = scores(4).requires_grad_()
    texts, lengths = [*TEXTS, (1, 1, 1)], [*LENGTHS, 4]  # three alike need five steps
    LOSSES["ctc"](outputs, batch_of(texts, lengths)).backward()
    assert not outputs.grad[3].any()
    batch = batch_of(TEXTS, LENGTHS)
    batch["target"][0, 1] = -1  # a letter that is not known
    wanted = by_hand(outputs.detach(), TEXTS, LENGTHS)[1:]
    assert float(LOSSES["ctc"](outputs[:3].detach(), batch)) == pytest.approx(np.mean(wanted), rel=1e-6)
