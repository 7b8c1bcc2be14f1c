"""Scores against what they are derivatives of: float64, finite differences (trap 25)."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tests.support.lottery import recipe
from tests.support.subjects import subject
from winnow.contract.specs.pruning import Criterion as Choice
from winnow.lottery.criteria import criterion
from winnow.lottery.pruning import prune
from winnow.lottery.scoring import Subject, parameters
from winnow.lottery.workspace import UnitFailed
from winnow.plan.counts import Counts

STEP = 1e-7
"""So short that no activation crosses the kink of a ReLU on the way."""
Value = Callable[[nn.Module], Tensor]


def looked_at(scores: dict[str, np.ndarray], count: int = 8) -> list[tuple[str, int]]:
    """Some places of each tensor, those with the highest and the lowest scores among them."""
    random = np.random.default_rng(0)
    return [
        (name, int(place))
        for name, score in scores.items()
        for place in {score.argmax(), score.argmin(), *random.integers(0, score.size, count)}
    ]


def along(network: nn.Module, value: Value, name: str, place: int, step: float = STEP) -> float:
    """∂value ÷ ∂w at one place, by central differences."""
    weight = parameters(network)[name].detach().view(-1)
    before, found = float(weight[place]), []
    for sign in (1, -1):
        weight[place] = before + sign * step
        found.append(value(network).item())
    weight[place] = before
    return (found[0] - found[1]) / (2 * step)


def weight_at(network: nn.Module, name: str, place: int) -> float:
    return float(parameters(network)[name].detach().view(-1)[place])


def images64(batches: object) -> list[tuple[Tensor, Tensor]]:
    return [(images.double(), labels) for images, labels in batches]  # type: ignore[attr-defined]


@pytest.mark.parametrize("architecture", ["lenet_300_100", "digits_cnn"])
def test_snip_is_the_weight_times_the_slope_of_the_loss(architecture: str) -> None:
    it = subject(architecture, density=0.7)
    scores, network, images = criterion("snip")(it), it.network(torch.float64), images64(it.images_a_class())

    def loss(network: nn.Module) -> Tensor:
        return sum((cross_entropy(network(x), y, reduction="sum") for x, y in images), torch.zeros(()))

    for name, place in looked_at(scores):
        expected = abs(weight_at(network, name, place) * along(network, loss, name, place))
        assert scores[name].flat[place] == pytest.approx(expected, rel=1e-3, abs=1e-5)


def move(weights: dict[str, nn.Parameter], direction: dict[str, Tensor], length: float) -> None:
    with torch.no_grad():
        for name, weight in weights.items():
            weight.add_(direction[name], alpha=length)


def test_grasp_is_the_weight_times_the_change_of_the_gradient_along_itself() -> None:
    it = subject("lenet_300_100", density=0.7)
    scores, network, images = criterion("grasp")(it), it.network(torch.float64), images64(it.images_a_class())
    weights = parameters(network)

    def slope() -> dict[str, Tensor]:
        loss = sum((cross_entropy(network(x) / 200, y, reduction="sum") for x, y in images), torch.zeros(()))
        return dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))

    g = {name: slope * torch.from_numpy(it.masks[name]) for name, slope in slope().items()}  # masked weights stay
    ends = []
    for sign in (1, -1):
        move(weights, g, sign * 1e-4)
        ends.append(slope())
        move(weights, g, -sign * 1e-4)
    for name, weight in weights.items():
        expected = (weight * (ends[0][name] - ends[1][name]) / 2e-4).detach().numpy()
        assert scores[name] == pytest.approx(expected, rel=1e-2, abs=1e-3 * np.abs(expected).max())
        assert (scores[name] < 0).any()
        assert (scores[name] > 0).any()


def test_grasp_goes_through_hard_sigmoids_which_torch_differentiates_only_once() -> None:
    scores = criterion("grasp")(subject("torchvision/mobilenet_v3_small"))
    assert all(np.isfinite(score).all() and score.any() for score in scores.values())


class InPieces(Subject):
    """Its images come in batches of seven."""

    def images_a_class(self, count: int = 10) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in super().images_a_class(count):
            yield from zip(images.split(7), labels.split(7), strict=True)


@pytest.mark.parametrize("name", ["snip", "grasp"])
def test_gradients_are_summed_over_all_images_however_they_come(name: str) -> None:
    """Trap 25: the absolute value, or the product with the Hessian, taken of each batch and then summed."""
    it = subject("lenet_300_100", density=0.7)
    whole = criterion(name)(it)
    pieces = criterion(name)(InPieces(it.recipe, it.values, it.masks, it.split, it.depth))
    for tensor, scores in whole.items():
        assert pieces[tensor] == pytest.approx(scores, rel=1e-3, abs=1e-4 * float(np.abs(scores).max()))


@pytest.mark.parametrize("architecture", ["lenet_300_100", "digits_cnn", "resnet20"])
def test_synflow_is_the_weight_times_the_slope_of_the_flow(architecture: str) -> None:
    it = subject(architecture, density=0.7)
    scores, network = criterion("synflow")(it), it.network(torch.float64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    ones = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    for name, place in looked_at(scores, count=2):
        slope = along(network, lambda network: network(ones).sum(), name, place, step=1e-3)  # R is linear in it
        assert scores[name].flat[place] == pytest.approx(weight_at(network, name, place) * slope, rel=1e-6, abs=1e-9)


def test_synflow_is_conserved_from_layer_to_layer() -> None:
    """Tanaka et al. 2020, theorem 1: without biases, what comes into a layer goes out of it."""
    sums = [score.sum() for score in criterion("synflow")(subject("lenet_300_100")).values()]
    assert sums == pytest.approx([sums[0]] * 3)


def test_taylor_is_the_mean_square_over_batches() -> None:
    it = subject("lenet_300_100", density=0.7)
    scores, network, batches = criterion("taylor")(it), it.network(torch.float64), images64(it.batches())
    assert len(batches) == 4, "all there are, where there are less than ten"
    for name, place in looked_at(scores):
        slopes = [along(network, lambda net, b=b: cross_entropy(net(b[0]), b[1]), name, place) for b in batches]
        expected = np.mean([(slope * weight_at(network, name, place)) ** 2 for slope in slopes])
        assert scores[name].flat[place] == pytest.approx(expected, rel=5e-3, abs=1e-10)


def test_magnitude_gradient_takes_the_absolute_gradient_of_each_batch() -> None:
    it = subject("lenet_300_100", density=0.7)
    scores, network, batches = criterion("magnitude_gradient")(it), it.network(torch.float64), images64(it.batches())
    for name, place in looked_at(scores):
        slopes = [along(network, lambda net, b=b: cross_entropy(net(b[0]), b[1]), name, place) for b in batches]
        expected = abs(weight_at(network, name, place)) * np.mean(np.abs(slopes))
        assert scores[name].flat[place] == pytest.approx(expected, rel=1e-3, abs=1e-7)


def test_the_cost_of_a_weight_is_the_number_of_places_where_it_is_used() -> None:
    assert subject("digits_cnn").multiplications() == {"conv1.weight": 64, "conv2.weight": 64} | {
        "fc1.weight": 1,
        "fc2.weight": 1,
    }
    assert subject("resnet20").multiplications()["layer2.0.conv1.weight"] == 16, "4×4 after a stride of 2"


def test_alpha_is_the_exponent_of_the_cost() -> None:
    it = subject()
    plain = criterion("magnitude")(it)
    root = criterion("magnitude_per_cost")(replace(it, alpha=0.5))
    assert root["conv1.weight"] == pytest.approx(plain["conv1.weight"] / 8)
    assert np.array_equal(root["fc1.weight"], plain["fc1.weight"])


@pytest.mark.parametrize("name", ["magnitude", "magnitude_per_cost", "synflow"])
def test_a_sign_never_matters(name: str) -> None:
    """Trap 1: ranked by signed value, so that large negatives go first."""
    it = subject("lenet_300_100")
    flipped = {key: -array if key in it.masks else array for key, array in it.values.items()}
    ours, theirs = criterion(name)(it), criterion(name)(replace(it, values=flipped))
    assert all(np.array_equal(ours[key], theirs[key]) for key in ours)


def test_random_scores_are_alike_in_all_layers_and_others_at_each_level() -> None:
    """Trap 10: scored on a scale of each group's own, small layers are wiped out."""
    it = subject("lenet_300_100", size=(28, 28))
    assert all(score.mean() == pytest.approx(0.5, abs=0.03) for score in criterion("random")(it).values())
    later = criterion("random")(replace(it, depth=2))
    assert not np.array_equal(later["fc1.weight"], criterion("random")(it)["fc1.weight"])


