"""Regressions as the first version saved them: a number without an interval."""

from __future__ import annotations

from typing import Any

from seqcli.tasks.regress import Regress


class FirstRegress(Regress):
    """``regress.v1``, read as what it is today: a regression that knows no interval."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Regress:
        """Rebuild from what the first version wrote. Raises ModelError on anything else."""
        return Regress.from_json({**data, "interval": None})
