"""The model that a job begins with: what it masks, which classes it knows, which images it takes."""

from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.tensors import tensors
from winnow.contract.datasets import DatasetFacts
from winnow.contract.inputs import BroughtInputs, LevelInputs, PretrainedInputs, TrainInputs, TransferInputs
from winnow.contract.problems import InvalidSpec
from winnow.contract.recipes import Begin, NetworkShape
from winnow.contract.specs.brought import BroughtSpec
from winnow.contract.specs.choices import DatasetChoice
from winnow.contract.specs.granularity import Granularity
from winnow.contract.units import Unit
from winnow.plan.capacity import check_values
from winnow.plan.dataset_choice import chosen


def brought(spec: BroughtSpec, weights: str, mask: str | None) -> Unit:
    """The unit that makes a model of these files, named by their SHA-256. Raises InvalidSpec for too large a one."""
    check_values(NetworkShape(spec.architecture, len(spec.classes), spec.input.channels, spec.input.size))
    inputs = BroughtInputs(
        architecture=spec.architecture,
        classes=spec.classes,
        channels=spec.input.channels,
        size=spec.input.size,
        mean=spec.input.mean,
        std=spec.input.std,
        weights=weights,
        mask=mask,
        zeros=spec.zeros,
    )
    return Unit(inputs=inputs, cost=1)


def pretrained(name: str) -> Unit:
    """The unit that makes a model of an architecture's published weights. Raises InvalidSpec where there are none."""
    entry = ARCHITECTURES.get(name)
    if entry is None or entry.pretrained is None:
        able = ", ".join(sorted(name for name, entry in ARCHITECTURES.items() if entry.pretrained))
        raise InvalidSpec(f"There are no pretrained weights for {name!r}. Leave `weights` out, or take one of: {able}.")
    found = entry.pretrained
    inputs = PretrainedInputs(
        architecture=name, channels=3, size=found.size, mean=found.mean, std=found.std, file=found.file
    )
    return Unit(inputs=inputs, cost=1)


def adapted_to(model: Unit, choice: DatasetChoice, facts: DatasetFacts) -> DatasetFacts:
    """The part of a data set that is chosen, its images as the model takes them unless the choice says how.

    Raises InvalidSpec where the model cannot take them.
    """
    network = model.network
    adapting = {"channels": choice.channels or network.channels, "size": choice.size or network.size}
    adapted = chosen(choice.model_copy(update=adapting), facts)
    if tensors(*network) != tensors(*network._replace(channels=adapted.channels, size=adapted.size)):
        height, width = network.size
        raise InvalidSpec(
            f"The model takes images of {network.channels} channel(s) and {height}×{width} pixels; for others "
            f"{network.architecture} has other weights. Leave the data set's `size` and `channels` out."
        )
    return adapted


def is_sparse(model: Unit) -> bool:
    """Whether it masks anything, as far as its recipe says."""
    match model.inputs:
        case LevelInputs():
            return True
        case BroughtInputs(mask=mask, zeros=zeros):
            return mask is not None or zeros is not None
        case TransferInputs(begin=begin) | TrainInputs(begin=Begin() as begin):
            return begin.mask is not None
    return False


def granularity_of(model: Unit) -> Granularity | None:
    """The pieces that a model was pruned in, however often it was carried on; of one from elsewhere nobody knows."""
    match model.inputs:
        case LevelInputs(granularity=granularity):
            return granularity
        case TransferInputs(begin=begin) | TrainInputs(begin=Begin() as begin):
            return begin.granularity
    return None


def carried_head(model: Unit, facts: DatasetFacts) -> tuple[int, ...] | None:
    """Where the model has each class of the data set, if it has just these."""
    if set(model.classes) != set(facts.classes):
        return None
    index_of = {name: index for index, name in enumerate(model.classes)}
    return tuple(index_of[name] for name in facts.classes)


def begins(model: Unit | None, facts: DatasetFacts) -> dict[str, object]:
    """What a train unit begins with, as fields of its inputs: nothing for a fresh network."""
    if model is None:
        return {}
    sparse = is_sparse(model)
    begin = Begin(
        values="trained",
        mask="ticket" if sparse else None,
        granularity=granularity_of(model) if sparse else None,
        head=carried_head(model, facts),
    )
    return {"model": model.key, "begin": begin}
