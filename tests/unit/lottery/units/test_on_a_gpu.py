"""What runs on a GPU, on a pretended one: units of each kind, criteria, each kind of architecture forward and back."""

from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional

from tests.support.architectures import KINDS, OWN
from tests.support.folders import job_on, shapes
from tests.support.lottery import MemoryWorkspace, digits_job, do_all
from tests.support.pretended_gpu import pretended_gpu
from tests.support.streams import streaming
from tests.support.workers import resolved
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.criteria import CRITERIA
from winnow.contract.problems import Reason, WinnowError
from winnow.contract.specs.training import Augment
from winnow.lottery import numerics
from winnow.lottery.architectures import build, placed
from winnow.lottery.data.augment import augmented
from winnow.lottery.numerics import settle
from winnow.lottery.units import UnitFailed, Warm, run
from winnow.plan import places

ONE_SHOT = {"schedule": "one_shot"}
FIRST, SECOND = ({"name": "digits", "classes": classes} for classes in (["0", "1", "2", "3"], ["4", "5", "6"]))
STEPS = {"steps": 12}
TRAINED = {"kind": "train", "dataset": FIRST, "model": {"name": "digits_cnn", "dropout": 0.2}, "train": STEPS}
TICKET = {
    **TRAINED,
    "kind": "prune",
    "target": {"sparsity": 0.5},
    "method": ONE_SHOT,
    "arms": ["ticket"],
    "replicates": 1,
}
TRANSFER = {"kind": "transfer", "dataset": SECOND, "model": {"job": TICKET}, "train": STEPS, "replicates": 1}
OPTIONS = {
    **STEPS,
    "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.0005},
    "augment": {"crop": 2, "flip": True},
    "label_smoothing": 0.1,
    "lr_schedule": "cosine",
    "warmup": {"steps": 3},
    "clip": 1,
}
JOBS = {
    "early stopping": {**TRAINED, "train": {"epochs": 3, "optimizer": "adamw", "early_stopping": {"patience": 1}}},
    "resized": {**TRAINED, "dataset": {"name": "digits", "size": [16, 16], "channels": 3}},
    "evaluate": {"kind": "evaluate", "dataset": {"name": "digits", "classes": ["1", "2"]}, "model": {"job": TRAINED}},
    "features": {**TRANSFER, "trainable": "head", "arms": ["mask_trained", "no_mask"]},
    "transfer": {**TRANSFER, "arms": ["mask_rewound", "mask_random", "random_mask", "no_mask", "own_ticket"]},
}
PRUNE_JOBS = {
    "every option": {"train": OPTIONS},
    "every control": {"arms": ["ticket", "dense", "random_reinit", "random_mask", "reversed_mask", "fine_tuned"]},
    "auto": {"method": {**ONE_SHOT, "rewind": "auto"}},
    "gradual": {"method": {"schedule": {"name": "gradual", "end": {"step": 8}, "every": {"steps": 4}}}},
    "channels": {"method": {**ONE_SHOT, "granularity": "channels"}},
}


@pytest.fixture(autouse=True)
def gpu(monkeypatch) -> Iterator[None]:
    with pretended_gpu(monkeypatch) as seen:
        settle(1, "gpu")
        seen.clear()  # of what settling tried
        yield
    assert seen, "nothing was done on it"


def test_the_pretended_one_fails_as_a_real_one_does():
    there, here = torch.ones(1, 1, 4, 4, device="cuda", requires_grad=True), torch.ones(4)
    assert functional.conv2d(there, there.detach()).device.type == "cuda"
    assert (there + 1).device.type == "cuda"
    assert (there.detach().cpu().numpy() == 1).all()
    with pytest.raises(RuntimeError, match="same device"):
        there + here
    with pytest.raises(RuntimeError, match=r"numpy\(\)"):
        there.detach().numpy()
    with pytest.raises(RuntimeError, match="own generator"):
        functional.dropout(there)
    with pytest.raises(RuntimeError, match="deterministic"):
        functional.adaptive_avg_pool2d(there, 3).sum().backward()
    assert torch.empty(3, device="cuda").isnan().all(), "what is not written yet is no number"


def test_a_gpu_that_torch_cannot_compute_on_is_told_at_the_start(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91400)
    numerics._tried_gpu.cache_clear()
    assert settle(1, "gpu") == f"gpu pretended cuda 13.0 cudnn 91400 torch {torch.__version__}"

    def no_kernel(*_args, **_kwargs):
        raise torch.AcceleratorError("CUDA error: no kernel image is available for execution on the device")

    numerics._tried_gpu.cache_clear()
    monkeypatch.setattr(torch, "ones", no_kernel)
    with pytest.raises(WinnowError, match="cannot compute on it: CUDA error: no kernel image"):
        settle(1, "gpu")


