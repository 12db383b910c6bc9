"""Training options hold together: one that a training could not obey is refused ahead of it."""

from __future__ import annotations

from typing import Any

import torch

from seqcli.backends.device import choose_device
from seqcli.backends.numpy_cells import load_numpy_cell
from seqcli.backends.registry import load_cell
from seqcli.errors import UsageError
from seqcli.network import RESIDUAL
from seqcli.options import NetworkOptions, Options, TrainingOptions
from seqcli.tasks.base import Prepared
from seqcli.tasks.inputs import Inputs
from seqcli.threads import team_place
from seqcli.training.fit_setup import FitSetup


def training_device(training: TrainingOptions) -> torch.device:
    """Where a network is trained: NumPy knows the processor alone.

    Raises UsageError when "cuda" is asked for and cannot be had.
    """
    if training.backend != "numpy":
        return choose_device(training.device)
    if training.device == "cuda":
        raise UsageError(
            "--device cuda: NumPy runs on the processor", "leave out --device, or --backend numpy"
        )
    return choose_device("cpu")


def reads_steps(prepared: Prepared) -> bool:
    """Whether a task reads series of numbers or DNA, row by row."""
    if prepared.loss == "steps" or prepared.network.bottleneck:
        return True
    inputs = getattr(prepared.task, "inputs", None)
    return isinstance(inputs, Inputs) and inputs.reads_steps


def _refuse_for_steps(options: Options, prepared: Prepared) -> None:
    """Raise UsageError for an option on series or DNA where neither is read."""
    network = options.network
    flags: dict[str, Any] = {
        "--stem": network.stem,
        "--reverse-complement": network.reverse_complement or None,
        "--kmers": network.kmers,
        "--members": network.members,
    }
    for flag, value in flags.items():
        if value is None or (flag == "--members" and prepared.network.chain):  # taggers have members too
            continue
        if not reads_steps(prepared):
            raise UsageError(
                f"{flag} is for series of numbers and DNA, and neither is read here", f"leave out {flag}"
            )
    for flag, typed in (("--reverse-complement", network.reverse_complement), ("--kmers", network.kmers)):
        if typed and getattr(getattr(prepared.task, "inputs", None), "dna", None) is None:
            raise UsageError(
                f"{flag} is for DNA, and no column of it is read here", "--level dna --text COLUMN names one"
            )


def _refuse_for_sound(options: Options, prepared: Prepared) -> None:
    """Raise UsageError for an option on sound where none is read."""
    inputs = getattr(prepared.task, "inputs", None)
    if (getattr(prepared.task, "sound", None) or getattr(inputs, "sound", None)) is not None:
        return
    typed = (("--per-clip", options.columns.per_clip), ("--no-augment", not options.training.augment))
    for flag, value in typed:
        if value:
            raise UsageError(f"{flag} is for sound, and none is read here", f"leave out {flag}")


def refuse_disobeyed(options: Options, prepared: Prepared) -> None:
    """Raise UsageError for an option, typed or from a configuration, that would change nothing."""
    training, network = options.training, options.network
    _refuse_for_steps(options, prepared)
    _refuse_for_sound(options, prepared)
    _refuse_of_several(training)
    if not any(item.of_text for item in prepared.network.inputs):
        for flag, value in (
            ("--level", options.columns.level),
            ("--embedding-size", None if network.kmers else network.embedding_size),
            ("--subwords", network.subwords),
            ("--word-dropout", network.word_dropout),
            ("--embedding-dropout", network.embedding_dropout),
            ("--variational", network.variational),
            ("--vectors", network.vectors),
            ("--pretrain", options.training.pretrain),
            ("--prior", "" if network.prior == "none" and reads_steps(prepared) else network.prior),
        ):
            if value not in (None, "", NetworkOptions.prior, "dna"):
                raise UsageError(
                    f"{flag} shapes how text is read, and no text is read here", f"leave out {flag}"
                )
    if all(item.of_text for item in prepared.network.inputs) and options.reading.missing != "mask":
        raise UsageError("--missing is about numbers, and no numbers are read here", "leave out --missing")
    if network.vectors and not isinstance(getattr(prepared.task, "inputs", None), Inputs):
        task = prepared.task.plan.task
        raise UsageError(f"--vectors means nothing to the task {task}", "leave out --vectors")
    if training.pretrain not in (None, "none") and training.time_budget is not None:
        raise UsageError(
            "--time-budget is of the training, and --pretrain takes the time of its own passes ahead of it",
            "give --epochs or --steps, or leave out --pretrain",
        )
    if training.init_from and network.vectors:
        raise UsageError(
            "--init-from and --vectors both say what the words begin as", "leave out one of them"
        )
    if training.clip_value is not None and training.clip_norm != TrainingOptions.clip_norm:
        raise UsageError(
            "--clip-value clips each element instead of the norm, so --clip-norm would change nothing",
            "leave out one of them",
        )
    _refuse_of_cell(options, prepared.network.cell)
    optimizer = training.optimizer or prepared.training.get("optimizer") or "adamw"
    if optimizer != "adamw" and training.weight_decay not in (None, 0.0, FitSetup.weight_decay):
        raise UsageError(
            f"--weight-decay means nothing to {optimizer}, which decays no weights",
            "leave it out, or take --optimizer adamw",
        )
    if training.precision == "bfloat16" and (
        training_device(training).type != "cpu" or training.backend != "torch"
    ):
        raise UsageError(
            "--precision bfloat16 is for networks that torch trains on the processor", "leave out --precision"
        )
    if training.patience is not None and not len(prepared.validation):
        raise UsageError(
            "--patience waits for a better validation score, and nothing is held out to score on",
            "leave out --patience, or give --validation FILE",
        )


def _refuse_of_several(training: TrainingOptions) -> None:
    """Raise UsageError for what processes that train together cannot share."""
    processes = team_place()[1]
    if processes == 1:
        return
    if training.backend == "numpy":
        raise UsageError(
            f"--backend numpy trains in one process, and torchrun has started {processes}",
            "leave out torchrun, or --backend numpy",
        )
    if training_device(training).type != "cpu":
        raise UsageError(
            f"torchrun has started {processes} processes, which share the work of processors, not of a GPU",
            "leave out torchrun, or take --device cpu",
        )


def _refuse_of_cell(options: Options, cell: str) -> None:
    """Raise UsageError for what ``cell`` has no weights or gates for."""
    if options.network.init == "chrono" and not load_cell(cell).keep_gate:
        raise UsageError(
            f"--init chrono opens the gates that remember, and --cell {cell} has none",
            "leave out --init, or take --cell gru or lstm",
        )
    if options.network.recurrent_dropout and (cell == "none" or cell in RESIDUAL):
        raise UsageError(
            f"--recurrent-dropout leaves out weights of W_hh, and --cell {cell} has none",
            "leave it out, or take --cell gru, lstm or rnn",
        )
    if options.training.backend == "numpy":
        load_numpy_cell(cell)
        if options.network.recurrent_dropout:
            raise UsageError("the NumPy network has no dropout", "leave out --recurrent-dropout")
