"""Transfer: each arm begins with what its name says, and ends as a network like any other."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load

from tests.support.brought import brought_unit, half_pruned, safetensors, weights
from tests.support.lottery import MemoryWorkspace, do, do_all, inputs_of
from tests.support.transfers import HIGH, LOW, pruned_from, source_job, source_units, transfer_job, unit_of
from winnow.artifact.masks import read_masks
from winnow.artifact.ticket import read_ticket
from winnow.artifact.weights import read_weights
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.seeds import seed_for
from winnow.contract.specs.choices import DatasetChoice, ModelChoice
from winnow.contract.specs.jobs import EvaluateSpec
from winnow.contract.units import Unit
from winnow.lottery.architectures import build
from winnow.lottery.inits import initial
from winnow.lottery.state import load_network, read_state, under
from winnow.lottery.units import Warm, run
from winnow.lottery.workspace import Stop
from winnow.plan import Resolved, places, resolve

HEAD = ("fc2.weight", "fc2.bias")


Arrays = Mapping[str, np.ndarray]


@pytest.fixture(scope="module")
def source() -> Unit:
    return source_units(source_job())[0]


def beginning_of(unit: Unit, folder: Path) -> Arrays:
    """All tensors before the first step: from the checkpoint of a stop at the first call."""
    workspace = MemoryWorkspace(folder / "nowhere", inputs_of(unit, folder), stop=lambda _done: True)
    with pytest.raises(Stop):
        run(unit, workspace, Warm(None))
    assert workspace.saved is not None
    return under("now/network", load(workspace.saved))


def under_mask(values: Arrays, masks: Arrays) -> Arrays:
    return {name: np.where(masks[name], array, 0) if name in masks else array for name, array in values.items()}


def equal(found: Arrays, wanted: Arrays, leave_out: tuple[str, ...] = ()) -> bool:
    assert found.keys() == wanted.keys()
    return all(np.array_equal(found[name], wanted[name]) for name in found if name not in leave_out)


def masks_of(key: str, folder: Path) -> dict[str, np.ndarray]:
    return read_masks(folder / key / "mask.safetensors")


def origins(source: Unit, folder: Path) -> dict[str, Arrays]:
    """The values that the source's ticket had at step 0, at its rewind point and at its end."""
    recipe = source.inputs.recipe
    return {
        "mask_init": initial(recipe, seed_for(recipe.seed, "init", recipe.replicate)),
        "mask_rewound": read_state(folder / source.parents["start"] / "state-5.safetensors").network,
        "mask_trained": read_weights(folder / source.key / "weights.safetensors"),
    }


@pytest.mark.parametrize("arm", ["mask_init", "mask_rewound", "mask_trained"])
def test_a_ticket_begins_with_the_values_its_arm_names_under_its_mask(arm: str, source: Unit, folder: Path) -> None:
    wanted = under_mask(origins(source, folder)[arm], masks_of(source.key, folder))
    found = beginning_of(unit_of(transfer_job(), arm), folder)
    assert equal(found, wanted, HEAD)
    others = [beginning_of(unit_of(transfer_job(), other), folder) for other in origins(source, folder) if other != arm]
    assert not any(equal(found, other) for other in others)


def test_no_mask_is_the_tickets_start_whole_and_the_random_mask_another_of_its_counts(
    source: Unit, folder: Path
) -> None:
    job, ticket = transfer_job(arms=["mask_rewound", "no_mask", "random_mask"]), masks_of(source.key, folder)
    start = origins(source, folder)["mask_rewound"]
    assert equal(beginning_of(unit_of(job, "no_mask"), folder), start, HEAD)
    found = beginning_of(unit_of(job, "random_mask"), folder)
    body = {name: mask for name, mask in ticket.items() if name not in HEAD}
    kept = {name: (found[name] != 0) for name in body}
    assert {name: int(mask.sum()) for name, mask in kept.items()} == {
        name: int(mask.sum()) for name, mask in body.items()
    }
    assert any((kept[name] != body[name]).any() for name in body)
    assert equal(found, under_mask(start, kept), HEAD)


def test_random_values_are_fresh_by_replicate_under_the_tickets_mask(source: Unit, folder: Path) -> None:
    job, ticket = transfer_job(replicates=2), masks_of(source.key, folder)
    body = {name: mask for name, mask in ticket.items() if name not in HEAD}
    first, second = (beginning_of(unit_of(job, "mask_random", replicate), folder) for replicate in (0, 1))
    for found in (first, second):
        assert all(np.array_equal(found[name] != 0, mask) for name, mask in body.items())
    every = [*origins(source, folder).values(), second]
    assert not any((first[name] == other[name])[mask].any() for name, mask in body.items() for other in every)


