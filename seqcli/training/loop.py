"""The training loop: take a batch, clip, step; score at each epoch's end; keep the best weights.

:func:`fit` is a stream of events and a pure function of its arguments: which rows a step takes,
its learning rate and its dropout follow from the seed and the step alone, and everything else it
depends on is in the checkpoint. So a run that was killed at any moment and resumed ends with the
same bits as one that was not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from seqcli.errors import DivergedError, Interrupted, ModelError, UsageError
from seqcli.sequences import Examples
from seqcli.training.averaging import MovingAverage
from seqcli.training.batches import predict_outputs
from seqcli.training.budget import probe_steps
from seqcli.training.checkpoint import Checkpoint, CheckpointStore
from seqcli.training.distributed import Team, team
from seqcli.training.early_stopping import BestEpoch
from seqcli.training.events import EpochDone, Notice, StepDone
from seqcli.training.feeds import Feed, make_feed
from seqcli.training.fit_setup import FitOutcome, FitSetup
from seqcli.training.schedules import LEAST_SCORINGS, StepPlan, learning_rate_at, plan_steps
from seqcli.training.signals import Interrupt, watch_interrupts
from seqcli.training.stepping import make_trainer

__all__ = ["FitOutcome", "FitSetup", "fit", "predict_outputs"]

CHECK_EVERY = 10
"""Steps between two looks at whether all is finite: a look makes the CPU wait for a GPU."""


def fit(
    network: nn.Module,
    train: Examples,
    validation: Examples | None,
    setup: FitSetup,
    checkpoint: CheckpointStore | None = None,
    feed: Feed | None = None,
) -> Generator[StepDone | EpochDone | Notice, None, FitOutcome]:
    """Train ``network`` on ``train``; afterwards it holds the best weights (by ``validation``).

    A generator whose return value is a :class:`FitOutcome`. Batches come from ``feed``, or from both parts
    as ``setup`` says. When ``checkpoint`` holds a state of
    this phase the fit goes on from there, and a finished phase only puts its weights back. Raises
    :class:`DivergedError` on NaN or infinite values, :class:`Interrupted` after Ctrl-C,
    :class:`UsageError` when the checkpoint is of another run, :class:`ModelError` when it is damaged.
    """
    held_out = validation if validation is not None and len(validation) else None
    run = _Run(network, feed or make_feed(train, held_out, setup), setup)
    saved = _saved(checkpoint, setup.phase, run.team)
    with watch_interrupts() as interrupt:
        if saved:
            run.restore(saved)
            if not run.position.reason:
                yield Notice(f"going on after step {run.position.step:,} of {run.plan.total_steps:,}")
        else:
            yield from run.start()
        while True:
            epoch_end = run.position.step == run.plan.epoch_end(run.position.epoch + 1)
            stopped, due = run.asked(interrupt, checkpoint, epoch_end)
            if stopped:
                raise run.interrupted(checkpoint)
            if run.position.reason:
                break
            event = run.score_epoch(interrupt) if epoch_end else run.step()
            if event is None:  # interrupted while scoring; the next turn says so
                continue
            if checkpoint and (run.position.reason or due):
                run.save(checkpoint)
            yield event
    return run.outcome()


@dataclass
class _Position:
    """Where a fit stands: with the tensors, all that a resume needs."""

    step: int = 0
    epoch: int = 0
    """Epochs scored."""
    clipped_steps: float = 0.0
    """In scored epochs."""
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""
    """Why the fit is over; empty while it is not."""


class _Run:
    """One fit under way."""

    def __init__(self, network: nn.Module, feed: Feed, setup: FitSetup) -> None:
        self.setup, self.feed, self.team = setup, feed, team()
        self.trainer = make_trainer(network, setup)
        self.average = MovingAverage(self.trainer.network, setup.ema)
        self.position = _Position()
        self.best = BestEpoch(setup.higher_is_better)
        self.best_weights: dict[str, Tensor] = {}
        self.plan = StepPlan(0, 1)
        self._clock = time.monotonic()

    def start(self) -> Iterator[Notice]:
        """Begin at step 0; a time budget is turned into a number of steps."""
        budget_steps = None
        if self.setup.time_budget is not None:
            budget_steps, seconds = probe_steps(self.trainer.network, self.feed, self.setup)
            passes = budget_steps / self.feed.steps_per_pass
            fitting = f"{budget_steps:,} steps ({passes:,.{1 if passes < 10 else 0}f} passes)"
            yield Notice(f"{1000 * seconds:.1f} ms a step: {fitting} fit into {self.setup.time_budget:g} s")
        scorings = LEAST_SCORINGS if self.feed.has_validation else 1
        self.plan = plan_steps(self.setup, self.feed.steps_per_pass, budget_steps, scorings)
        torch.manual_seed(self.setup.seed)

    def step(self) -> StepDone:
        """Train on the next batch."""
        position, total = self.position, self.plan.total_steps
        rate = learning_rate_at(position.step, total, self.setup.learning_rate)
        self.team.sow(self.setup.seed, position.step)
        self.trainer.step(self.feed.batch(position.step), rate)
        position.step += 1
        self.average.update(position.step)
        if position.step % CHECK_EVERY == 0:
            self._check_finite()
        return StepDone(self.setup.phase, position.step, total, self.elapsed())

    def score_epoch(self, interrupt: Interrupt) -> EpochDone | None:
        """End the epoch: score the validation part, note its row, decide whether to go on.

        What is scored and kept is the average of the weights, where there is one. Returns None, and changes
        nothing, when the user interrupts in between.
        """
        live = self.average.put()
        try:
            return self._score_epoch(interrupt)
        finally:
            if not self.position.reason:  # a fit that is over keeps what was scored
                self.average.take_back(live)

    def _score_epoch(self, interrupt: Interrupt) -> EpochDone | None:
        """:meth:`score_epoch` while the network holds what is scored."""
        self._check_finite()
        # Several processes score to the end, or some would wait for a share that another has left.
        metrics = self.feed.validate(self.trainer, interrupt if self.team.size == 1 else Interrupt())
        if metrics is None:
            return None
        metrics = dict(zip(metrics, self.team.tell(list(metrics.values())), strict=True))
        weights = self.trainer.network.parameters()
        if math.isnan(metrics.get("loss", 0.0)) or not all(bool(w.isfinite().all()) for w in weights):
            raise self._diverged()  # the last update may have been one too many
        position, setup = self.position, self.setup
        position.epoch += 1
        steps = position.step - self.plan.epoch_end(position.epoch - 1)
        train_loss, clipped = self.trainer.epoch_means(steps)
        position.clipped_steps += clipped * steps
        self.trainer.start_epoch()
        best = False
        if self.feed.has_validation:
            best = self.best.update(position.epoch, metrics[setup.metric], metrics["loss"])
            if best:
                self.best_weights = _copy(self.trainer.network.state_dict())
        rate = learning_rate_at(position.step - 1, self.plan.total_steps, setup.learning_rate)
        position.history.append(
            {
                "phase": setup.phase,
                "epoch": position.epoch,
                "step": position.step,
                "train_loss": train_loss,
                "learning_rate": rate,
                "clipped": clipped,
                "best": best,
                **{f"validation_{name}": _finite_or_none(value) for name, value in metrics.items()},
            }
        )
        position.reason = self._reason_to_end()
        if position.reason:
            self._note_time()
            if self.best_weights:
                self.trainer.network.load_state_dict(self.best_weights)
        return EpochDone(
            phase=setup.phase,
            epoch=position.epoch,
            epochs=self.plan.epochs,
            train_loss=train_loss,
            validation={setup.metric: metrics[setup.metric], **metrics} if metrics else {},
            learning_rate=rate,
            clipped=clipped,
            best=best,
            seconds=self.elapsed(),
            last=bool(position.reason),
            written=setup.write(self.trainer.network) if setup.write else "",
        )

    def _reason_to_end(self) -> str:
        """Why the fit ends after the epoch just scored, or "" when it goes on."""
        position, setup = self.position, self.setup
        if position.step >= self.plan.total_steps:
            return f"all {position.epoch} epochs run" if position.epoch > 1 else "one epoch run"
        if setup.patience is not None and self.best.stale >= setup.patience:
            return f"stopped after {self.best.stale} epochs without a better validation {setup.metric}"
        if setup.stop_at is not None and position.step >= setup.stop_at:
            where = f"step {position.step:,} of {self.plan.total_steps:,}"
            return f"stopped at {where} (--stop-at {setup.stop_at:,})"
        if setup.time_budget is not None and self.team.tell([self.elapsed()])[0] >= setup.time_budget:
            return f"the time budget of {setup.time_budget:g} s is spent"
        return ""

    def _check_finite(self) -> None:
        if not self.trainer.is_finite():
            raise self._diverged()

    def _diverged(self) -> DivergedError:
        rate = self.setup.learning_rate
        return DivergedError(
            f"training diverged: NaN or infinite loss, gradient or weight by step {self.position.step} "
            f"(epoch {self.position.epoch + 1})",
            f"lower --learning-rate (now {rate:g}, try {rate / 10:g}) or --clip-norm "
            f"(now {self.setup.clip_norm:g})",
        )

    def _note_time(self) -> None:
        """Move the time of this session into the position."""
        now = time.monotonic()
        self.position.seconds += now - self._clock
        self._clock = now

    def elapsed(self) -> float:
        """Seconds spent on this phase, over all its sessions."""
        return self.position.seconds + time.monotonic() - self._clock

    def interrupted(self, checkpoint: CheckpointStore | None) -> Interrupted:
        """Save the state; return the error that ends the run."""
        where = f"interrupted after step {self.position.step:,} of {self.plan.total_steps:,}"
        if checkpoint is None:
            return Interrupted(f"{where}; nothing was kept")
        self.save(checkpoint)
        self.team.tell([])  # none says that it is saved before it is
        resume = checkpoint.resume_command
        return Interrupted(f"{where}; the state is saved", f"go on with: {resume}" if resume else "")

    def asked(
        self, interrupt: Interrupt, checkpoint: CheckpointStore | None, epoch_end: bool
    ) -> tuple[bool, bool]:
        """Whether any process was interrupted; whether a checkpoint is due, by the clock of its writer."""
        due = checkpoint is not None and self.team.leads and checkpoint.due(epoch_end)
        return self.team.any(interrupt.requested, due)

    def save(self, checkpoint: CheckpointStore) -> None:
        """Write the whole state; of a finished fit only what its outcome needs."""
        self._check_finite()
        self._note_time()
        state = {
            "run": self._identity(),
            "plan": asdict(self.plan),
            "position": asdict(self.position),
            "best": asdict(self.best),
        }
        tensors = self.trainer.tensors()  # of all processes together
        if not self.team.leads:
            return
        if self.position.reason:
            tensors = {name: value for name, value in tensors.items() if not name.startswith("optimizer/")}
        else:
            tensors.update({f"best/{name}": value for name, value in self.best_weights.items()})
            tensors.update(self.average.tensors())
        checkpoint.save(self.setup.phase, Checkpoint(state, tensors))

    def restore(self, saved: Checkpoint) -> None:
        """Go on from ``saved``, which must be of a run with the same setup, network and examples."""
        self._refuse_other_run(saved.state.get("run"))
        try:
            self.plan = StepPlan(**saved.state["plan"])
            self.position = _Position(**saved.state["position"])
            self.best = BestEpoch(**saved.state["best"])
            self.trainer.restore(saved.tensors)
            if not self.position.reason:
                self.average.restore(saved.tensors)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ModelError(
                "the checkpoint does not fit the network", "leave out --resume to start anew"
            ) from error
        best = {
            name.removeprefix("best/"): v for name, v in saved.tensors.items() if name.startswith("best/")
        }
        self.best_weights = _copy(best)

    def _identity(self) -> dict[str, Any]:
        """What a resumed run must agree with."""
        parameters = {name: list(p.shape) for name, p in self.trainer.network.named_parameters()}
        return {
            **self.setup.to_json(),
            **self.feed.identity(),
            "network": parameters,
        }

    def _refuse_other_run(self, saved: Any) -> None:
        current = self._identity()
        saved = saved if isinstance(saved, dict) else {}
        changed = [name for name, value in current.items() if saved.get(name) != value]
        if changed:
            raise UsageError(
                f"the interrupted training differs in: {', '.join(changed)}",
                "--resume takes the same file and options; leave it out to start anew",
            )

    def outcome(self) -> FitOutcome:
        """What the finished fit came to."""
        position = self.position
        best_epoch = self.best.epoch or position.epoch
        row = position.history[best_epoch - 1]
        replay: dict[str, int | None] = {}
        if self.setup.time_budget is not None:
            patient = self.setup.patience is None or self.best.stale < self.setup.patience
            cut = patient and position.step < self.plan.total_steps  # by the clock, which no replay has
            stop_at = position.step if cut else self.setup.stop_at
            replay = {"steps": self.plan.total_steps, "stop_at": stop_at, "time_budget": None}
        return FitOutcome(
            epochs=position.epoch,
            steps=position.step,
            best_epoch=best_epoch,
            best_step=row["step"],
            best={
                name.removeprefix("validation_"): value if value is not None else math.nan
                for name, value in row.items()
                if name.startswith("validation_")
            },
            history=position.history,
            clipped=position.clipped_steps / position.step,
            seconds=position.seconds,
            reason=position.reason,
            replay=replay,
        )


def _saved(checkpoint: CheckpointStore | None, phase: str, team: Team) -> Checkpoint | None:
    """The phase's checkpoint, where there is one; the process that writes it says whether."""
    if checkpoint is None:
        return None
    saved = checkpoint.load(phase) if team.leads else None
    there = team.tell([float(saved is not None)])[0]
    return checkpoint.load(phase) if there and not team.leads else saved


def _copy(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _finite_or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if math.isfinite(value) else None
