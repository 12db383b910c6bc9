"""Which series are known to be odd: by a column that nothing is learnt from, named or found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqcli.errors import DataError, UsageError, near_miss
from seqcli.readers.table import Table
from seqcli.sequences import IntArray

ODD_WORDS = frozenset(
    {
        *(
            "anomaly",
            "anomalous",
            "abnormal",
            "outlier",
            "odd",
            "fault",
            "faulty",
            "failure",
            "fail",
            "failed",
        ),
        *("defect", "defective", "broken", "attack", "bad", "novel", "unusual"),
    }
)
USUAL_WORDS = frozenset({"normal", "ok", "good", "usual", "healthy", "fine", "pass", "passed", "regular"})
TRUTHS = {"1": "0", "1.0": "0.0", "true": "false", "yes": "no", "y": "n", "-1": "1"}
"""What is odd where a column says only that or its opposite; -1 is that of scikit-learn."""
_LISTED = 8


@dataclass(frozen=True)
class Known:
    """The column that says what is odd, and its values that do."""

    column: str
    values: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values that :meth:`from_json` restores."""
        return {"column": self.column, "values": list(self.values)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Known:
        """Rebuild from :meth:`to_json`. Raises KeyError or TypeError on anything else."""
        return cls(str(data["column"]), tuple(str(value) for value in data["values"]))

    def of(self, table: Table, first: IntArray) -> NDArray[np.float32]:
        """1 for a series that is odd, 0 for one that is not, NaN where no cell says it: (N,).

        ``first`` (N,) is a row of each.
        """
        cells = self.cells(table, first)
        found = np.fromiter((cell in self.values for cell in cells), np.float32, len(cells))
        found[[not cell for cell in cells]] = np.nan
        return found

    def cells(self, table: Table, rows: IntArray) -> list[str]:
        """What the column says of some rows (N,)."""
        cells = table.cells(self.column)
        return [cells[row].strip() for row in rows.tolist()]


def known_column(table: Table, column: str, typed: Sequence[str]) -> Known:
    """What is odd by ``column``: the values that were typed, else those that can mean nothing else.

    Raises UsageError for a value that the column does not have, DataError where only the user can say it.
    """
    found = sorted({cell.strip() for cell in table.cells(column)} - {""})
    listed = ", ".join(found[:_LISTED]) + (", …" if len(found) > _LISTED else "")
    for value in typed:
        if value not in found:
            close = near_miss(value, found)
            raise UsageError(
                f"--anomalous: column {column} has no value {value!r}",
                f"did you mean {close!r}?" if close else f"its values are {listed}",
            )
    if typed:
        if len(set(typed)) == len(found):
            raise UsageError(
                f"--anomalous: every value of column {column} is named, and nothing is left to learn from",
                "name those that are odd",
            )
        return Known(column, tuple(dict.fromkeys(typed)))
    odd = odd_values(found)
    if odd:
        return Known(column, odd)
    raise DataError(
        f"{table.source}, column {column}: which of {listed} is odd?",
        f"--anomalous {found[-1] if found else 'VALUE'} says it; several by commas",
    )


def odd_values(values: Sequence[str]) -> tuple[str, ...]:
    """Those of the different ``values`` of a column that can only mean odd; () where none is sure."""
    lower = {value: value.lower() for value in values}
    odd = tuple(value for value, word in lower.items() if word in ODD_WORDS)
    usual = [value for value, word in lower.items() if word in USUAL_WORDS]
    if odd or (usual and len(usual) < len(values)):
        return odd or tuple(value for value in values if value not in usual)
    if len(values) == 2:
        for value, word in lower.items():
            others = [other for name, other in lower.items() if name != value]
            if TRUTHS.get(word) in others:
                return (value,)
    return ()
