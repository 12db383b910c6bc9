"""The model that a file and the typed options mean: the one that is there, or one that is trained now.

``forecast FILE`` and ``generate FILE`` use the model they find when it was made from the same data, and
when each training option that was typed has the value it was trained with.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqcli.cli.command import TRAINING_OPTIONS, Invocation
from seqcli.cli.use import say_leftover, say_notes
from seqcli.errors import ModelError, UsageError
from seqcli.options import Options, OutputOptions, SavingOptions
from seqcli.reporting.live import TrainingView
from seqcli.reporting.progress import waiting
from seqcli.reporting.screen import Screen
from seqcli.reporting.training import report_training, show_dry_run, show_tables

if TYPE_CHECKING:
    from seqcli.model_dir import SavedModel
    from seqcli.readers.table import Table


@dataclass(frozen=True)
class Wanted:
    """What ``command`` wants: a model of the task ``task``."""

    command: str
    task: str
    obeyed: frozenset[str]
    """Training options that a finished model can obey without being trained again."""

    def shaping(self, call: Invocation) -> frozenset[str]:
        """What was typed that only a training can obey."""
        return call.typed & (TRAINING_OPTIONS - self.obeyed)

    def refuse_training(self, call: Invocation, used: str, hint: str) -> None:
        """Raise UsageError for such an option beside a model that is ``used`` as it is.

        ``hint`` has {flag} where the option is named.
        """
        shaping = sorted(self.shaping(call) | (call.typed & {"save", "force", "resume"}))
        if shaping:
            flag = "--" + shaping[0].replace("_", "-")
            raise UsageError(f"{flag} shapes a training, and {used} is used as it is", hint.format(flag=flag))


def typed_in(files: tuple[str, ...]) -> bytes | None:
    """All of stdin when it is among ``files``, to be read more than once; see :func:`replay`."""
    content = sys.stdin.buffer.read() if "-" in files else None
    replay(content)
    return content


def replay(content: bytes | None) -> None:
    """Let stdin be read from its start: once to look for a model, once more to train."""
    if content is not None:
        sys.stdin = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


def find_or_train(
    wanted: Wanted,
    call: Invocation,
    options: Options,
    screen: Screen,
    stdin: bytes | None,
    look: Callable[[Table], None] = lambda table: None,
) -> tuple[SavedModel, Table, bool]:
    """The default model when data and typed options agree with it; else one that is trained now.

    The last item says whether it was trained, so that what is odd about the file has been said.
    ``look`` sees the table first, and may raise.
    """
    from seqcli.model_dir import default_target, read_model
    from seqcli.readers.read import read_table

    saving = call.group(SavingOptions)
    target = Path(saving.save) if saving.save else default_target(call.files)
    with waiting(screen, "reading"):
        table = read_table(call.files, options.reading)
    look(table)
    if target.is_dir() and not (saving.force or saving.resume):
        model = _matching_model(wanted, target, call, options, table)
        if model is not None:
            say_notes(table, screen)
            screen.line(f"model: {model.path}, {model.age()}, of the same data and options", "dim")
            return model, table, False
    replay(stdin)
    return read_model(_train(wanted, call, options, screen, table)), table, True


def _matching_model(
    wanted: Wanted, target: Path, call: Invocation, options: Options, table: Table
) -> SavedModel | None:
    """The model at ``target``, when it is of the task and agrees with the data and what was typed."""
    from seqcli.model_dir import agrees, read_model
    from seqcli.readers.read import read_table

    try:
        model = read_model(target)
    except ModelError:
        return None  # training says what is wrong with it, and what --force would do
    flat = options.to_flat()
    typed = {name: flat[name] for name in wanted.shaping(call)}
    digests = {"digest": table.digest}
    for part in {"validation", "test"} & typed.keys():
        digests[part] = read_table([typed[part]], options.reading).digest
    of_task = str(model.record["task"]["name"]).startswith(f"{wanted.task}.")
    return model if of_task and agrees(model, digests, typed) else None


def _train(wanted: Wanted, call: Invocation, options: Options, screen: Screen, table: Table) -> Path:
    """Train, show the test table, and return the model's directory."""
    with waiting(screen, "starting"):
        from seqcli.training.run import train as run
    saving = call.group(SavingOptions)
    say_leftover(wanted.command, call.files, saving, screen)
    events = run(call.files, options, saving, call.typed_training, wanted.command, table)
    trained = TrainingView(screen).follow(events)
    show_tables(screen, (trained.result,))
    report_training(screen, trained)
    return trained.model


def dry_run(call: Invocation, options: Options, screen: Screen) -> int:
    """Print the plan of the training that would be done."""
    with waiting(screen, "reading"):
        from seqcli.training.run import plan_only

        plan = plan_only(call.files, options, call.group(SavingOptions))
    show_dry_run(screen, plan, call.group(OutputOptions))
    return 0