def test_the_images_scored_on_are_the_same_at_every_level_and_others_in_each_replicate() -> None:
    it = subject()
    other = replace(it, recipe=recipe("digits_cnn", replicate=1))
    ours, later, others = (next(one.batches())[1] for one in (it, replace(it, depth=3), other))
    assert torch.equal(ours, later)
    assert not torch.equal(ours, others)


def test_each_class_gives_as_many_images() -> None:
    labels = torch.cat([labels for _, labels in subject().images_a_class(7)])
    assert torch.bincount(labels).tolist() == [7, 7, 7]


@pytest.mark.parametrize("name", ["snip", "grasp"])
def test_classes_with_fewer_images_than_are_asked_for_give_all_they_have(name: str) -> None:
    few = subject()
    few = replace(few, split=replace(few.split, train=few.split.train.only(torch.arange(8))))
    labels = torch.cat([labels for _, labels in few.images_a_class(7)])
    assert torch.bincount(labels).tolist() == [3, 3, 2]
    assert all(np.isfinite(scores).all() for scores in criterion(name)(few).values())


def test_pruning_in_rounds_scores_again_after_each() -> None:
    """SynFlow in one round would take whole layers away (trap 26); in a hundred it does not."""
    it = subject("lenet_300_100")
    size = sum(mask.size for mask in it.masks.values())
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1

    masks = prune(it, Choice(name="synflow"), Counts(size * 99 // 100, None), beat)
    assert beats == 99
    assert sum(int(mask.sum()) for mask in masks.values()) == size - size * 99 // 100
    assert all(mask.any() for mask in masks.values())


def broken(it: Subject) -> Subject:
    values = dict(it.values)
    values["fc1.weight"] = np.full_like(values["fc1.weight"], np.inf)
    return replace(it, values=values)


def test_a_score_that_is_no_number_fails_the_unit() -> None:
    with pytest.raises(UnitFailed, match=r"magnitude gives scores that are no finite numbers in fc1\.weight"):
        prune(broken(subject("lenet_300_100")), Choice(), Counts(10, None), lambda: None)
