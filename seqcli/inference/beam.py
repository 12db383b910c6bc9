"""The likeliest texts, by looking at several at a time.

Of all texts that are one token longer than the N best so far the N best are kept. Texts are compared by their
log-probability a token, so that a short one has no advantage. One that holds the stop text is complete and
leaves the beam; the search is over when no open text can be better than the N best complete ones, even if all
its further tokens were certain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqcli.inference.generate import REMEMBERED, Beginning, Sample, Token, Writer
from seqcli.inference.sampling import Sampler, log_shares
from seqcli.inference.stream import States
from seqcli.preprocessing.vocabulary import RESERVED
from seqcli.sequences import FloatArray, IntArray


@dataclass(frozen=True)
class Candidate:
    """One text: its tokens, the network's log-probability of each, and the sum that it is chosen by."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    total: float
    complete: bool = False

    @property
    def mean(self) -> float:
        """Log-probability a token."""
        return self.total / max(len(self.ids), 1)


class BeamSearch:
    """Texts of at most ``length`` tokens after ``beginning``, by a beam of ``width``.

    A repetition penalty and biases of ``sampler`` change the logits that texts are chosen by; nothing else
    of it is used.
    """

    def __init__(self, writer: Writer, beginning: Beginning, sampler: Sampler, width: int) -> None:
        self._writer, self._beginning, self._sampler, self._width = writer, beginning, sampler, width
        self._plain = not sampler.bias and sampler.repetition_penalty == 1

    def best(self, length: int, stop: str = "") -> list[Candidate]:
        """The best texts, ``width`` at most, the best first; of equal ones that of lower ids."""
        logits, states = self._beginning.logits, self._beginning.states
        beam, complete = [Candidate((), (), 0.0)], list[Candidate]()
        for taken in range(length):
            if taken:
                last = np.array([text.ids[-1] for text in beam], dtype=np.int64)
                logits, states = self._writer.step(last, states)
            longer = self._longer(beam, logits)
            beam, parents = [], list[int]()
            for parent, text in longer:
                if stop and stop in self._writer.text(text.ids):
                    complete.append(Candidate(text.ids, text.logprobs, text.total, complete=True))
                else:
                    beam.append(text)
                    parents.append(parent)
            complete = sorted(complete, key=_order)[: self._width]
            if not beam or self._is_over(complete, beam, length):
                break
            states = _rows(states, parents)
        return sorted([*complete, *beam], key=_order)[: self._width]

    def samples(self, length: int, stop: str, count: int) -> list[Sample]:
        """The ``count`` best as texts that end ahead of ``stop``."""
        found = []
        for text in self.best(length, stop)[:count]:
            decoder = self._writer.decoder()
            decoder.wait_for(self._beginning.pending)
            tokens = [
                Token(decoder.feed([number]), logprob, 0.0)
                for number, logprob in zip(text.ids, text.logprobs, strict=True)
            ]
            found.append(Sample(tokens, length, stop))
        return found

    def _longer(self, beam: list[Candidate], logits: FloatArray) -> list[tuple[int, Candidate]]:
        """The best texts of one token more, each with the place of its parent; ``logits`` (B, V)."""
        plain = log_shares(logits)
        scores = plain
        if not self._plain:
            adjusted = self._sampler.adjusted(logits, self._recent(beam))
            scores = log_shares(adjusted)
        totals = scores[:, RESERVED:] + np.array([[text.total] for text in beam])
        size = totals.shape[1]
        flat = totals.ravel()
        order = np.lexsort((np.arange(len(flat)), -flat))[: self._width]
        found = []
        for place in order.tolist():
            parent, token = place // size, place % size + RESERVED
            if flat[place] == -np.inf:
                continue
            old = beam[parent]
            logprobs = (*old.logprobs, float(plain[parent, token]))
            found.append((parent, Candidate((*old.ids, token), logprobs, float(flat[place]))))
        return found

    def _recent(self, beam: list[Candidate]) -> IntArray:
        """The tokens (B, N) that each text was written after, its own among them."""
        ahead = self._beginning.recent.tolist()
        return np.array([[*ahead, *text.ids][-REMEMBERED:] for text in beam], dtype=np.int64)

    def _is_over(self, complete: list[Candidate], beam: list[Candidate], length: int) -> bool:
        """Whether no open text can come before the complete ones."""
        bound = max(text.total for text in beam) / length
        return len(complete) == self._width and complete[-1].mean >= bound


def _rows(states: States, parents: list[int]) -> States:
    """The states (B, H) of texts that go on from those of ``parents``."""
    return {name: state[parents] for name, state in states.items()}


def _order(text: Candidate) -> tuple[float, tuple[int, ...]]:
    return -text.mean, text.ids
