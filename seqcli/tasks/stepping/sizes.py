"""Network and training of a labeller of steps by rule, where the user has not said: from counts alone."""

from __future__ import annotations

from typing import Any

from seqcli.options import Options
from seqcli.sequences import Examples
from seqcli.tasks import sizes
from seqcli.tasks.inputs import Inputs
from seqcli.tasks.sizes import STEM, Sizes

MOST_EPOCHS = 100


def choose_sizes(inputs: Inputs) -> Sizes:
    """The defaults for DNA, or for series of numbers: no step is jumped over, none pooled."""
    if inputs.dna is not None:
        return Sizes(0, 64, 0.2, "none", True, 3e-3, 1500, stem=1, ema=0.99)
    return Sizes(0, 64, 0.4, "none", True, 3e-3, 1000, label_smoothing=0.05, stem=STEM, noise=0.1, ema=0.99)


def training_defaults(chosen: Sizes, train: Examples, options: Options) -> dict[str, Any]:
    """Training options that apply where none is typed; a few series are learnt by heart in many epochs."""
    found = sizes.training_defaults(chosen, train, options)
    if options.training.epochs is None and found["epochs"] > MOST_EPOCHS:
        found |= {"epochs": MOST_EPOCHS, "patience": MOST_EPOCHS // 2}
    return found
