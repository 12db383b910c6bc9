"""Which sequences a gradient is followed back over: the longest of a file, or random ones.

All of them are cut to the same number of last steps, where enough are long enough, so that a mean over
the batch is over the same sequences at every step back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqcli.errors import DataError, ModelError, UsageError
from seqcli.network import InputSpec, NetworkSpec
from seqcli.preprocessing.vocabulary import RESERVED
from seqcli.sequences import LENGTHS, TARGET, Batch, Examples, IntArray, Windows

STEPS = 100
"""Steps back, or segments, that are looked at when nothing is typed, and sequences are that long."""
SEQUENCES = 64
"""In a batch; fewer where that would take too much memory."""
FEWEST = 8
MOST_NUMBERS = 4_000_000
"""Sequences × steps × units, all layers together: about a gigabyte while gradients are made."""
OF_A_BAG = 8
"""Ids a step of a random bag."""
WIDTH = 32
"""Numbers a step of a random sequence."""
UNITS = 128
"""Of the cells that read random sequences."""


@dataclass(frozen=True)
class Looked:
    """The batch, fields (B, T[, F]) and lengths (B,); how long it is, and sentences on what it is."""

    batch: dict[str, Tensor]
    steps: int
    """Steps of the recurrence: of segments, where the network reads those."""
    said: str
    odd: str = ""


def random_spec(hidden_size: int, num_layers: int) -> NetworkSpec:
    """A network that reads :data:`WIDTH` numbers a step."""
    inputs = (InputSpec("values", "values", WIDTH),)
    return NetworkSpec(inputs, (1,), "gru", hidden_size, num_layers, pool="last", time_range=STEPS)


def drawn(spec: NetworkSpec, steps: int, seed: int) -> Looked:
    """Random sequences for a network: ids drawn evenly from its vocabulary, standard normal numbers."""
    rng = np.random.default_rng(seed)
    steps = whole_segments(spec, steps)
    rows = sequences_for(spec, steps)
    batch: Batch = {LENGTHS: np.full(rows, steps, dtype=np.int64)}
    what, where = [], {"values": "a step", "dense": "for the whole", "ahead": "a step to come"}
    shapes = {"values": (steps,), "dense": (), "ahead": spec.output_shape[:1]}
    for item in spec.inputs:
        if item.kind == "tokens":
            ids = rng.integers(min(RESERVED, item.size - 1), item.size, size=(rows, steps))
            batch[item.field] = ids.astype(np.int64)
            what.append("tokens drawn evenly from the vocabulary")
        elif item.kind == "bags":
            ids = rng.integers(1, item.size, size=(rows, steps, OF_A_BAG))
            batch[item.field] = ids.astype(np.int64)
            what.append(f"bags of {OF_A_BAG} ids drawn evenly")
        else:
            shape = (rows, *shapes[item.kind], item.size)
            batch[item.field] = rng.standard_normal(shape).astype(np.float32)
            what.append(f"{item.size} standard normal numbers {where[item.kind]}")
    long = f"{steps} steps{_in_segments(spec, steps)}"
    said = f"inputs: {rows} random sequences of {long}, {' and '.join(dict.fromkeys(what))}"
    return Looked(_tensors(batch), steps // spec.segment, said)


def whole_segments(spec: NetworkSpec, steps: int) -> int:
    """``steps`` without those that fill no segment; raises UsageError where fewer than two are left."""
    if spec.segment > 1 and steps < 2 * spec.segment:
        raise UsageError(
            f"the network reads segments of {spec.segment} steps, and {steps} steps hold no two of them: "
            "nothing goes through time",
            f"--steps {2 * spec.segment} or more can be looked at, where sequences are so long",
        )
    return steps - steps % spec.segment


def _in_segments(spec: NetworkSpec, steps: int) -> str:
    return f" ({steps // spec.segment} segments of {spec.segment} steps)" if spec.segment > 1 else ""


def longest(examples: Examples, spec: NetworkSpec, steps: int | None, seed: int, source: str) -> Looked:
    """Sequences of ``examples`` that reach ``steps`` back (:data:`STEPS` for None), or as far as they do.

    Raises DataError where no sequence has two steps, UsageError where there are no two whole segments,
    ModelError where the sequences are not what the network reads.
    """
    wanted = steps or STEPS * spec.segment
    if isinstance(examples, Windows):
        examples = recut(examples, wanted)
    lengths = examples.lengths
    count = min(sequences_for(spec, wanted), len(lengths))
    # A few long sequences among many short ones are not enough to speak of; of few sequences a quarter is.
    enough = min(count, max(1, len(lengths) // 4))
    reach = min(wanted, int(np.sort(lengths)[-enough])) if len(lengths) else 0
    if reach < 2:
        raise DataError(
            f"{source}: sequences of one step carry nothing through time",
            "--id collects rows into sequences; without a file random sequences are looked at",
        )
    seen, reach = reach, whole_segments(spec, reach)
    fitting = np.flatnonzero(lengths >= reach)
    rows = np.sort(np.random.default_rng(seed).choice(fitting, min(count, len(fitting)), replace=False))
    whole = examples.batch(rows)
    _refuse_other_fields(whole, spec)
    batch = last_steps(whole, spec, reach)
    cut = f"the last {reach} steps of each" if int(lengths[rows].max()) > reach else f"{reach} steps each"
    said = f"inputs: {len(rows)} of {len(lengths):,} sequences, {cut}{_in_segments(spec, reach)}"
    odd = ""
    if steps is not None and seen < steps:
        odd = f"too few sequences have {steps} steps: {reach} is as far as one can look back in them"
    return Looked(_tensors(batch), reach // spec.segment, said, odd)


def _refuse_other_fields(batch: Batch, spec: NetworkSpec) -> None:
    """Raise ModelError unless ``batch`` holds all that the network reads, fields (B, T[, F]) and (B, D)."""
    for item in spec.inputs:
        values = batch.get(item.field)
        leading = 1 if item.kind in ("dense", "ahead") else 2  # (B,) or (B, T)
        width: tuple[int, ...] = () if item.embedded else (item.size,)
        width = (*spec.output_shape[:1], *width) if item.kind == "ahead" else width
        shape = values.shape[: 2 if item.kind == "bags" else None] if values is not None else ()
        fits = values is not None and values.ndim >= leading and shape[leading:] == width
        if values is None or not fits or (item.embedded and values.max(initial=0) >= item.size):
            raise ModelError("the model's network does not read what its task makes", "train it again")


def recut(windows: Windows, steps: int) -> Windows:
    """The same stretch of text in windows of ``steps``, end to end; in one window where it is shorter."""
    total = min((len(values) for values in windows.past.values()), default=0)
    steps = min(steps, total)
    starts = np.arange(0, total - steps + 1, max(steps, 1))
    return replace(windows, starts=starts, window=steps)


def sequences_for(spec: NetworkSpec, steps: int) -> int:
    """How many sequences of so many steps may be looked at together."""
    ways = 2 if spec.bidirectional else spec.readers
    numbers = steps // spec.segment * spec.hidden_size * spec.num_layers * ways
    return int(np.clip(MOST_NUMBERS // max(numbers, 1), FEWEST, SEQUENCES))


def last_steps(batch: Batch, spec: NetworkSpec, steps: int) -> Batch:
    """The fields that a network reads, each row's last ``steps`` steps: (B, T[, F]) and lengths (B,).

    With them the targets of a network that reads on and on, which are of those steps too.
    """
    lengths: IntArray = batch[LENGTHS]
    kept = np.minimum(lengths, steps)
    place = (lengths - kept)[:, None] + np.arange(int(kept.max(initial=0)))  # (B, T)
    place = np.minimum(place, batch_steps(batch, spec) - 1)  # padding
    rows = np.arange(len(lengths))[:, None]
    out: Batch = {LENGTHS: kept}
    for item in spec.inputs:
        values = batch[item.field]
        out[item.field] = values if item.kind in ("dense", "ahead") else values[rows, place]
    if spec.streams and TARGET in batch:
        out[TARGET] = batch[TARGET][rows, place]
    return out


def batch_steps(batch: Batch, spec: NetworkSpec) -> int:
    """T of the padded fields."""
    read = next(item.field for item in spec.inputs if item.kind in ("tokens", "bags", "values"))
    return int(batch[read].shape[1])


def trained_length(task: dict[str, Any]) -> int:
    """Steps of a saved task's sequences, from its JSON: a window, the length at which texts are cut."""
    for part, name in (("frame", "window"), ("inputs", "max_length")):
        found = task.get(part)
        length = found.get(name) if isinstance(found, dict) else None
        if isinstance(length, int) and length > 0:
            return min(length, 10 * STEPS)
    inputs = task.get("inputs")
    rows_alone = isinstance(inputs, dict) and not inputs.get("ids") and not inputs.get("sound")
    return 1 if rows_alone else STEPS


def _tensors(batch: Batch) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in batch.items()}
