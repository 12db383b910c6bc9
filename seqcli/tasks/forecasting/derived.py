"""Columns that stand in no file: indicators of each target, computed from its own past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seqcli.preprocessing.indicators import INDICATORS, indicators
from seqcli.tasks.base import Plan
from seqcli.tasks.forecasting.rows import Rows


def indicator_names(plan: Plan) -> tuple[str, ...]:
    """What the indicators of the targets are called: "close returns", "close rsi 14", …"""
    return tuple(f"{target} {name}" for target in plan.target for name in INDICATORS)


def with_indicators(rows: Rows, plan: Plan) -> Rows:
    """``rows`` with the plan's indicators as last columns, (N, F + I); none is known of the future."""
    if not plan.indicators:
        return rows
    every = indicator_names(plan)
    chosen = [every.index(name) for name in plan.indicators]
    found = np.empty((len(rows.values), len(every)))
    ends = np.cumsum(rows.lengths)
    for start, end in zip(ends - rows.lengths, ends, strict=True):
        own = slice(int(start), int(end))
        found[own] = np.concatenate(
            [indicators(rows.values[own, target]) for target in range(len(plan.target))], axis=1
        )
    later = rows.later
    if later is not None:
        unknown = np.full((len(later), len(chosen)), np.nan)
        later = replace(later, values=np.concatenate([later.values, unknown], axis=1))
    return replace(rows, values=np.concatenate([rows.values, found[:, chosen]], axis=1), later=later)