def test_where_classes_differ_all_arms_of_a_replicate_have_the_same_fresh_head_and_no_mask_on_it(
    source: Unit, folder: Path
) -> None:
    """Trap 15: a head that is to be replaced is another one, and is not carried over."""
    job = transfer_job(replicates=2)
    heads = {
        (arm, replicate): beginning_of(unit_of(job, arm, replicate), folder)[HEAD[0]]
        for arm in job.spec.arms or ()
        for replicate in (0, 1)
    }
    first, second = (heads["mask_init", replicate] for replicate in (0, 1))
    assert all(np.array_equal(head, (first, second)[replicate]) for (_, replicate), head in heads.items())
    assert not np.array_equal(first, second)
    assert (first != 0).all()
    assert not any(np.array_equal(first, values[HEAD[0]]) for values in origins(source, folder).values())


def test_a_fresh_head_is_not_counted_among_what_may_be_masked(source: Unit, folder: Path, tmp_path: Path) -> None:
    unit = unit_of(transfer_job(), "mask_trained")
    result = run(unit, MemoryWorkspace(tmp_path, inputs_of(unit, folder)), Warm(None))
    assert HEAD[0] not in {tensor.name for tensor in result.tensors}
    ticket = masks_of(source.key, folder)
    assert result.zeros == sum(int((~mask).sum()) for name, mask in ticket.items() if name not in HEAD)
    assert {check.name for check in result.checks if check.ok} >= {"state_at_k_restored", "masked_weights_zero"}
    assert all(check.ok for check in result.checks)


def test_modules_that_begin_anew_are_drawn_like_the_head_and_have_no_mask(source: Unit, folder: Path) -> None:
    """Nothing of them is carried: in every arm of a replicate they are the same, whole, and not the model's."""
    job = transfer_job(fresh=["fc1"], replicates=2)
    plain, start = transfer_job(), origins(source, folder)["mask_rewound"]
    fresh = ("fc1.weight", "fc1.bias")
    first = beginning_of(unit_of(job, "mask_rewound"), folder)
    assert equal(first, under_mask(start, masks_of(source.key, folder)), (*HEAD, *fresh))
    assert (first["fc1.weight"] != 0).all()
    assert not any((first["fc1.weight"] == values["fc1.weight"]).any() for values in origins(source, folder).values())
    for arm in ("mask_trained", "no_mask", "random_mask", "mask_random"):
        other = beginning_of(unit_of(job, arm), folder)
        assert all(np.array_equal(other[name], first[name]) for name in (*HEAD, *fresh))
        assert equal(other, beginning_of(unit_of(plain, arm), folder), fresh) or arm == "random_mask"
    second = beginning_of(unit_of(job, "mask_rewound", 1), folder)
    assert not np.array_equal(second["fc1.weight"], first["fc1.weight"])


def test_a_module_that_began_anew_is_not_counted_among_what_may_be_masked(folder: Path, tmp_path: Path) -> None:
    unit = unit_of(transfer_job(fresh=["fc1"]), "mask_trained")
    result = run(unit, MemoryWorkspace(tmp_path, inputs_of(unit, folder)), Warm(None))
    assert {tensor.name for tensor in result.tensors} == {"conv1.weight", "conv2.weight"}
    assert all(check.ok for check in result.checks)


def turned(job_changes: Mapping[str, Any] | None = None) -> Resolved:
    """The source's own classes, in another order."""
    return transfer_job(dataset={"name": "digits", "classes": LOW[::-1]}, **(job_changes or {}))


@pytest.mark.parametrize("arm", ["mask_init", "mask_rewound", "mask_trained"])
def test_the_same_classes_in_another_order_keep_the_head_and_its_mask_by_name(
    arm: str, source: Unit, folder: Path
) -> None:
    wanted = under_mask(origins(source, folder)[arm], masks_of(source.key, folder))
    found = beginning_of(unit_of(turned(), arm), folder)
    assert equal(found, {name: array[::-1] if name in HEAD else array for name, array in wanted.items()})
    assert (wanted[HEAD[0]] == 0).any()


