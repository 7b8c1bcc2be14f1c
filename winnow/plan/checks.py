"""What cannot be met, told before anything is done: layers, images, budgets, schedules."""

from collections.abc import Collection, Mapping
from math import prod

from winnow.contract.catalog.architectures import ARCHITECTURES, Architecture
from winnow.contract.catalog.tensors import table_of, tensors
from winnow.contract.counts import zeros_for
from winnow.contract.datasets import DatasetFacts
from winnow.contract.problems import InvalidSpec
from winnow.contract.recipes import Milestones, NetworkShape
from winnow.contract.specs.choices import ModelChoice
from winnow.contract.specs.jobs import PruneSpec
from winnow.contract.specs.pruning import Iterative
from winnow.contract.specs.training import Cosine, Train
from winnow.plan.capacity import check_values
from winnow.plan.resolved import Resolved


def check_dropout(architecture: Architecture, choice: ModelChoice) -> None:
    """Refuse dropout where the architecture has no place for it. Raises InvalidSpec."""
    if choice.dropout and not architecture.dropout:
        able = ", ".join(sorted(name for name, entry in ARCHITECTURES.items() if entry.dropout))
        raise InvalidSpec(f"{architecture.name} has no place for dropout. Leave it out, or take one of: {able}.")


def check_image(architecture: Architecture, facts: DatasetFacts) -> None:
    """Refuse images that are too small, or make too large a network. Raises InvalidSpec."""
    if min(facts.size) < architecture.smallest:
        raise InvalidSpec(
            f"{architecture.name} wants images of at least {architecture.smallest}×{architecture.smallest} pixels; "
            f"those of {facts.name!r} are {facts.size[0]}×{facts.size[1]}. Ask for another `size` of the data set."
        )
    check_values(NetworkShape(architecture.name, len(facts.classes), facts.channels, facts.size))


def check_budget(job: Resolved, train: Train) -> None:
    """Refuse batches, crops and schedules that do not fit the training split, and bf16 on CPUs. Raises InvalidSpec."""
    if train.precision == "bf16" and job.resource == "cpu":
        raise InvalidSpec(
            "bf16 pays on GPUs alone: on CPUs all take one path, AVX2, so that bytes agree, and it has no products in "
            'bfloat16: training is 3 to 30 times as slow as in float32. Leave precision out, or say "resource": "gpu".'
        )
    sizes = job.facts.sizes()
    if train.batch_size > sizes.train:
        raise InvalidSpec(f"batch_size is {train.batch_size}, but the training split has {sizes.train} images.")
    if (job.training.processes or 1) > train.batch_size:
        raise InvalidSpec(
            f"A batch of {train.batch_size} images cannot be shared by {job.training.processes} processes. "
            "Ask for fewer processes or larger batches."
        )
    if train.augment.crop >= min(job.facts.size):
        raise InvalidSpec(
            f"Padded by {train.augment.crop} pixels, a crop may show nothing of an image of "
            f"{job.facts.size[0]}×{job.facts.size[1]}. Pad by less."
        )
    if job.retrain.step >= job.steps:
        raise InvalidSpec(
            f"Rewinding to step {job.retrain.step} leaves nothing to train: the budget is {job.steps} steps "
            f"({job.steps_per_epoch} an epoch). Rewind to an earlier point."
        )
    if train.early_stopping is not None and job.retrain.step:
        raise InvalidSpec(
            f"Early stopping may end training before step {job.retrain.step}, whose state is to be kept. "
            "Leave out rewind or early_stopping."
        )
    _check_lr_schedule(job)


def _check_lr_schedule(job: Resolved) -> None:
    if job.warmup > job.steps:
        raise InvalidSpec(
            f"The warm-up takes {job.warmup} steps, but training ends at step {job.steps} "
            f"({job.steps_per_epoch} an epoch). Warm up over fewer."
        )
    if isinstance(job.spec, PruneSpec) and (job.retrain.lr == "last" or "fine_tuned" in job.spec.controls):
        check_last_rate(job)
    milestones = job.lr_schedule.steps if isinstance(job.lr_schedule, Milestones) else ()
    late = [step for step in milestones if step >= job.steps]
    if late:
        raise InvalidSpec(
            f"The learning rate would change at step {late[0]}, but training ends at step {job.steps}. "
            "Give milestones before the end."
        )


def check_last_rate(job: Resolved) -> None:
    """Refuse to go on at the last learning rate of a schedule that ends at none. Raises InvalidSpec."""
    if isinstance(job.lr_schedule, Cosine):
        raise InvalidSpec(
            "A cosine ends at a learning rate of almost 0, and fine-tuning goes on at the last rate: it would train "
            "nothing. Take another schedule, or leave fine-tuning out."
        )


def check_layers(names: Collection[str], architecture: Architecture) -> None:
    """Refuse names of layers and kinds that the architecture has not. Raises InvalidSpec."""
    layers = {name for layer in architecture.layers for name in layer}
    if unknown := sorted(set(names) - layers):
        raise InvalidSpec(f"{architecture.name} has no layer {unknown[0]!r}. Known are: {', '.join(sorted(layers))}.")


def check_rates(job: Resolved, architecture: Architecture, excluded: Collection[str]) -> None:
    """Refuse rates by layer that leave a layer without one. Raises InvalidSpec."""
    schedule = job.spec.method.schedule if isinstance(job.spec, PruneSpec) else None
    rates = schedule.rate if isinstance(schedule, Iterative) else None
    if not isinstance(rates, Mapping):
        return
    check_layers(rates, architecture)
    pruned = [layer for layer in architecture.layers if layer[0] not in excluded]
    bare = [name for name, kind in pruned if name not in rates and kind not in rates]
    if bare:
        raise InvalidSpec(f"No rate for {', '.join(bare)}: give one for each layer, by name or by kind.")


def check_sparsity(job: Resolved, architecture: Architecture, excluded: Collection[str]) -> None:
    """Refuse a sparsity that, rounded to whole weights, masks none or all of them. Raises InvalidSpec."""
    target = job.spec.target if isinstance(job.spec, PruneSpec) else None
    if target is None or target.sparsity is None or not table_of(architecture.name).exists():
        return  # an architecture that is not in the tables has its counts once it is built
    shapes = tensors(architecture.name, len(job.facts.classes), job.facts.channels, job.facts.size)
    prunable = sum(prod(shapes[name]) for name, _ in architecture.layers if name not in excluded)
    if (zeros := zeros_for(target.sparsity, prunable)) in (0, prunable):
        said = "all, so that nothing is left to train: ask for less" if zeros else "none of them: ask for more"
        raise InvalidSpec(f"Of {prunable:,} prunable weights a sparsity of {target.sparsity} masks {said}.")
