"""The line between two networks, and the unit that measures it."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from tests.support.lottery import MemoryWorkspace, digits_job, inputs_of, recipe, split
from tests.support.lottery import do as do_unit
from winnow.artifact.weights import read_weights
from winnow.contract.seeds import seed_for
from winnow.contract.specs.training import Augment
from winnow.contract.units import Unit
from winnow.lottery.architectures import build
from winnow.lottery.connectivity import POINTS, estimate_statistics, line_between, point, statistics_images
from winnow.lottery.data.batches import Batches, in_order, order
from winnow.lottery.data.images import Part
from winnow.lottery.dropout import Dropout
from winnow.lottery.evaluation import score
from winnow.lottery.inits import initial
from winnow.lottery.state import State, load_network, network_arrays
from winnow.lottery.training import Training, train
from winnow.lottery.units import Stop, Warm, run
from winnow.plan import places


def nothing() -> None:
    pass


def test_the_ends_of_the_line_are_the_two_networks_and_its_middle_their_mean() -> None:
    first, second = (initial(recipe("resnet20"), seed) for seed in (1, 2))
    ends = point(first, second, 0.0), point(first, second, 1.0)
    for network, end in zip((first, second), ends, strict=True):
        for name in network:
            if network[name].dtype.kind == "f":
                assert np.array_equal(network[name], end[name])
    middle = point(first, second, 0.5)
    assert np.allclose(middle["conv1.weight"], (first["conv1.weight"] + second["conv1.weight"]) / 2)
    assert {name: array.dtype for name, array in middle.items()} == {n: a.dtype for n, a in first.items()}


@pytest.mark.parametrize("architecture", ["lenet_300_100", "resnet20"])
def test_between_a_network_and_itself_there_is_no_barrier(architecture: str) -> None:
    network = initial(recipe(architecture), 0)
    line = line_between(recipe(architecture), split(), network, network, nothing)
    assert len(line.correct) == POINTS == 30
    assert line.images == 20
    assert len(set(line.correct)) == 1
    assert line.barrier == 0


def test_two_networks_whose_mean_answers_nothing_have_a_barrier_between_them() -> None:
    """The second has the first's hidden units in another order: it answers alike, and their mean does not."""
    first = trained()
    one, two = np.roll(np.arange(300), 1), np.roll(np.arange(100), 1)
    second = {**first, "fc1.weight": first["fc1.weight"][one], "fc1.bias": first["fc1.bias"][one]}
    second |= {"fc2.weight": first["fc2.weight"][two][:, one], "fc2.bias": first["fc2.bias"][two]}
    second["fc3.weight"] = first["fc3.weight"][:, two]
    line = line_between(recipe(), split(validation=200), first, second, nothing)
    assert line.correct[0] == line.correct[-1]
    assert min(line.correct) < line.correct[0]
    assert line.barrier == Fraction(line.correct[0] - min(line.correct), line.images)


def trained(architecture: str = "lenet_300_100") -> dict[str, np.ndarray]:
    settings = recipe(architecture, steps=20)
    training = Training(settings, split(), State(0, initial(settings, 0), {}), {})
    train(training, ())
    return dict(network_arrays(training.network))


def test_batch_norm_statistics_are_the_average_over_batches_of_training_images() -> None:
    settings, parts = recipe("resnet20"), split(train=250)
    network = build("resnet20", 3, 1, (8, 8))
    load_network(network, initial(settings, 0))
    norms = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    before = [parameter.detach().clone() for parameter in network.parameters()]
    taken = Part(parts.train.x[:200], parts.train.y[:200])
    estimate_statistics(network, norms, taken, parts.preprocessing, nothing)
    first = network.get_submodule("conv1")
    with torch.no_grad():
        outputs = [first(x) for x, _ in in_order(taken, parts.preprocessing, 100)]
    means = torch.stack([out.mean((0, 2, 3)) for out in outputs]).mean(0)
    variances = torch.stack([out.var((0, 2, 3)) for out in outputs]).mean(0)
    assert torch.allclose(norms[0].running_mean, means, atol=1e-6)
    assert torch.allclose(norms[0].running_var, variances, rtol=1e-4)
    assert all(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))


def test_the_statistics_that_a_network_brings_along_have_no_say_on_the_line() -> None:
    settings, parts = recipe("resnet20"), split(validation=60)
    network = trained("resnet20")
    wrecked = {name: array + 9 if "running_mean" in name else array for name, array in network.items()}
    assert right(network) > right(wrecked)
    first, second = (line_between(settings, parts, start, start, nothing) for start in (network, wrecked))
    assert first == second