def test_a_head_in_another_order_gives_the_same_answers_by_name(source: Unit, folder: Path) -> None:
    """Before the first step, the carried ticket knows what the source knows."""
    values = beginning_of(unit_of(turned(), "mask_trained"), folder)
    networks = [build(*source.network) for _ in range(2)]
    load_network(networks[0], values)
    load_network(networks[1], origins(source, folder)["mask_trained"])
    images = torch.rand(7, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        turned_logits, logits = (network.eval()(images) for network in networks)
    assert torch.allclose(turned_logits.flip(1), logits, rtol=1e-5, atol=1e-6)


def test_images_are_normalised_as_the_models_own(source: Unit, folder: Path, tmp_path: Path) -> None:
    unit = unit_of(transfer_job(), "mask_trained")
    run(unit, MemoryWorkspace(tmp_path, inputs_of(unit, folder)), Warm(None))
    own, theirs = (read_ticket(path / "ticket.winnow").header for path in (tmp_path, folder / source.key))
    assert own.preprocessing == theirs.preprocessing
    assert own.classes == tuple(HIGH)


def test_a_transferred_ticket_can_be_evaluated(folder: Path) -> None:
    unit = unit_of(transfer_job(), "mask_trained")
    transferred = do(unit, folder, Warm(None))
    spec = EvaluateSpec(model=ModelChoice(name="mdl_x"), dataset=DatasetChoice(name="digits", classes=tuple(HIGH)))
    job = resolve(spec, DATASETS["digits"], "cpu", (unit,))
    measured = do(places(job, {})[-1].unit, folder, Warm(None))
    assert measured.metrics.test == transferred.metrics.test


@pytest.mark.parametrize("classes", [LOW, LOW[::-1], LOW[:3]], ids=repr)
def test_superclasses_are_known_by_name_in_whatever_order_a_model_has_its_classes(
    classes: list[str], source: Unit, folder: Path
) -> None:
    """Of each of two superclasses every other digit; with each in its own, a class is right where its superclass is."""
    spec = EvaluateSpec(model=ModelChoice(name="mdl_x"), dataset=DatasetChoice(name="digits", classes=tuple(classes)))
    found = {}
    for grouped in (None, (0, 1) * 5, tuple(range(10))):
        job = resolve(spec, DATASETS["digits"].model_copy(update={"superclasses": grouped}), "cpu", (source,))
        unit = places(job, {})[-1].unit
        with tempfile.TemporaryDirectory() as outputs:
            found[grouped] = run(unit, MemoryWorkspace(Path(outputs), inputs_of(unit, folder)), Warm(None)).metrics.test
    plain, pairs, own = found.values()
    assert plain.correct_coarse is None
    assert own.correct_coarse == own.correct == plain.correct
    assert pairs.correct_coarse > pairs.correct


def test_a_brought_sparse_network_goes_on_from_its_own_weights(tmp_path: Path) -> None:
    """θ_0 of a brought network is what it came with; its zeros are its mask."""
    sent = safetensors(half_pruned())
    brought = brought_unit(sent, zeros="masked")
    (tmp_path / brought.uploads["weights"]).write_bytes(sent)
    do(brought, tmp_path, Warm(None))
    job = transfer_job((brought,), arms=None, dataset="digits")
    assert job.spec.arms == ("mask_trained", "no_mask", "random_mask", "mask_random")
    assert beginning_of(unit_of(job, "mask_trained"), tmp_path).keys() == half_pruned().keys()
    assert equal(beginning_of(unit_of(job, "mask_trained"), tmp_path), half_pruned())


def test_a_ticket_of_ones_own_begins_dense_with_the_model_that_was_brought(tmp_path: Path) -> None:
    """On other classes: its own values, a fresh head, its normalisation, and levels that rewind to there."""
    sent = safetensors({name: array[:5] if name in HEAD else array for name, array in weights().items()})
    brought = brought_unit(sent, classes=tuple(LOW))
    (tmp_path / brought.uploads["weights"]).write_bytes(sent)
    pruned = pruned_from((brought,))
    do_all(pruned, tmp_path, Warm(None))
    job = transfer_job(source_units(pruned), arms=["mask_rewound", "own_ticket"])
    own = [place.unit for place in places(job, {}) if place.arm in ("own_chain", "own_ticket")]
    began = beginning_of(own[0], tmp_path)
    assert equal(began, weights(), HEAD)
    assert began[HEAD[0]].shape[0] == len(HIGH)
    results = [do(unit, tmp_path, Warm(None)) for unit in own]
    assert all(check.ok for result in results for check in result.checks)
    assert results[-1].zeros > results[-2].zeros > 0
