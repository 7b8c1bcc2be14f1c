from pathlib import Path

import pytest

from tests.support.lottery import digits_job, do, do_all
from winnow.lottery.units import Warm
from winnow.plan import places


@pytest.mark.parametrize("seed", [0, 5])
def test_the_same_units_give_the_same_bytes_whatever_was_warm(tmp_path: Path, seed: int) -> None:
    """Trap 12, seed 0 included: nothing is left over from other units, nothing comes from the clock."""
    job, used, files = digits_job(seed=seed, target={"sparsity": 0.4}), Warm(None), []
    do_all(digits_job(seed=3, model="lenet_300_100", target={"sparsity": 0.4}), tmp_path, used)
    for attempt, warm in (("one", used), ("two", Warm(None))):
        (tmp_path / attempt).mkdir()
        results = do_all(job, tmp_path / attempt, warm)
        files.append({key: result.files for key, result in results.items()})
    assert files[0] == files[1]


def test_two_threads_give_the_same_bytes_every_time(tmp_path: Path) -> None:
    unit = places(digits_job(threads=2), {})[0].unit
    found = []
    for attempt in ("one", "two"):
        (tmp_path / attempt).mkdir()
        found.append(do(unit, tmp_path / attempt, Warm(None)).files)
    assert found[0] == found[1]


def test_other_seeds_and_replicates_give_other_networks(tmp_path: Path) -> None:
    seen = set()
    for seed in (0, 1):
        job = digits_job(seed=seed, replicates=2, target={"sparsity": 0.4})
        for place in places(job, {}):
            if place.arm == "dense":
                seen.add(do(place.unit, tmp_path, Warm(None)).files["weights.safetensors"].sha256)
    assert len(seen) == 4
