"""What an inspection of gradients comes to, in words that follow from its numbers and name the cause."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seqcli.training.gradients.curves import LEFT, Cause, Curve, Flow, Inspection

GATES = {"f": "forget gate", "z": "update gate", "a": "kept a step"}
HALF = (0.47, 0.53)
AGREES = 0.05
"""How far a rate may lie from what a gate keeps and still be put down to it."""
STAGES = {
    "torch": "PyTorch's start",
    "trained": "after training",
    "time": "through time",
    "total": "in total",
}
UNEVEN = 3
"""How many times more than is left the overall rate would leave, where the first steps lose most."""
UNGATED = "rnn"
CALM = ("vanishes", "lasts")
"""Fates of a gradient that a memory can be spoken of."""
HARDLY = 1.25
"""A memory that is longer by less than this factor is hardly longer."""


def verdict(inspection: Inspection) -> list[str]:
    """One line on each stage, then one on each cell in it, with a dash."""
    if inspection.linear is not None:
        return [_linear(inspection.flows[0].curves[-1], inspection.linear)]
    lines = []
    for stage, flows in inspection.stages.items():
        parts = _headline(flows, inspection)
        if len(flows) == 1 and stage != "total":
            parts = [_of_cell(flows[0]), *parts]
        lines.append(f"{stage_name(stage)}: {'; '.join(parts)}")
        if len(flows) > 1:
            lines += [f"- {_of_cell(flow)}" for flow in flows]
    return lines


def stage_name(stage: str) -> str:
    """A stage for people: "gated start", "after training"."""
    return STAGES.get(stage, f"{stage} start")


def _linear(curve: Curve, scale: float) -> str:
    """The scalar corridor."""
    digits = curve.steps * math.log10(scale) if scale else -math.inf
    power = f"{scale:g}^{curve.steps}" + (f" = {scale**curve.steps:.2g}" if digits < 300 else "")
    of = "of it is left" if scale < 1 else "times as much is there"
    return (
        f"linear: every step back multiplies the gradient by {scale:g}, so that after {curve.steps} steps "
        f"{power} {of} (found: {curve.ratio[-1]:.2g}); it {curve.fate}"
    )


# ---- one stage


def _headline(flows: Sequence[Flow], inspection: Inspection) -> list[str]:
    """Which cell remembers longest; how a saved model's own output differs; what was clipped."""
    if flows[0].stage == "total":
        return [_total(flows[0].beside(inspection.flows[0].carrier), inspection.shortcuts)]
    parts = [_ranking(flows)] if len(flows) > 1 else []
    short = _no_longer(flows)
    parts += [short] if short else []
    clipped = [f"{flow.cell} {100 * flow.training.clipped:.0f} %" for flow in flows if flow.training]
    return [*parts, f"steps clipped: {', '.join(clipped)}"] if clipped else parts


def _ranking(flows: Sequence[Flow]) -> str:
    """The cells by memory, and those whose gradient explodes."""
    calm = [flow for flow in flows if flow.curves and flow.carrier.fate in CALM]
    ordered = sorted(calm, key=lambda flow: flow.carrier.reach, reverse=True)
    parts = []
    if ordered:
        first = reach_text(ordered[0].carrier)
        tied = [flow for flow in ordered if reach_text(flow.carrier) == first]
        verb = "all remember equally long" if len(tied) == len(ordered) > 1 else ""
        verb = verb or f"{_and(tied)} remember{'s' if len(tied) == 1 else ''} longest"
        counts = [f"{flow.cell} {reach_text(flow.carrier)}" for flow in ordered]
        parts.append(f"{verb} ({ordered[0].carrier.unit}s: {', '.join(counts)})")
    for fate, plural in (("explodes", "explode"), ("grows", "grow")):
        wild = [flow for flow in flows if flow.curves and flow.carrier.fate == fate]
        parts += [f"{_and(wild)} {fate if len(wild) == 1 else plural}"] if wild else []
    lost = [flow for flow in flows if flow.diverged]
    parts += [f"the training of {_and(lost)} exploded"] if lost else []
    return ", ".join(parts)


def _no_longer(flows: Sequence[Flow]) -> str:
    """Where a gated cell remembers no longer than the plain one, that is said."""
    plain = next((flow.carrier for flow in flows if flow.cell == UNGATED and flow.curves), None)
    if plain is None or plain.fate not in CALM or math.isinf(plain.reach):
        return ""
    gated = [flow for flow in flows if flow.curves and _gate(flow)]
    short = [flow for flow in gated if flow.carrier.reach <= HARDLY * plain.reach]
    if not short:
        return ""
    how = "hardly" if any(flow.carrier.reach > plain.reach for flow in short) else "no"
    whose = "its" if len(short) == 1 else "their"
    return f"{_and(short)}, for all {whose} gates, {how} longer than the plain rnn"


def _and(flows: Sequence[Flow]) -> str:
    """The cells of flows: rnn, lstm and gru."""
    *first, last = [flow.cell for flow in flows]
    return f"{', '.join(first)} and {last}" if first else last


