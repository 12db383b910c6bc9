"""What a classifier of DNA sees in it: each base changed into each other one, and what that does.

    change(t, b) = log-odds of the class, with b at place t  -  log-odds as the sequence is
    score(t)     = - mean of change(t, b) over the bases b that do not stand there

In-silico mutagenesis (Zhou and Troyanskaya 2015, Predicting effects of noncoding variants with deep
learning-based sequence model). A score above 0: the class needs the base that is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqcli.inference.explained_rows import Question, RowExplanations
from seqcli.inference.outputs import outputs_for
from seqcli.preprocessing.dna import BASES, bare_bases
from seqcli.readers.table import Table
from seqcli.tasks.base import to_decode
from seqcli.tasks.classify_metrics import log_softmax

if TYPE_CHECKING:
    pass

Odds = NDArray[np.float64]


@dataclass(frozen=True)
class Mutated:
    """One sequence of T bases, its class, and what each change would do."""

    number: int
    """The row, as messages count."""
    bases: str
    prediction: str
    probability: float
    changes: Odds
    """(T, 4) log-odds that each of A, C, G, T would bring, 0 for the base that is there."""

    @property
    def scores(self) -> Odds:
        """How much the class needs each base, (T,)."""
        other = np.array([[base != here for base in BASES] for here in self.bases])
        return -np.asarray((self.changes * other).sum(axis=1) / np.maximum(other.sum(axis=1), 1))


class Mutations(RowExplanations[Mutated]):
    """The sequences of ``stream``, each with what changes of its bases do; ``only`` names one row."""

    def answer(self, asked: Question) -> Mutated:
        """One sequence beside all that differ from it in one base."""
        return self._mutated(asked.number, asked.table.take(np.array([asked.row])))

    def _mutated(self, number: int, table: Table) -> Mutated:
        """The one row of ``table`` beside all that differ from it in one base."""
        task, name = self._task, self._task.inputs.text[0]
        assert task.inputs.dna is not None
        bases = bare_bases(table.cells(name)[0])[: task.inputs.dna.max_length] or "N"
        changed = [bases[:at] + base + bases[at + 1 :] for at in range(len(bases)) for base in BASES]
        many = table.take(np.zeros(1 + len(changed), np.int64)).with_column(name, [bases, *changed])
        examples = task.encode(many)
        logits = to_decode(task, outputs_for(self._session, examples), examples)
        chances = log_softmax(logits)
        best = int(chances[0].argmax())
        odds = chances[:, best] - np.log(-np.expm1(np.minimum(chances[:, best], -1e-12)))
        changes = (odds[1:] - odds[0]).reshape(len(bases), len(BASES))
        return Mutated(number, bases, task.classes[best], float(np.exp(chances[0, best])), changes)
