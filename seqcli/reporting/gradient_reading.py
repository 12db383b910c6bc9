"""An inspection read in plain words: what becomes of the gradient, by what, and what to do about it.

Each sentence is chosen by numbers that are in the tables. The cause of a gradient that vanishes is the first
of these that holds:

    plain cell   bound       σ_max(W_hh) < 1 suffices to vanish (Pascanu, Mikolov and Bengio 2013), and
                             half of what is lost is lost by it
                 saturation  a fifth of the tanh values or more stand beyond ±0.9, where its slope is < .2
                 slope       W_hh alone would keep it (spectral radius about 1 or more), tanh takes some
                 directions  W_hh stretches one direction, but its eigenvalues are below 1
    gated cell   saturation  half of the values of the gate that keeps the state or more stand below 0.1
                 gates       units keep the state for τ = −1/ln f steps, and that is what is seen
                 return      more is seen than the units that keep most would leave: W_hh brings it back
                 candidate   they would keep more than is seen: what comes in takes it back

A gradient that is kept is so by its gates or by what returns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from seqcli.reporting.gradient_verdict import AGREES, share, stage_name
from seqcli.training.gradients.curves import SMALLEST, Curve, Flow, Inspection
from seqcli.training.gradients.measures import ALIKE, Dynamics, GateUse

CROWDED = 0.2
"""Share of tanh values beyond ±0.9 from which on they are what loses a gradient."""
CLOSED = 0.5
"""Share of values of a keep gate below 0.1, or above 0.9, that says what it does."""
FARTHER = 1.5
"""A cell that remembers longer by this factor is worth a word."""
SHORT = 4
"""Gates whose slowest tenth keeps for less than a quarter of the steps could be spread wider."""
TRUNCATED = 0.5
"""Share of clipped steps from which on the limit shapes a training."""
LARGE, TINY = 0.03, 1e-6
"""‖update‖/‖weight‖ above and below which a learning rate is worth a look; 1e-3 is usual."""
LITTLE = 0.1
"""Where less is left at the last step, something can be done."""
KEEPS = 0.95
"""A W_hh with at least this spectral radius would keep a gradient for some steps, by itself."""
BOUND = 0.5
"""A bound that accounts for at least this share of what is lost is the cause, in logarithms."""
NEAR = 0.7
"""A rate of at least this share of what gates keep is put down to them, in logarithms."""
KEEPING = {"z": "update gate", "f": "forget gate", "a": "kept share"}


def reading(found: Inspection) -> str:
    """The paragraph; "" where there is nothing to read."""
    if found.linear is not None:
        return _linear(found)
    flows = [flow for flow in _subject(found) if flow.curves and not math.isnan(flow.carrier.rate)]
    if not flows:
        return ""
    name = stage_name(flows[0].stage)
    said = [f"{name[0].upper()}{name[1:]}, {_fates(flows, found)}"]
    said += [_cause(flow, found.unit) for flow in flows]
    said += [_remedy(flows, found), _truncation(flows, found), _clipping(flows), _updates(flows)]
    return " ".join(sentence for sentence in said if sentence)


def _linear(found: Inspection) -> str:
    """The corridor: what theory says beside what was found."""
    flow, scale = found.flows[0], found.linear or 0.0
    if not flow.dynamics or not len(flow.dynamics[-1].exponents.values):
        return ""
    layer = flow.dynamics[-1]
    theory = f"ln {scale:g} = {math.log(scale):.4f}" if scale else "-inf"
    values = layer.exponents.values
    which = "vanish" if layer.bound < 1 else "be kept" if scale == 1 else "explode"
    ends = f"{values[0]:.4f} to {values[-1]:.4f}"
    return (
        f"W_hh turns the state and scales it by {scale:g}: the bound of {layer.bound:.4g} a {found.unit} is "
        f"exact here, and every Lyapunov exponent is {theory} (found: {ends}), so that a gradient can only "
        f"{which}."
    )


def _subject(found: Inspection) -> list[Flow]:
    """The flows that are read: after training, else under the start that was asked for, else the last."""
    stages = {name: flows for name, flows in found.stages.items() if name != "total"}
    for name in ("trained", found.init):
        if name in stages:
            return stages[name]
    return list(stages.values())[-1]


# ---- what becomes of it


def _fates(flows: Sequence[Flow], found: Inspection) -> str:
    """One sentence on all cells."""
    parts = []
    for fate, words in (
        ("vanishes", "vanishes in {}"), ("lasts", "is kept in {}"),
        ("grows", "grows in {}"), ("explodes", "explodes in {}"),
    ):  # fmt: skip
        some = [flow for flow in flows if flow.carrier.fate == fate]
        if some:
            parts.append(words.format(_and([_with_number(flow.cell, flow.carrier) for flow in some])))
    return f"over {found.steps} {found.unit}s back: the gradient {_and(parts)}."


def _with_number(cell: str, curve: Curve) -> str:
    if curve.fate == "vanishes":
        return f"{cell} (1 % by {curve.memory})"
    if curve.fate == "lasts":
        return f"{cell} ({share(float(curve.ratio[-1]))} left)"
    return f"{cell} ({curve.growth:.2g}-fold)"


def _and(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


# ---- by what


def cause_of(flow: Flow) -> str:
    """The cause by name: see the head of this file; "kept" and "grown" where nothing vanishes."""
    curve = flow.carrier
    layer = _layer_of(flow)
    if curve.fate in ("explodes", "grows"):
        return "grown"
    gate, kept = layer.keeping, curve.fate == "lasts"
    if gate is None:
        if kept:
            return "kept"
        tanh = next((each for each in layer.gates if each.squashed), None)
        if _explains(layer.bound, curve.rate, BOUND):
            return "bound"
        if tanh and tanh.low + tanh.high >= CROWDED:
            return "saturation"
        return "slope" if layer.matrices[0].radius >= KEEPS else "directions"
    if layer.matrices and curve.rate > gate.opening.p90 + AGREES:
        return "return"
    if kept:
        return "kept"
    if gate.low >= CLOSED:
        return "saturation"
    keeps = gate.opening.p50
    return "gates" if curve.rate >= keeps or _explains(keeps, curve.rate, NEAR) else "candidate"


def _explains(factor: float, rate: float, part: float) -> bool:
    """Whether a ``factor`` a step accounts for so much of what is lost at ``rate``, in logarithms."""
    if factor >= 1:
        return False
    return math.log(max(factor, SMALLEST)) <= part * math.log(max(rate, SMALLEST))


def _layer_of(flow: Flow) -> Dynamics:
    return flow.dynamics[flow.carrier.layer - 1]


def _cause(flow: Flow, unit: str) -> str:
    """One sentence on one cell."""
    if not flow.dynamics:
        return ""
    layer, curve, cause = _layer_of(flow), flow.carrier, cause_of(flow)
    gate = layer.keeping
    if gate is None:
        return _plain(flow.cell, layer, curve, cause, unit)
    name = f"{KEEPING.get(gate.name, gate.name)} of {flow.cell}"
    keeps = _times(gate, unit)
    if cause == "grown":
        return (
            f"No gate of {flow.cell} keeps more than all, so that what grows comes back through W_hh: "
            f"a {unit} stretches the state up to {layer.stretch.p50:.2f}-fold."
        )
    if cause == "return":
        return (
            f"The {name} keeps {gate.opening.mean:.2f} a {unit}, but {curve.rate:.2f} is seen: W_hh brings "
            f"the rest back (the spectral radius of a whole {unit} is {layer.radius.p50:.2f})."
        )
    if cause == "saturation":
        return f"The {name} is shut: {share(gate.low)} of its values stand below 0.1. {keeps}"
    if cause == "kept":
        open_wide = gate.high >= CLOSED
        how = (
            f"stands open: {share(gate.high)} of its values are above 0.9" if open_wide else "is open enough"
        )
        return f"The {name} {how}. {keeps}"
    if cause == "gates":
        return f"The {name} sets the pace: its mean is {gate.opening.mean:.2f}. {keeps}"
    return (
        f"The {name} would keep more, {gate.opening.mean:.2f} a {unit}, than the {curve.rate:.2f} that is "
        "seen: what a new state takes from the old one cancels a part."
    )


def _times(gate: GateUse, unit: str) -> str:
    """Time constants in a sentence."""
    if gate.times is None or math.isnan(gate.times.p50):
        return ""
    half, slow = _count(gate.times.p50), _count(gate.times.p90)
    if half == slow:
        return f"Units keep for τ = {half} {unit}s."
    return f"Half of its units keep for τ = {half} {unit}s or less, the slowest tenth for {slow} or more."


def _count(steps: float) -> str:
    if math.isinf(steps):
        return "ever so many"
    return f"{steps:.1f}" if steps < 9.95 else f"{steps:,.0f}"


def _plain(cell: str, layer: Dynamics, curve: Curve, cause: str, unit: str) -> str:
    """A cell without gates: bound, saturation or directions."""
    bound = f"{layer.bound:.2f} a {unit}"
    if cause == "bound":
        return f"In {cell} the bound is {bound}, and below 1 is enough to vanish: W_hh stretches nothing."
    if cause == "saturation":
        tanh = next(each for each in layer.gates if each.squashed)
        part = share(tanh.low + tanh.high)
        return (
            f"In {cell} the bound of {bound} would let it live, but {part} of the tanh values stand beyond "
            "±0.9 and pass less than a fifth."
        )
    top = f"{layer.exponents.values[0]:+.2f}" if len(layer.exponents.values) else ""
    radius = layer.matrices[0].radius
    if cause == "slope":
        return (
            f"In {cell} W_hh alone would let it live (spectral radius {radius:.2f}), but tanh passes a part "
            f"only: {curve.rate:.2f} a {unit} is seen."
        )
    if cause == "directions":
        others = "" if math.isnan(radius) else f": the spectral radius of W_hh is {radius:.2f}"
        return f"In {cell} the bound of {bound} is met in few directions, {curve.rate:.2f} is seen{others}."
    if cause == "grown":
        largest = f", the largest Lyapunov exponent {top}" if top else ""
        return f"In {cell} the bound is {bound}, above 1 as it must be to explode{largest}."
    return f"In {cell} W_hh changes lengths little (bound {bound}, measured {curve.rate:.2f})."


# ---- what to do


def _remedy(flows: Sequence[Flow], found: Inspection) -> str:
    """What to change, the likeliest first."""
    wild = [flow for flow in flows if flow.carrier.fate in ("explodes", "grows")]
    fading = [flow for flow in flows if flow not in wild and not flow.carrier.ratio[-1] >= LITTLE]
    parts = []
    if wild:
        names = _and([flow.cell for flow in wild])
        other = ", and leave --init-scale out" if found.scale > 1 else ""
        if found.init == "torch" and not other:
            other = ", and begin with an orthogonal W_hh, --init gated"
        parts.append(f"keep --clip-norm for {names}{other}")
    if fading:
        parts += _against_fading(fading, flows, found)
    if not wild and not fading:
        return f"Nothing is to be done over {found.steps} {found.unit}s."
    if not parts:
        return ""
    return f"What to do: {'; '.join(parts)}."


def _against_fading(fading: Sequence[Flow], flows: Sequence[Flow], found: Inspection) -> list[str]:
    """Another cell that was seen to remember longer, another start, or another cell that may."""
    worst = min(fading, key=lambda flow: flow.carrier.reach)
    calm = [flow for flow in flows if flow.carrier.fate in ("vanishes", "lasts")]
    best = max(calm, key=lambda flow: flow.carrier.reach)
    parts = []
    if best.carrier.reach >= FARTHER * max(worst.carrier.reach, 1.0):
        times = best.carrier.reach / max(worst.carrier.reach, 1.0)
        far = "without end" if math.isinf(times) else f"{times:.1f} times as far as {worst.cell}"
        parts.append(f"--cell {best.cell} remembers {far}")
    elif all(_ungated(flow) for flow in fading):
        parts.append("--cell gru or lstm has a way back that W_hh is not on")
    gated = [flow for flow in fading if not _ungated(flow)]
    slow = [_slowest(flow) for flow in gated]
    if gated and found.init != "chrono" and max(slow) < found.steps / SHORT:
        names = _and([flow.cell for flow in gated])
        parts.append(f"--init chrono lets units of {names} begin with time constants from 1 up to the length")
    elif found.init == "torch" and not gated:
        parts.append("--init gated begins with an orthogonal W_hh")
    return parts


def _ungated(flow: Flow) -> bool:
    return not flow.dynamics or _layer_of(flow).keeping is None


def _slowest(flow: Flow) -> float:
    gate = _layer_of(flow).keeping
    return gate.times.p90 if gate and gate.times else 0.0


def _truncation(flows: Sequence[Flow], found: Inspection) -> str:
    """How far back the weights' gradient needs to go."""
    known = [(flow.cell, flow.truncations) for flow in flows if flow.truncations and flow.truncations.steps]
    if not known:
        return ""
    ladders = [ladder for _, ladder in known]
    unit, whole = f"{found.unit}s", ladders[0].whole
    long = [cell for cell, ladder in known if ladder.enough is None]
    if long:
        last = ladders[0].steps[-1].back
        need = f"--bptt above {last}" if ladders[0].chunks else f"more than {last} {unit}"
        return f"The weights of {_and(long)} learn from far back: their gradient needs {need}."
    needed = max(ladder.enough or 0 for ladder in ladders)
    if not ladders[0].chunks:
        return (
            f"The last {needed} {unit} give the weights the gradient of all {whole} (cosine above {ALIKE})."
        )
    enough = f"--bptt {needed} is enough: the weights' gradient points as that of all {whole} {unit} does"
    if found.bptt and found.bptt < needed:
        return f"{enough}, and the {found.bptt} of this training is too little."
    return f"{enough}."


def _clipping(flows: Sequence[Flow]) -> str:
    """A limit that most steps meet."""
    often = [flow for flow in flows if flow.training and flow.training.clipped >= TRUNCATED]
    if not often:
        return ""
    parts = []
    for flow in often:
        assert flow.training is not None
        norms = flow.training.norms
        largest = f", the largest gradient was {norms.largest:.2g}" if norms else ""
        parts.append(f"{share(flow.training.clipped)} of the steps of {flow.cell}{largest}")
    return f"Clipping cut {'; '.join(parts)}."


def _updates(flows: Sequence[Flow]) -> str:
    """Steps that are too long or too short beside the weights of a layer; a head may begin at zero."""
    for flow in flows:
        norms = flow.training.norms if flow.training else None
        for part in norms.updates if norms else ():
            if not part.name.startswith("layer"):
                continue
            if part.ratio.p50 > LARGE:
                return (
                    f"A step changes {part.name} of {flow.cell} by {share(part.ratio.p50)} of its length: "
                    "--learning-rate is high."
                )
            if part.ratio.p50 < TINY:
                return f"A step hardly changes {part.name} of {flow.cell}: --learning-rate is low."
    return ""
