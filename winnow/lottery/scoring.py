"""What a criterion may look at: a network as it is pruned, and training images. It sees copies and changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from winnow.contract.recipes import Recipe
from winnow.contract.seeds import seed_for
from winnow.lottery.architectures import build, prunable
from winnow.lottery.data.batches import in_order
from winnow.lottery.data.images import AnyPart, Split
from winnow.lottery.multiplications import multiplications
from winnow.lottery.selection import Masks, Scores
from winnow.lottery.state import Arrays, load_network

IMAGES_A_CLASS = 10
BATCHES = 10
IMAGES_AT_ONCE = 250


@dataclass(frozen=True)
class Subject:
    """A network with these values under these masks, at one level of one replicate, and the data set it learns."""

    recipe: Recipe
    values: Arrays
    masks: Masks
    split: Split
    depth: int
    alpha: float = 1.0

    def under(self, masks: Masks) -> "Subject":
        """The same network with more of it masked."""
        return replace(self, masks=masks)

    @property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The prunable weights, masked ones 0."""
        return {name: np.where(mask, self.values[name], np.float32(0)) for name, mask in self.masks.items()}

    def network(self, dtype: torch.dtype = torch.float32, *, training: bool = False) -> nn.Module:
        """The network on the device of the data, in evaluation mode unless said."""
        recipe = self.recipe
        network = build(*recipe.network)
        load_network(network, {**self.values, **self.weights})
        return network.to(self.split.train.device, dtype).train(training)

    def images_a_class(self, count: int = IMAGES_A_CLASS) -> Iterator[tuple[Tensor, Tensor]]:
        """`count` training images of each class, or all there are, classes mixed; the same at every level."""
        labels = self.split.train.y.cpu()
        shuffled = self._order()
        by_class = shuffled[labels[shuffled].argsort(stable=True)]
        counts = labels.bincount(minlength=self.recipe.classes).tolist()
        of_class = [own[:count] for own in torch.split(by_class, counts)]
        longest = max(map(len, of_class))
        turns = [torch.stack([own[turn] for own in of_class if turn < len(own)]) for turn in range(longest)]
        yield from in_order(self._part(torch.cat(turns)), self.split.preprocessing, IMAGES_AT_ONCE)

    def batches(self, count: int = BATCHES) -> Iterator[tuple[Tensor, Tensor]]:
        """`count` batches of training images, or all there are; the same at every level."""
        wanted = self._order()[: count * self.recipe.batch_size]
        yield from in_order(self._part(wanted), self.split.preprocessing, self.recipe.batch_size)

    def multiplications(self) -> dict[str, int]:
        """How many multiplications one weight of each prunable tensor causes in one forward pass of one image."""
        return multiplications(self.recipe.network, self.masks)

    def draws(self) -> torch.Generator:
        """Random numbers of this level's own, drawn in main memory."""
        recipe = self.recipe
        return torch.Generator().manual_seed(seed_for(recipe.seed, "score", recipe.replicate, self.depth))

    def _order(self) -> Tensor:
        recipe = self.recipe
        generator = torch.Generator().manual_seed(seed_for(recipe.seed, "scored_images", recipe.replicate))
        return torch.randperm(len(self.split.train), generator=generator)

    def _part(self, chosen: Tensor) -> AnyPart:
        return self.split.train.only(chosen.to(self.split.train.y.device))


def parameters(network: nn.Module) -> dict[str, nn.Parameter]:
    """The prunable tensors of a network by name."""
    return {name: network.get_parameter(name) for name in prunable(network)}


def gradients(network: nn.Module, value: Tensor, *, graph: bool = False) -> dict[str, Tensor]:
    """∂value ÷ ∂w for each prunable tensor; `graph` to differentiate once more."""
    tensors = parameters(network)
    found = torch.autograd.grad(value, list(tensors.values()), create_graph=graph)
    return dict(zip(tensors, found, strict=True))


def as_scores(tensors: Mapping[str, Tensor]) -> Scores:
    """Tensors as arrays in main memory."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
