"""What a unit leaves: the four files of its model, and its result."""

from collections.abc import Collection, Mapping
from typing import Literal

from torch import nn

from winnow.artifact.header import Header, Provenance
from winnow.artifact.model import write_model as write_files
from winnow.artifact.preprocessing import Preprocessing
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.problems import Reason
from winnow.contract.recipes import NetworkShape, Recipe
from winnow.contract.results import Check, Metrics, TensorCount, UnitResult
from winnow.contract.units import TORCH_RELEASE, Unit
from winnow.lottery.multiplications import multiplications
from winnow.lottery.numerics import numerics_class
from winnow.lottery.selection import Mask, Masks
from winnow.lottery.state import network_arrays
from winnow.lottery.training import Training
from winnow.lottery.units import evidence
from winnow.lottery.workspace import UnitFailed, Workspace


def in_network_order(recipe: Recipe, masks: Mapping[str, Mask], exclude: Collection[str] = ()) -> dict[str, Mask]:
    """The masks in the order of the layers, which decides ties and the order of quotas; those excluded left out.

    Raises UnitFailed where one of those masks something already: without it, training would bring that back.
    """
    if sparse := [name for name in exclude if name in masks and not masks[name].all()]:
        raise UnitFailed(
            Reason.USER_ERROR,
            f"{sparse[0]} is excluded from pruning, but the model masks {int((~masks[sparse[0]]).sum())} of its "
            "weights already. Exclude only layers that it keeps whole.",
        )
    declared = masks.keys() - set(exclude)
    return {name: masks[name] for name, _ in ARCHITECTURES[recipe.architecture].layers if name in declared}


def counted(architecture: str, masks: Masks) -> tuple[TensorCount, ...]:
    """Shapes and zeros by tensor, in the order of the layers."""
    return tuple(
        TensorCount(name=name, kind=kind, shape=masks[name].shape, zeros=int((~masks[name]).sum()))
        for name, kind in ARCHITECTURES[architecture].layers
        if name in masks
    )


def header(unit: Unit, preprocessing: Preprocessing) -> Header:
    """What a model's files say of it. They name the unit, no job and no time."""
    return Header(
        architecture=unit.network.architecture,
        classes=unit.classes,
        preprocessing=preprocessing,
        provenance=Provenance(
            unit=unit.key,
            fingerprint=unit.dataset.fingerprint if unit.dataset else None,
            torch=TORCH_RELEASE,
            numerics=numerics_class(unit.inputs.resource),
            replicate=unit.replicate,
            level=unit.level,
        ),
    )


def write_model(unit: Unit, workspace: Workspace, training: Training, masks: Masks, graph: bytes) -> None:
    """The model's four files."""
    said = header(unit, training.split.preprocessing)
    write_files(workspace.outputs, graph, said, masks, network_arrays(training.network))


def result(
    training: Training, metrics: Metrics, masks: Masks, checks: tuple[Check, ...], *, steps_before: int
) -> UnitResult:
    """What was found; `run` adds files and this try's time. `steps_before`: of the dense run that the arm builds on."""
    shape = training.recipe.network
    resource: Literal["cpu", "gpu"] = "gpu" if training.split.train.device.type == "cuda" else "cpu"
    all_checks = (*checks, *evidence.alike_in_all_processes(training))
    return untrained(shape, training.network, masks, all_checks, resource).model_copy(
        update={
            "metrics": metrics,
            "start_step": training.first,
            "end_step": training.step,
            "total_steps": steps_before + training.step - training.first,
            "curve": tuple(training.curve),
            "seconds": training.seconds_before,
        }
    )


def untrained(
    shape: NetworkShape, network: nn.Module, masks: Masks, checks: tuple[Check, ...], resource: Literal["cpu", "gpu"]
) -> UnitResult:
    """What is known of a network under masks without any training: what it has, and what it costs."""
    cost = multiplications(shape, [name for name, _ in ARCHITECTURES[shape.architecture].layers])
    tensors = counted(shape.architecture, masks)
    return UnitResult(
        tensors=tuple(tensor.model_copy(update={"multiplications": cost[tensor.name]}) for tensor in tensors),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        macs_dense=sum(network.get_parameter(name).numel() * times for name, times in cost.items()),
        checks=checks,
        numerics=numerics_class(resource),
        seconds=0.0,
    )
