"""Dynamic evaluation: scored first, learnt then, as a loop that is written out does it."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from seqcli.errors import DivergedError
from seqcli.inference.surprisal import text_nats
from seqcli.sequences import TARGET, Windows
from seqcli.training.dynamic import DynamicSteps, dynamic_nats

TINY = runpy.run_path(str(Path(__file__).parents[1] / "inference" / "tiny_language.py"))


def stream(model, text: str) -> Windows:
    from seqcli.inference.kinds import language_task

    ids = language_task(model).corpus.encode(text)
    return Windows({"tokens": ids[:-1], TARGET: ids[1:]}, {}, np.zeros(1, dtype=np.int64), len(ids) - 1, 0)


def nats(model, text, **how) -> np.ndarray:
    return np.concatenate(list(dynamic_nats(model, stream(model, text), DynamicSteps(threads=1, **how))))


def test_a_rate_of_next_to_nothing_is_the_static_score(tmp_path) -> None:
    model, _ = TINY["tiny_language"](tmp_path / "x.seqcli")
    text = TINY["TEXT"]
    static = text_nats(model, stream(model, text))[:, 0]
    np.testing.assert_allclose(nats(model, text, rate=1e-12, segment=7), static, atol=1e-5)


def test_a_segment_is_scored_before_it_is_learnt(tmp_path) -> None:
    model, _ = TINY["tiny_language"](tmp_path / "x.seqcli")
    text = TINY["TEXT"]
    first = nats(model, text, rate=0.01, segment=10)
    np.testing.assert_allclose(first[:10], text_nats(model, stream(model, text))[:10, 0], atol=1e-5)
    assert abs(first[10:20] - text_nats(model, stream(model, text))[10:20, 0]).max() > 1e-3
    changed = text[:31] + text[31:][::-1]  # what comes later changes nothing that was said before
    np.testing.assert_array_equal(nats(model, changed, rate=0.01, segment=10)[:30], first[:30])


def test_steps_are_those_of_adam_written_out(tmp_path) -> None:
    model, network = TINY["tiny_language"](tmp_path / "x.seqcli", cell="gru")
    text, rate, size = TINY["TEXT"][:60], 0.02, 12
    ids = stream(model, text)
    tokens, targets = (torch.from_numpy(ids.past[name]) for name in ("tokens", TARGET))
    weights = list(network.parameters())
    mean, square = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    found, states = [], None
    for step, start in enumerate(range(0, len(targets), size), start=1):
        logits, states = network.read_on({"tokens": tokens[None, start : start + size]}, states)
        chances = torch.log_softmax(logits[0], -1)
        own = -chances[torch.arange(len(chances)), targets[start : start + size]]
        found.append(own.detach().numpy())
        gradients = torch.autograd.grad(own.mean(), weights, allow_unused=True)
        norm = torch.sqrt(sum((g**2).sum() for g in gradients if g is not None))
        states = [tuple(part.detach() for part in state) for state in states]
        with torch.no_grad():
            for w, m, v, g in zip(weights, mean, square, gradients, strict=True):
                if g is not None:
                    g = g * min(1.0, 1.0 / (float(norm) + 1e-6))
                    m.mul_(0.9).add_(0.1 * g)
                    v.mul_(0.999).add_(0.001 * g * g)
                    w -= rate * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
    np.testing.assert_allclose(nats(model, text, rate=rate, segment=size), np.concatenate(found), atol=2e-4)


def test_what_comes_again_is_learnt_and_the_model_stays_as_it_is(tmp_path) -> None:
    model, _ = TINY["tiny_language"](tmp_path / "x.seqcli")
    text = "The quick fox.\n" * 60
    before = {path.name: path.read_bytes() for path in model.path.iterdir() if path.is_file()}
    found = nats(model, text, rate=0.005)
    assert found[-150:].mean() < 0.5 * text_nats(model, stream(model, text))[-150:, 0].mean()
    assert {path.name: path.read_bytes() for path in model.path.iterdir() if path.is_file()} == before


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_is_lost_is_an_error(tmp_path) -> None:
    model, _ = TINY["tiny_language"](tmp_path / "x.seqcli")
    with pytest.raises(DivergedError, match="is lost while it learns") as caught:
        nats(model, TINY["TEXT"], rate=1e39)
    assert caught.value.hint == "a --learning-rate below 1e+39"
