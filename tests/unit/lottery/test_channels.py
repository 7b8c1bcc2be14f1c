"""Whole channels: what is masked can be cut out, and nothing else of the network notices."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.support.coupled import Connected, Mixing
from tests.support.cutting import cut_out, masked
from tests.support.lottery import digits_job, do_all
from tests.support.subjects import subject
from winnow.artifact.masks import read_masks
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.specs.pruning import Criterion
from winnow.lottery.architectures import build, prunable
from winnow.lottery.pieces.channels import Channels
from winnow.lottery.pieces.coupling import STAYS, coupling
from winnow.lottery.pruning import prune
from winnow.lottery.units import Warm
from winnow.lottery.workspace import UnitFailed
from winnow.plan import places
from winnow.plan.counts import Counts


def drawn(network: nn.Module, seed: int = 0) -> nn.Module:
    """Every parameter and buffer with a value of its own: nothing cancels by being 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) - (0.4 if tensor.ndim > 1 else -0.1))
    return network.eval()


def weights(network: nn.Module) -> dict[str, np.ndarray]:
    return {name: network.get_parameter(name).detach().numpy() for name in prunable(network)}


def pieces_of(network: nn.Module, image: tuple[int, int, int]) -> Channels:
    return Channels(coupling(copy.deepcopy(network), image, prunable(network).keys()))


def pruned(network: nn.Module, image: tuple[int, int, int], share: float) -> dict[str, np.ndarray]:
    """Masks with this share of the weights masked, in whole channels of smallest magnitude."""
    found = weights(network)
    full = {name: np.ones_like(values, dtype=np.bool_) for name, values in found.items()}
    asked = Counts(int(share * sum(mask.size for mask in full.values())), None)
    channels = pieces_of(network, image)
    (select,) = channels.rounds(asked, full, 1)
    masks = select({name: np.abs(values) for name, values in found.items()}, full)
    assert channels.as_asked(masks, asked).ok
    assert all(check.ok for check in channels.whole(masks))
    return masks


@torch.no_grad()
def assert_same_logits(one: nn.Module, other: nn.Module, images: torch.Tensor) -> None:
    first, second = one(images), other(images)
    assert first.std() > 0
    assert (first - second).abs().max() <= 1e-5 * max(1.0, float(first.abs().max()))


def norms_of(network: nn.Module) -> dict[str, str]:
    """Each normalisation by the convolution before it, by the names of the catalog's networks."""
    names = [name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]
    return {name: name.replace("bn", "conv").replace("shortcut.1", "shortcut.0") for name in names}


@pytest.mark.parametrize("share", [0.3, 0.8])
@pytest.mark.parametrize("name", ["digits_cnn", "lenet5", "vgg11", "resnet20", "resnet20_projection"])
def test_the_masked_network_computes_what_the_smaller_one_computes(name: str, share: float) -> None:
    """Trap 30: a dead channel that still emits its bias, or that of its batch norm, shifts the logits."""
    network, images = drawn(build(name, 5, 3, (32, 32))), torch.rand(4, 3, 32, 32)
    masks = pruned(network, (3, 32, 32), share)
    small = cut_out(copy.deepcopy(network), masks, norms_of(network))
    before = sum(parameter.numel() for parameter in network.parameters())
    assert sum(parameter.numel() for parameter in small.parameters()) < (1.02 - share) * before
    assert_same_logits(masked(network, masks), small, images)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.floats(0.05, 0.8))
def test_through_concatenation_groups_and_gates_too(seed: int, share: float) -> None:
    network, images = drawn(Connected(), seed), torch.rand(2, 3, 8, 8)
    masks = pruned(network, (3, 8, 8), share)
    small = cut_out(copy.deepcopy(network), masks, {"bn1": "conv1", "bn2": "depthwise"})
    assert_same_logits(masked(network, masks), small, images)


def numbers(table: dict[str, np.ndarray], name: str) -> list[int]:
    return [int(number) for number in table[name]]


