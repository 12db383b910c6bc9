"""Which tokens of a text the number that is read off it hangs on.

effect(s) = number of the text  -  number of the text without token s       in the target's own units
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqcli.inference.effects import WORDS, Block, Effects
from seqcli.inference.explained_rows import Question, RowExplanations
from seqcli.inference.outputs import outputs_for
from seqcli.tasks.classify_explain import text_rows
from seqcli.tasks.regress_interval import answers_of

if TYPE_CHECKING:
    pass


class NumberExplanations(RowExplanations[Effects]):
    """The texts of ``stream`` with their numbers and what those hang on."""

    def answer(self, asked: Question) -> Effects | None:
        """What the number of one text hangs on; None for a text without a token."""
        task = self._task
        row = text_rows(task, asked.table.take(np.array([asked.row])))[0]
        if not row.words:
            self._warn(f"{self._stream.unit} {asked.number}: there is nothing in it to take away")
            return None
        outputs = outputs_for(self._session, row.occluded(task))
        numbers = task.scaler.inverse(answers_of(outputs).astype(np.float64))[:, 0]  # (1 + S,)
        target = task.plan.target[0]
        return Effects(
            row=str(asked.number),
            read=row.text,
            prediction=f"{numbers[0]:.6g}",
            probability=None,
            parts=[target],
            blocks=[Block(WORDS, row.tokens[: len(row.words)], (numbers[0] - numbers[1:])[None])],
            unit=target,
            measures=[float(numbers[0])],
            places=[1],
        )
