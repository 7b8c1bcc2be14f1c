"""The training loop: forward, loss, backward, step, mask. Everything else happens between steps, at its frequency."""

import time
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.problems import Reason
from winnow.contract.recipes import Recipe
from winnow.contract.results import Point, Score
from winnow.lottery.architectures import build, placed
from winnow.lottery.clipping import clip
from winnow.lottery.data.batches import Batches
from winnow.lottery.data.images import Split
from winnow.lottery.distributed.gradients import shared_gradients
from winnow.lottery.dropout import Dropout
from winnow.lottery.early_stopping import exhausted
from winnow.lottery.freezing import behind, freeze
from winnow.lottery.lr_schedules import learning_rate
from winnow.lottery.masking import DeviceMasks
from winnow.lottery.optimizers import optimizer_for
from winnow.lottery.state import Arrays, State, digest, load_network, load_optimizer, network_arrays, optimizer_arrays
from winnow.lottery.workspace import UnitFailed

WITH_BF16 = (8, 0)
"""The compute capability from which on GPUs multiply in bfloat16: NVIDIA's Ampere."""


class Best(NamedTuple):
    """The step of lowest validation loss so far: its score and its weights."""

    step: int
    validation: Score
    network: Arrays


class Pruning(NamedTuple):
    """What was masked between two steps: asked for, and found; whether the masks kept every promise."""

    step: int
    asked: int
    zeros: int
    held: bool


class Training:
    """A network on its way from a state to the last step, with what was found so far; on the device of `split`.

    Whatever looks at it between two steps sees everything that the next step depends on.
    """

    def __init__(
        self,
        recipe: Recipe,
        split: Split,
        start: State,
        masks: Mapping[str, NDArray[np.bool_]],
        trainable: Collection[str] | None = None,
    ) -> None:
        """`trainable`: the modules that train, all unless given. A split of features goes in before the first."""
        self.recipe = recipe
        self.split = split
        _check_precision(recipe, split.train.device)
        self.network = placed(build(*recipe.network), split.train.device)
        self.taught = self.network
        """What batches go through: the network, or what of it comes behind the features."""
        if trainable is not None:
            freeze(self.network, trainable)
            if split.train.are_features:
                self.taught = behind(self.network, trainable)
        self.optimizer = optimizer_for(recipe.optimizer, self.network)
        self.host_masks = masks
        self.masks = DeviceMasks(self.network, masks)
        self._agree_on_masks()
        self.prunings: list[Pruning] = []
        places = ARCHITECTURES[recipe.architecture].dropout
        self.smoothing = float(recipe.label_smoothing)  # Szegedy et al. 2016, arXiv:1512.00567, section 7
        own = {"seed": recipe.seed, "replicate": recipe.replicate, "copy": recipe.copy_number or 0}
        self.dropout = Dropout(self.network, places, float(recipe.dropout), **own)
        self.batches = Batches(
            split.train,
            split.preprocessing,
            batch_size=recipe.batch_size,
            augment=recipe.augment,
            ranks=split.ranks,
            **own,
        )
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=split.train.device)
        self.first = start.step
        self.curve: list[Point] = []
        self.best: Best | None = None
        self.kept: dict[int, State] = {}
        self.began = time.monotonic()
        self.seconds_before = 0.0
        """By the clock, in earlier tries: up to the checkpoint that this one goes on from."""
        self.go_to(start)

    def logits(self, images: Tensor) -> Tensor:
        """Float32, of a batch as it is taught. Of bf16: Kalamkar et al. 2019, arXiv:1905.12322."""
        if self.recipe.precision is None:
            return cast(Tensor, self.taught(images))
        with torch.autocast(images.device.type, torch.bfloat16):
            return cast(Tensor, self.taught(images)).float()

    def state(self) -> State:
        """A copy of what the next step depends on."""
        return State(self.step, network_arrays(self.network), optimizer_arrays(self.optimizer))

    def go_to(self, state: State) -> None:
        """Take up a state: weights under the mask, buffers, optimizer, and the place in the schedule."""
        load_network(self.network, state.network)
        self.masks.apply()
        load_optimizer(self.optimizer, state.optimizer)
        self.step = state.step
        self.follow_schedule()

    def prune(self, masks: Mapping[str, NDArray[np.bool_]], pruning: Pruning) -> None:
        """Go on under these masks. The best step so far was another network's: it is looked for anew."""
        self.put_under(masks)
        self.prunings.append(pruning)
        self.best = None

    def put_under(self, masks: Mapping[str, NDArray[np.bool_]]) -> None:
        """Mask by these from now on."""
        self.host_masks, self.masks = masks, DeviceMasks(self.network, masks)
        self.masks.apply()
        self._agree_on_masks()

    def _agree_on_masks(self) -> None:
        if self.split.ranks is not None:
            self.split.ranks.agree_on_masks(digest(self.host_masks))

    @property
    def seconds(self) -> float:
        """By the clock, so far."""
        return self.seconds_before + time.monotonic() - self.began

    @property
    def last(self) -> int:
        """The step after which it ends, as far as is known: the recipe's, or this one where patience is at its end."""
        if self.recipe.patience is None:
            return self.recipe.steps
        early = self.best is not None and exhausted(self.recipe.patience, self.curve, self.best.step)
        return self.step if early else self.recipe.steps

    def follow_schedule(self) -> None:
        """The learning rate of the step that comes next."""
        self.optimizer.lr = learning_rate(self.recipe, self.step)


def _check_precision(recipe: Recipe, device: torch.device) -> None:
    """Raise UnitFailed where bf16 is asked for of a GPU that has no such multiplications."""
    if recipe.precision is None or device.type == "cpu":
        return
    if (found := torch.cuda.get_device_capability()) < WITH_BF16:
        raise UnitFailed(
            Reason.OUT_OF_MEMORY,  # of this machine's GPU: another may have what it takes
            f"bf16 wants a GPU of compute capability 8.0 or above, and this one has {found[0]}.{found[1]}. Leave "
            "precision out.",
        )


class Callback(NamedTuple):
    """Something that happens between steps: after which steps, and what. Doing it twice changes nothing."""

    at: Container[int]
    act: Callable[[], None]


def train(training: Training, callbacks: Sequence[Callback]) -> None:
    """Train to the last step. Callbacks are called in order, before the first step and after each one."""
    while True:
        for callback in callbacks:
            if training.step in callback.at:
                callback.act()
        if training.step >= training.last:
            return
        take_step(training)


def take_step(training: Training) -> None:
    """One step. Masked weights are +0.0 again before anyone can look."""
    ranks = training.split.ranks
    loss = gradients(training) if ranks is None else shared_gradients(training, ranks)
    if training.recipe.clip is not None:
        clip(training.optimizer.parameters, training.masks, float(training.recipe.clip))
    training.optimizer.step()
    training.masks.apply()
    training.loss_sum += loss
    training.step += 1


def gradients(training: Training) -> Tensor:
    """Leave the gradients of the mean loss over the batch of the next step; returns that loss."""
    images, labels = training.batches.at(training.step)
    training.dropout.draw_for(training.step)
    loss: Tensor = cross_entropy(training.logits(images), labels, label_smoothing=training.smoothing)
    training.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return loss.detach()