def test_residual_additions_couple_all_layers_that_write_to_one_stream() -> None:
    found = coupling(build("resnet18", 10, 3, (16, 16)), (3, 16, 16), [n for n, _ in ARCHITECTURES["resnet18"].layers])
    stream = numbers(found.outputs, "conv1.weight")
    assert stream == numbers(found.outputs, "layer1.0.conv2.weight") == numbers(found.outputs, "layer1.1.conv2.weight")
    assert (
        stream
        == numbers(found.inputs, "layer1.0.conv1.weight")
        == numbers(found.inputs, "layer2.0.downsample.0.weight")
    )
    wider = numbers(found.outputs, "layer2.0.conv2.weight")
    assert wider == numbers(found.outputs, "layer2.0.downsample.0.weight")
    assert not set(stream) & set(wider)
    assert not set(stream) & set(numbers(found.outputs, "layer1.0.conv1.weight"))


def test_a_shortcut_that_pads_couples_the_channels_that_it_carries() -> None:
    """He et al. 2016, option A: the stream's 16 channels are the 9th to 24th of the next 32, and so on."""
    found = coupling(build("resnet20", 10, 3, (8, 8)), (3, 8, 8), [n for n, _ in ARCHITECTURES["resnet20"].layers])
    narrow, middle, wide = (numbers(found.outputs, f"layer{stage}.0.conv2.weight") for stage in (1, 2, 3))
    assert middle[8:24] == narrow
    assert wide[16:48] == middle
    assert len(set(wide)) == 64


def test_classes_and_the_images_own_channels_stay() -> None:
    for name in ("digits_cnn", "resnet20", "vgg11"):
        layers = [layer for layer, _ in ARCHITECTURES[name].layers]
        found = coupling(build(name, 10, 3, (32, 32)), (3, 32, 32), layers)
        assert set(numbers(found.inputs, layers[0])) == {STAYS}
        assert set(numbers(found.outputs, layers[-1])) == {STAYS}


def test_flattening_carries_a_channel_to_all_of_its_pixels() -> None:
    found = coupling(build("digits_cnn", 10, 1, (8, 8)), (1, 8, 8), [n for n, _ in ARCHITECTURES["digits_cnn"].layers])
    assert numbers(found.inputs, "fc1.weight") == np.repeat(found.outputs["conv2.weight"], 16).tolist()


def test_groups_stay_as_wide_as_each_other_and_depthwise_filters_go_with_their_input() -> None:
    network = Connected()
    found = coupling(network, (3, 8, 8), prunable(network).keys())
    halves = numbers(found.outputs, "grouped.weight")
    assert halves[:4] == halves[4:]
    stream = numbers(found.outputs, "conv3.weight")
    assert stream[:6] == stream[6:] == numbers(found.inputs, "grouped.weight")
    assert stream == numbers(found.outputs, "depthwise.weight") == numbers(found.outputs, "excite.weight")
    assert "depthwise.weight" not in found.inputs
    one, two = numbers(found.outputs, "conv1.weight"), numbers(found.outputs, "conv2.weight")
    assert numbers(found.inputs, "conv3.weight") == one + two


def test_channels_stay_where_it_is_not_known_what_happens_to_them() -> None:
    found = coupling(Mixing(), (1, 8, 8), ["conv1.weight", "conv2.weight", "fc.weight"])
    assert set(numbers(found.outputs, "conv1.weight")) == {STAYS}
    assert STAYS not in numbers(found.outputs, "conv2.weight")


def test_a_channel_that_reaches_an_excluded_layer_stays() -> None:
    layers = [name for name, _ in ARCHITECTURES["resnet18"].layers if name != "layer1.0.conv1.weight"]
    found = coupling(build("resnet18", 10, 3, (16, 16)), (3, 16, 16), layers)
    assert set(numbers(found.outputs, "conv1.weight")) == {STAYS}
    assert STAYS not in numbers(found.outputs, "layer1.1.conv1.weight")


def network_and_channels() -> tuple[nn.Module, Channels]:
    network = drawn(Connected())
    return network, pieces_of(network, (3, 8, 8))


