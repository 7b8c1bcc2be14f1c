"""What a packed ticket takes, measured on real ones: the sizes that `max_bytes` goes by."""

from pathlib import Path

import pytest

from tests.support.lottery import digits_job, do_all
from winnow.artifact.ticket import most_bytes
from winnow.lottery.units import Warm
from winnow.plan import Finished, plan


@pytest.mark.parametrize("model", ["digits_cnn", "lenet_300_100"])
def test_a_real_job_ends_at_the_first_level_whose_ticket_fits(model: str, tmp_path: Path) -> None:
    most = {"digits_cnn": 30_000, "lenet_300_100": 60_000}[model]
    fields = {"model": model, "arms": ["ticket"], "method": {"schedule": {"name": "iterative", "rate": 0.5}}}
    job = digits_job(target={"max_bytes": most}, **fields)
    results = do_all(job, tmp_path, Warm(None))
    answer = plan(job, results)
    assert isinstance(answer, Finished)
    sizes = [result.files["ticket.winnow"].bytes for result in results.values()]
    assert len(sizes) > 2
    assert min(sizes[:-1]) > most >= sizes[-1]
    assert answer.outcome.result.target.level == len(sizes) - 1
    for result, size in zip(results.values(), sizes, strict=True):
        assert result.fixed_bytes is not None
        kept = result.prunable - result.zeros
        assert result.fixed_bytes < size <= most_bytes(result.fixed_bytes, kept, result.prunable)


def test_what_no_mask_makes_fewer_is_known_after_the_dense_training(tmp_path: Path) -> None:
    asked = {"arms": ["ticket"], "target": {"max_bytes": 500}}
    results = do_all(digits_job(**asked), tmp_path, Warm(None))
    (dense,) = results.values()
    assert dense.fixed_bytes is not None
    assert 500 < dense.fixed_bytes < 5000


def test_channels_of_which_no_more_can_go_end_a_real_job_with_what_was_reached(tmp_path: Path) -> None:
    method = {"granularity": "channels", "schedule": {"name": "iterative", "rate": 0.6}}
    asked = {"arms": ["ticket"], "target": {"max_accuracy_drop": 100}, "method": method}
    job = digits_job(model="digits_cnn", **asked)
    results = do_all(job, tmp_path, Warm(None))
    answer = plan(job, results)
    assert isinstance(answer, Finished)
    assert answer.outcome.result.target_reached
    assert not answer.outcome.failed_checks
    *_, last = results.values()
    assert last.most_zeros is not None
    asked_next = 1 - 0.4 ** len(results)
    assert last.zeros <= last.most_zeros < asked_next * last.prunable, "another level would have failed"