def test_a_cudnn_that_is_not_whole_is_told_at_the_start_not_by_the_first_unit(monkeypatch):
    def no_cudnn(*_args, **_kwargs):
        raise RuntimeError("GET was unable to find an engine to execute this computation")

    numerics._tried_gpu.cache_clear()
    monkeypatch.setattr(functional, "conv2d", no_cudnn)
    with pytest.raises(WinnowError, match="cannot compute on it: GET was unable to find an engine"):
        settle(1, "gpu")


def test_a_unit_for_which_torch_found_too_little_memory_is_no_outcome_though_it_went_on(tmp_path, monkeypatch):
    """cuDNN takes another algorithm then, which has other last bits."""
    refusals = iter([3, 3, 3, 4])  # one in the second unit; those before it are of another unit's
    monkeypatch.setattr(torch.cuda, "memory_stats", lambda: {"num_ooms": next(refusals)})
    with pytest.raises(UnitFailed, match="not enough memory") as failed:
        do_all(digits_job("gpu", arms=["ticket"]), tmp_path, Warm(None))
    assert failed.value.reason is Reason.OUT_OF_MEMORY
    assert len([*tmp_path.iterdir()]) == 2
    assert next(refusals, None) is None


def test_what_it_made_after_that_is_kept_in_no_checkpoint(tmp_path, monkeypatch):
    """Who goes on from there, where there is more memory, would never hear of it."""
    refusals = iter([3, 4])
    monkeypatch.setattr(torch.cuda, "memory_stats", lambda: {"num_ooms": next(refusals)})
    unit = places(digits_job("gpu"), {})[0].unit
    workspace = MemoryWorkspace(tmp_path, {}, stop=lambda _done: True)
    with pytest.raises(UnitFailed, match="not enough memory"):
        run(unit, workspace, Warm(None))
    assert workspace.saved is None


def test_a_gpu_without_bf16_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    job = digits_job("gpu", train={"steps": 12, "precision": "bf16"})
    with pytest.raises(UnitFailed, match=r"capability 8\.0 or above, and this one has 7\.5") as failed:
        do_all(job, tmp_path, Warm(None))
    assert failed.value.reason is Reason.OUT_OF_MEMORY


def test_images_are_changed_as_on_the_cpu():
    pixels = torch.randint(256, (50, 3, 8, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for choice in (Augment(flip=True), Augment(crop=2), Augment(crop=2, flip=True)):
        there, here = (augmented(x, choice, 5) for x in (pixels.to("cuda"), pixels))
        assert torch.equal(there.cpu(), here)
        assert not torch.equal(here, pixels)


@pytest.mark.parametrize("job", JOBS)
def test_a_unit_of_each_kind(tmp_path, job):
    results = do_all(resolved({**JOBS[job], "resource": "gpu"}), tmp_path, Warm(None))
    assert all(check.ok for result in results.values() for check in result.checks)


@pytest.mark.parametrize("job", PRUNE_JOBS)
def test_each_way_to_a_ticket(tmp_path, job):
    results = do_all(digits_job("gpu", **PRUNE_JOBS[job]), tmp_path, Warm(None))
    assert all(check.ok for result in results.values() for check in result.checks)


def test_images_that_come_as_they_are_wanted(tmp_path):
    facts, augment = shapes(tmp_path), {"crop": 1, "flip": True}
    job = job_on(facts, model="digits_cnn", train={"steps": 6, "batch_size": 8, "augment": augment}, resource="gpu")
    warm = streaming(tmp_path, processes=1)
    (result,) = do_all(job, tmp_path, warm).values()
    warm.decoders.rest()
    assert result.metrics.test.images > 0


@pytest.mark.parametrize("criterion", CRITERIA)
def test_each_criterion(tmp_path, criterion):
    job = digits_job("gpu", method={**ONE_SHOT, "criterion": criterion}, arms=["ticket"])
    results = do_all(job, tmp_path, Warm(None))
    assert all(check.ok for result in results.values() for check in result.checks)


@pytest.mark.parametrize("name", [*OWN, *KINDS])
def test_forward_and_back_through_each_architecture(name):
    size = (ARCHITECTURES[name].smallest,) * 2
    network = placed(build(name, 3, 3, size), torch.device("cuda"))
    logits = network(torch.zeros(4, 3, *size, device="cuda"))
    functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0], device="cuda")).backward()
    assert all(parameter.grad.device.type == "cuda" for parameter in network.parameters())