def right(values: dict[str, np.ndarray]) -> int:
    network, parts = build("resnet20", 3, 1, (8, 8)), split(validation=60)
    load_network(network, values)
    return score(network, parts.validation, parts.preprocessing, nothing).correct


@pytest.mark.parametrize(("train", "taken"), [(60, 60), (250, 200)])
def test_how_many_images_the_statistics_come_from_is_stated(train: int, taken: int) -> None:
    values = initial(recipe("resnet20"), 0)
    assert len(statistics_images(recipe(), split(train=2345).train)) == 2000
    assert line_between(recipe("resnet20"), split(train=train), values, values, nothing).statistics_images == taken
    without = initial(recipe(), 0)
    assert line_between(recipe(), split(train=train), without, without, nothing).statistics_images == 0


def test_copy_0_is_the_training_itself_and_copy_1_sees_other_batches() -> None:
    assert seed_for(7, "order", 1, 2, copy=0) == seed_for(7, "order", 1, 2)
    orders = [order(0, 0, 0, 100, copy) for copy in (0, 1, 2)]
    assert torch.equal(orders[0], order(0, 0, 0, 100))
    assert not any(torch.equal(orders[a], orders[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_copy_1_has_other_augmentation_and_dropout_too() -> None:
    parts, augment = split(), Augment(crop=2, flip=True)
    same = Part(parts.train.x[:1].repeat(16, 1, 1, 1), parts.train.y[:1].repeat(16))
    own = {"batch_size": 16, "seed": 0, "replicate": 0, "augment": augment}
    images = [Batches(same, parts.preprocessing, **own, copy=copy).at(0)[0].clone() for copy in (0, 1)]
    assert not torch.equal(*images)
    dropped = []
    for copy in (0, 1):
        layer = torch.nn.Sequential(torch.nn.Identity())
        Dropout(layer, ["0"], 0.5, seed=0, replicate=0, copy=copy).draw_for(0)
        dropped.append(layer.train()(torch.ones(100)))
    assert not torch.equal(*dropped)


Prepared = tuple[Unit, Unit, Path]


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    """The dense network of a job that searches, done; and the unit that tries its last point."""
    job = digits_job(method={"rewind": "auto"})
    dense, *_ = (place.unit for place in places(job, {}))
    do_unit(dense, tmp_path, Warm(None))
    (inputs,) = (place.unit.inputs for place in places(job, {}) if place.unit.kind == "stability")
    last = inputs.model_copy(update={"step": 2})
    return dense, Unit(inputs=last, dataset=dense.dataset, cost=1), tmp_path


def test_the_copy_starts_from_the_state_at_k_and_ends_elsewhere_than_the_first(prepared: Prepared) -> None:
    dense, unit, folder = prepared
    result = do_unit(unit, folder, Warm(None))
    assert (result.start_step, result.end_step, result.total_steps) == (2, 12, 12)
    assert {check.name for check in result.checks} == {"state_at_k_restored", "optimizer_as_declared", "copies_differ"}
    assert all(check.ok for check in result.checks)
    first, second = (read_weights(folder / one.key / "weights.safetensors") for one in (dense, unit))
    assert any(not np.array_equal(first[name], second[name]) for name in first)
    assert result.line is not None
    assert result.line.images == 144
    assert result.line.correct[-1] == result.metrics.validation.correct  # no batch norm: the end is the copy itself
    itself = unit.inputs.model_copy(update={"recipe": dense.inputs.recipe})
    again = do_unit(Unit(inputs=itself, dataset=unit.dataset, cost=1), folder, Warm(None))
    assert not next(check for check in again.checks if check.name == "copies_differ").ok
    assert again.line is not None
    assert again.line.barrier == 0


def test_a_stop_on_the_line_leaves_a_checkpoint_from_which_it_ends_in_the_same_bytes(prepared: Prepared) -> None:
    _, unit, folder = prepared
    whole = do_unit(unit, folder, Warm(None))

    def attempt(name: str, stop: Callable[[int], bool], saved: bytes | None = None) -> MemoryWorkspace:
        outputs = folder / name
        outputs.mkdir()
        return MemoryWorkspace(outputs, inputs_of(unit, folder), stop=stop, saved=saved)

    # The copy's weights are written when it is trained, before the line.
    first = attempt("first", lambda _done: (folder / "first" / "weights.safetensors").exists())
    with pytest.raises(Stop):
        run(unit, first, Warm(None))
    assert first.saved is not None
    resumed = run(unit, attempt("second", lambda _done: False, first.saved), Warm(None))
    assert resumed.files == whole.files
    assert resumed.line == whole.line
