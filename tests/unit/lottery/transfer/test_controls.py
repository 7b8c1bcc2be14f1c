"""The shuffled mask of a transfer: pieces like the ticket's, as many in each layer, elsewhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.lottery import do, do_all
from tests.support.transfers import HIGH, source_job, source_units, transfer_job, unit_of
from winnow.artifact.masks import read_masks
from winnow.contract.specs.granularity import Granularity, SemiStructured, WholeChannels
from winnow.contract.units import Unit
from winnow.lottery.pieces import pieces
from winnow.lottery.units import Warm
from winnow.lottery.units.beginning import head_of
from winnow.plan import places

ASKED: dict[str, Granularity] = {"2:4": SemiStructured(keep=2, of=4), "channels": WholeChannels()}
CLASSES = {"other classes": HIGH, "the model's": [str(digit) for digit in range(5)]}


@pytest.fixture(scope="module", params=ASKED)
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any, Path]:
    """A ticket that was pruned in pieces, and where its units lie."""
    method = {"granularity": request.param, "schedule": "one_shot"}
    job = source_job(model="resnet20", method=method, target={"sparsity": 0.5} if request.param == "channels" else None)
    folder = tmp_path_factory.mktemp("source")
    do_all(job, folder, Warm(None))
    return request.param, source_units(job), folder


@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)
def test_the_shuffled_mask_is_of_the_tickets_pieces(source: tuple[str, Any, Path], classes: list[str]) -> None:
    granularity, units, folder = source
    job = transfer_job(units, dataset={"name": "digits", "classes": classes}, arms=["mask_trained", "random_mask"])
    done = {place.arm: place.unit for place in places(job, {}) if place.unit.kind == "transfer"}
    checks = {arm: do(unit, folder, Warm(None)).checks for arm, unit in done.items()}
    assert all(check.ok for found in checks.values() for check in found)
    audited = {check.name for check in checks["random_mask"]}
    assert audited & {"groups_whole", "channels_whole"} == {{"2:4": "groups_whole"}.get(granularity, "channels_whole")}
    ticket, control = (masks_of(done[arm], folder, granularity) for arm in ("mask_trained", "random_mask"))
    assert any((control[name] != mask).any() for name, mask in ticket.items())
    assert {name: mask.sum() for name, mask in control.items()} == {name: mask.sum() for name, mask in ticket.items()}
    for masks in (ticket, control):
        kept = pieces(ASKED[granularity], units[0].inputs.recipe, masks)
        assert [check.evidence for check in kept.whole(masks) if not check.ok] == []


@pytest.mark.parametrize("granularity", ASKED)
def test_a_head_without_a_mask_is_no_hindrance(granularity: str, tmp_path: Path) -> None:
    """One that pruning left out, and one that is fresh since the transfer before."""
    method = {"granularity": granularity, "schedule": "one_shot", "scope": {"exclude": ["output"]}}
    asked = source_job(method=method, target={"sparsity": 0.3} if granularity == "channels" else None)
    do_all(asked, tmp_path, Warm(None))
    carried = transfer_job(source_units(asked), arms=["mask_trained", "random_mask"])
    again = transfer_job(
        (unit_of(carried, "mask_trained"), *source_units(asked)),
        dataset={"name": "digits", "classes": ["1", "2"]},
        arms=["mask_trained", "random_mask"],
    )
    for job in (carried, again):
        units = {arm: unit_of(job, arm) for arm in ("mask_trained", "random_mask")}
        checks = {arm: do(unit, tmp_path, Warm(None)).checks for arm, unit in units.items()}
        assert [check for found in checks.values() for check in found if not check.ok] == []
        ticket, control = (read_masks(tmp_path / unit.key / "mask.safetensors") for unit in units.values())
        assert {name: mask.sum() for name, mask in control.items()} == {name: m.sum() for name, m in ticket.items()}
        assert any((control[name] != mask).any() for name, mask in ticket.items())


def masks_of(unit: Unit, folder: Path, granularity: str) -> dict[str, np.ndarray]:
    """A network's masks; of channels a fresh head, which has none, gets the one of the channels that it is fed with."""
    masks, (head, _) = read_masks(folder / unit.key / "mask.safetensors"), head_of("resnet20")
    fed = masks["layer3.2.conv2.weight"].any(axis=(1, 2, 3))
    return {head: np.tile(fed, (len(HIGH), 1)), **masks} if granularity == "channels" else masks
