"""A training from its start, or from its last checkpoint, to its metrics: what happens between the steps."""

import copy
import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from winnow.contract.problems import Reason
from winnow.contract.results import Metrics, Point, Score
from winnow.lottery import checkpoint
from winnow.lottery.data.images import AnyPart
from winnow.lottery.evaluation import full_score, points, score
from winnow.lottery.lr_schedules import rate_changes
from winnow.lottery.state import load_network, network_arrays
from winnow.lottery.training import Best, Callback, Training, train
from winnow.lottery.workspace import Stop, UnitFailed, Workspace

PULSE = 0.1
"""Seconds between two looks at whether to stop."""


def fit(
    training: Training,
    keep: Collection[int],
    workspace: Workspace,
    pulse: float = PULSE,
    between: Sequence[Callback] = (),
) -> Metrics:
    """Train to the end and measure, from the workspace's checkpoint where it has one: the same bytes either way.

    `keep`: steps whose states stay in `training.kept`; `between`: what else happens, before anyone looks. Raises Stop
    as the workspace does, after a checkpoint where it wants one, and UnitFailed where the loss is no number any more.
    """
    saved = workspace.restore()
    if saved is not None:
        checkpoint.unpack(saved, training)
    own = _Between(training, workspace, pulse)
    epoch, steps = training.batches.steps_per_epoch, training.recipe.steps
    callbacks = (
        *(Callback(steps, training.follow_schedule) for steps in rate_changes(training.recipe)),
        *between,
        Callback(frozenset(keep), own.keep),
        Callback(points(steps, epoch), own.evaluate),
        Callback(range(epoch, steps, epoch), own.checkpoint),
        Callback(range(steps + 1), own.beat),
    )
    with checkpointed(training, workspace):
        train(training, callbacks)
        own.checkpoint()
        return own.measure()


@contextmanager
def checkpointed(training: Training, workspace: Workspace) -> Iterator[None]:
    """A stop that comes in here leaves a checkpoint where it wants one."""
    try:
        yield
    except Stop as stop:
        if stop.checkpoint:
            workspace.checkpoint(lambda: checkpoint.pack(training), now=True)
        raise


def beat(training: Training, workspace: Workspace, pulse: float = PULSE) -> Callable[[], None]:
    """What says how far a training is when it is called, every `pulse` seconds at most; may raise Stop."""
    return _Between(training, workspace, pulse).beat


class _Between:
    """What happens between steps. Each of these may come twice after the same step, when a training resumes there."""

    def __init__(self, training: Training, workspace: Workspace, pulse: float) -> None:
        self.training = training
        self.workspace = workspace
        self.pulse = pulse
        self.next_beat = 0.0

    def keep(self) -> None:
        """Keep the state after this step."""
        if self.training.step not in self.training.kept:
            self.training.kept[self.training.step] = self.training.state()

    def evaluate(self) -> None:
        """Add a point to the curves; validation alone decides which step was the best."""
        training = self.training
        last = training.curve[-1].step if training.curve else training.first
        if training.curve and last == training.step:
            return
        self._check_finite(float(training.loss_sum))
        validation = score(training.taught, training.split.validation, training.split.preprocessing, self.beat)
        self._check_finite(validation.loss)
        values = {
            "validation_loss": validation.loss,
            "validation_accuracy": validation.accuracy,
            "zeros": float(training.masks.zeros()),
        }
        if training.step > last:
            values["train_loss"] = float(training.loss_sum) / (training.step - last)
        training.loss_sum.zero_()
        training.curve.append(Point(step=training.step, values=values))
        if training.best is None or validation.loss < training.best.validation.loss:
            training.best = Best(training.step, validation, network_arrays(training.network))
        self._progress(training.curve[-1])

    def checkpoint(self) -> None:
        """Offer a checkpoint."""
        self.workspace.checkpoint(lambda: checkpoint.pack(self.training))

    def beat(self) -> None:
        """Say how far it is, every `pulse` seconds at most; this is where a stop gets in."""
        now = time.monotonic()
        if now >= self.next_beat:
            self.next_beat = now + self.pulse
            self._check_finite(float(self.training.loss_sum))
            self._progress()

    def measure(self) -> Metrics:
        """The last weights on all splits, and the test score at the step of lowest validation loss.

        In full, but for training images: nobody asks more of them than whether they are learnt.
        """
        training, split, best = self.training, self.training.split, self.training.best
        assert best is not None  # noqa: S101 - the last step is always measured
        train = score(training.taught, split.train, split.preprocessing, self.beat)
        self._check_finite(train.loss)
        validation = self._in_full(training.taught, split.validation)
        test = self._in_full(training.taught, split.test)
        return Metrics(
            train=train,
            validation=validation,
            test=test,
            best_step=best.step,
            best_validation=best.validation,
            best_test=test if best.step == training.step else self._test_of(best),
        )

    def _test_of(self, best: Best) -> Score:
        """Measured on a copy: the network itself must be what a checkpoint should hold, whenever a stop comes."""
        network = copy.deepcopy(self.training.taught)
        load_network(network, best.network)
        return self._in_full(network, self.training.split.test)

    def _in_full(self, network: nn.Module, part: AnyPart) -> Score:
        found = full_score(network, part, self.training.split, self.beat)
        self._check_finite(found.loss)
        return found

    def _progress(self, point: Point | None = None) -> None:
        first = self.training.first
        self.workspace.progress(self.training.step - first, self.training.last - first, point)

    def _check_finite(self, loss: float) -> None:
        # Of several processes the first looks: all losses are no numbers a step later, and for one that left in the
        # middle of a step the others would wait.
        ranks = self.training.split.ranks
        if not math.isfinite(loss) and (ranks is None or ranks.rank == 0):
            lr = self.training.recipe.optimizer.lr
            raise UnitFailed(
                Reason.USER_ERROR,
                f"The loss is not a finite number any more at step {self.training.step}: training diverged. "
                f"Lower the learning rate (train.optimizer.lr, now {lr}).",
            )
