"""What a unit leaves: the four files of its model, and its result."""

from collections.abc import Collection, Mapping

from winnow.artifact.header import Header, Provenance
from winnow.artifact.model import write_model as write_files
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.results import Check, Metrics, TensorCount, UnitResult
from winnow.contract.units import TORCH_RELEASE, ControlInputs, LevelInputs, Recipe, Unit
from winnow.lottery.multiplications import multiplications
from winnow.lottery.numerics import numerics_class
from winnow.lottery.selection import Mask, Masks
from winnow.lottery.state import network_arrays
from winnow.lottery.training import Training
from winnow.lottery.workspace import Workspace


def in_network_order(recipe: Recipe, masks: Mapping[str, Mask], exclude: Collection[str] = ()) -> dict[str, Mask]:
    """The masks in the order of the layers, which decides ties and the order of quotas; those excluded left out."""
    declared = masks.keys() - set(exclude)
    return {name: masks[name] for name, _ in ARCHITECTURES[recipe.architecture].layers if name in declared}


def counted(recipe: Recipe, masks: Masks) -> tuple[TensorCount, ...]:
    """Shapes and zeros by tensor, in the order of the layers."""
    return tuple(
        TensorCount(name=name, kind=kind, shape=masks[name].shape, zeros=int((~masks[name]).sum()))
        for name, kind in ARCHITECTURES[recipe.architecture].layers
        if name in masks
    )


def write_model(unit: Unit, workspace: Workspace, training: Training, masks: Masks, graph: bytes) -> None:
    """The model's four files. They name the unit, no job and no time."""
    inputs = unit.inputs
    header = Header(
        architecture=inputs.recipe.architecture,
        classes=unit.dataset.classes,
        preprocessing=training.split.preprocessing,
        provenance=Provenance(
            unit=unit.key,
            fingerprint=unit.dataset.fingerprint,
            torch=TORCH_RELEASE,
            numerics=numerics_class(inputs.resource),
            replicate=inputs.recipe.replicate,
            level=inputs.depth if isinstance(inputs, LevelInputs | ControlInputs) else 0,
        ),
    )
    write_files(workspace.outputs, graph, header, masks, network_arrays(training.network))


def result(
    training: Training, metrics: Metrics, masks: Masks, checks: tuple[Check, ...], *, steps_before: int
) -> UnitResult:
    """What was found; `run` adds files and time. `steps_before`: steps of the dense run that the arm builds on."""
    recipe = training.recipe
    cost = multiplications(recipe, [name for name, _ in ARCHITECTURES[recipe.architecture].layers])
    tensors = counted(recipe, masks)
    return UnitResult(
        metrics=metrics,
        tensors=tuple(tensor.model_copy(update={"multiplications": cost[tensor.name]}) for tensor in tensors),
        parameters=sum(parameter.numel() for parameter in training.network.parameters()),
        macs_dense=sum(training.network.get_parameter(name).numel() * times for name, times in cost.items()),
        start_step=training.first,
        end_step=training.step,
        total_steps=steps_before + training.step - training.first,
        checks=checks,
        curve=tuple(training.curve),
        numerics=numerics_class("gpu" if training.split.train.x.is_cuda else "cpu"),
        seconds=0.0,
    )