def _gate(flow: Flow) -> str:
    return flow.causes[0].gate if flow.causes else ""


def _total(curve: Curve, shortcuts: Sequence[str]) -> str:
    """A saved model's own output."""
    verb = "give" if len(shortcuts) > 1 else "gives"
    if math.isnan(curve.rate):
        return "the output has no gradient at all"
    path = f"{' and '.join(shortcuts)} {verb} every step a path of its own to the output, which is no memory"
    if curve.memory is not None:
        return f"below 1 % after {after(curve, curve.memory)}; {path}"
    return f"{_left(curve)}; {path}"


# ---- one cell


def _of_cell(flow: Flow) -> str:
    """What becomes of the gradient in one cell, and why."""
    if flow.diverged:
        return f"{flow.cell}: the training exploded, by step {flow.diverged} its numbers are NaN or infinite"
    curve = flow.carrier
    if math.isnan(curve.rate):
        return f"{flow.cell}: the last state has no gradient at all"
    return f"{flow.cell} {_what(curve)}; {_why(curve, flow.causes[curve.layer - 1])}"


def _what(curve: Curve) -> str:
    """Its fate with the numbers that show it."""
    if curve.fate in ("explodes", "grows"):
        return f"{curve.fate}: {curve.rate:.2f}-fold a {curve.unit}, {curve.growth:.2g} times in all"
    if curve.memory is not None:
        early = ", fastest at first" if curve.rate**curve.memory > UNEVEN * LEFT else ""
        return f"vanishes: below 1 % after {after(curve, curve.memory)}{early}"
    beyond = curve.reach > curve.steps and math.isfinite(curve.reach)
    return f"lasts: {_left(curve)}" + (f", 1 % after some {curve.reach:,.0f} at this rate" if beyond else "")


def _left(curve: Curve) -> str:
    """What there is at the furthest step back."""
    end = float(curve.ratio[-1])
    if end > 1:
        return f"{end:.1f} times as large after {after(curve, curve.steps)}"
    return f"{share(end)} is left after {after(curve, curve.steps)}"


def after(curve: Curve, count: int) -> str:
    """So many steps back, or segments."""
    return f"{count} {curve.unit}{'' if count == 1 else 's'}"


def _why(curve: Curve, cause: Cause) -> str:
    """The cause, as far as it explains the rate."""
    if not cause.gate:
        return _plain(curve, cause)
    gate, rate = cause.gate_mean, curve.rate
    said = f"{GATES.get(cause.gate, f'gate {cause.gate}')} {gate:.2f}: {_lost(1 - gate, curve.unit)}"
    if abs(rate - gate) <= AGREES:
        return said
    if rate < gate:
        return f"{said} ({in_all(rate)}: its units differ, and the candidate takes some back)"
    if rate <= cause.gate_widest + AGREES:
        return f"{said} ({in_all(rate)}: a tenth of the units stand at {cause.gate_widest:.2f} and more)"
    if math.isnan(cause.stretch):
        return f"{said} ({in_all(rate)}: its units differ, and those that keep most are left)"
    return f"{said} ({in_all(rate)}: W_hh, which stretches up to {cause.stretch:.1f}-fold, brings some back)"


def _plain(curve: Curve, cause: Cause) -> str:
    """A cell without gates: what W_hh and tanh do."""
    if math.isnan(cause.radius):
        matrix = f"W_hh stretches up to {cause.stretch:.2f}-fold"
    else:
        matrix = f"spectral radius of W_hh {cause.radius:.2f}"
    return f"{matrix}, of which tanh passes {cause.slope:.2f}: {_lost(1 - curve.rate, curve.unit)}"


def _lost(part: float, unit: str) -> str:
    """A share that is lost each step or segment, in words."""
    if part <= 0.0:
        return "more returns than is lost"
    if HALF[0] <= part <= HALF[1]:
        return f"half is lost each {unit}"
    return f"{share(part)} is lost each {unit}"


def in_all(rate: float) -> str:
    """What a step comes to, whatever the gate alone would do."""
    return f"{share(1 - rate)} in all" if rate < 1 else "more returns than is lost"


def share(part: float) -> str:
    """A part of one in percent, with digits where it is small: 27 %, 0.4 %, 3e-05."""
    if part >= 0.0995:
        return f"{100 * part:,.0f} %"
    return f"{100 * part:.2g} %" if part >= 1e-5 else f"{part:.1g}"


def reach_text(curve: Curve) -> str:
    """As :func:`memory_text`; what is beyond the last step that was seen is reckoned from the rate."""
    if curve.memory is None and math.isfinite(curve.reach):
        return f"about {curve.reach:,.0f}"
    return memory_text(curve)


def memory_text(curve: Curve) -> str:
    """Steps after which less than 1 % is left, "> 100" where that is never seen."""
    return f"> {curve.steps}" if curve.memory is None else str(curve.memory)