@given(st.integers(0, 1000), st.floats(0.01, 0.8))
@settings(deadline=None, max_examples=30)
def test_the_lowest_scored_go_and_as_few_as_reach_the_count(seed: int, share: float) -> None:
    """Trap 24: removed set = lowest scores. Each channel's score is the mean over all of its weights, each once."""
    network = drawn(Connected(), seed)
    masks, found = pruned(network, (3, 8, 8), share), weights(network)
    channels = coupling(copy.deepcopy(network), (3, 8, 8), found.keys())
    means, dead = [], []
    for channel in range(channels.channels):
        own = {name: np.zeros(values.shape, dtype=np.bool_) for name, values in found.items()}
        for name in found:
            own[name][channels.outputs[name] == channel] = True
            if name in channels.inputs:
                own[name][:, channels.inputs[name] == channel] = True
        means.append(np.mean(np.concatenate([np.abs(values[own[name]]) for name, values in found.items()])))
        dead.append(not any(masks[name][own[name]].any() for name in found))
    last = max((mean for mean, gone in zip(means, dead, strict=True) if gone))
    spared = [c for c, (mean, gone) in enumerate(zip(means, dead, strict=True)) if mean < last - 1e-6 and not gone]
    for channel in spared:  # only because it was the last one of a layer
        rows = [channels.outputs[name] for name in found if (channels.outputs[name] == channel).any()]
        assert any(all(number in (channel, STAYS) or dead[number] for number in own) for own in rows)


def test_the_last_channel_of_a_layer_stays_and_too_much_is_refused() -> None:
    it = subject("digits_cnn")
    whole = sum(mask.size for mask in it.masks.values())
    channels = pieces_of(it.network(), (1, 8, 8))
    with pytest.raises(UnitFailed, match="when every channel that can go has gone"):
        prune(it, Criterion(), Counts(whole - 5, None), lambda: None, channels)
    masks = prune(it, Criterion(), Counts(whole - 60, None), lambda: None, channels)
    assert all(mask.any() for mask in masks.values())


@pytest.mark.parametrize("criterion", ["synflow", "snip", "grasp", "random"])
def test_any_criterion_prunes_channels(criterion: str) -> None:
    it, asked = subject("resnet20"), Counts(130_000, None)
    channels = pieces_of(it.network(), (1, 8, 8))
    masks = prune(it, Criterion(name=criterion), asked, lambda: None, channels)
    assert channels.as_asked(masks, asked).ok
    assert all(check.ok for check in channels.whole(masks))


@pytest.mark.parametrize("seed", range(5))
def test_the_random_control_is_other_channels_with_the_tickets_counts_in_every_layer(seed: int) -> None:
    network, channels = network_and_channels()
    ticket = pruned(network, (3, 8, 8), 0.4)
    shuffled = channels.shuffled(ticket, seed)
    assert all(check.ok for check in channels.whole(shuffled))
    assert {name: int(mask.sum()) for name, mask in shuffled.items()} == {n: int(m.sum()) for n, m in ticket.items()}
    assert any((shuffled[name] != mask).any() for name, mask in ticket.items())
    assert all((channels.shuffled(ticket, seed)[name] == mask).all() for name, mask in shuffled.items())


def test_a_torn_channel_and_one_too_many_fail_the_audit() -> None:
    network, channels = network_and_channels()
    masks = pruned(network, (3, 8, 8), 0.4)
    found = sum(int((~mask).sum()) for mask in masks.values())
    assert not channels.as_asked(masks, Counts(found + 1, None)).ok
    assert not channels.as_asked(masks, Counts(found // 2, None)).ok
    torn = masks["conv1.weight"] & (np.arange(3) > 0)[None, :, None, None]  # an input of the image's own
    (check,) = channels.whole(masks | {"conv1.weight": torn})
    assert not check.ok
    assert "torn in conv1.weight" in check.evidence


def test_a_job_prunes_channels_level_by_level_and_says_what_it_reached(tmp_path: Path) -> None:
    method = {"granularity": "channels", "schedule": {"name": "iterative", "rate": 0.4}}
    job = digits_job(model="resnet20", method=method, arms=["random_mask", "reversed_mask"])
    results = do_all(job, tmp_path, Warm(None))
    assert all(check.ok for result in results.values() for check in result.checks)
    by_place = {(place.arm, place.level): place.unit.key for place in places(job, results)}
    one, two = (read_masks(tmp_path / by_place["ticket", level] / "mask.safetensors") for level in (1, 2))
    assert all((mask <= one[name]).all() for name, mask in two.items())
    for level, asked in ((1, 0.4), (2, 0.5)):
        result = results[by_place["ticket", level]]
        assert asked <= result.zeros / result.prunable < asked + 0.02
        (check,) = (check for check in result.checks if check.name == "channels_as_asked")
        assert f"masked {result.zeros} in " in check.evidence
        for arm in ("random_mask", "reversed_mask"):
            assert results[by_place[arm, level]].tensors == result.tensors
