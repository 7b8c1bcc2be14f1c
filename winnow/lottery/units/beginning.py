"""What a transferred network begins with: a model's values, or others, under its mask, with its head or a fresh one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from winnow.artifact.header import Header
from winnow.artifact.masks import read_masks
from winnow.artifact.preprocessing import Preprocessing
from winnow.artifact.weights import read_metadata, read_tensors
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.tensors import lies_in
from winnow.contract.inputs import FeaturesInputs, TrainInputs, TransferInputs
from winnow.contract.recipes import Begin
from winnow.contract.results import Check
from winnow.contract.seeds import seed_for
from winnow.lottery.data.images import Split
from winnow.lottery.inits import initial
from winnow.lottery.pieces import pieces
from winnow.lottery.selection import Mask, shuffled
from winnow.lottery.state import Array, Arrays, read_state
from winnow.lottery.units.outcome import in_network_order
from winnow.lottery.workspace import Workspace

Begun = TransferInputs | FeaturesInputs | TrainInputs


@dataclass(frozen=True)
class Beginning:
    """Values of every tensor, masks over those that are pruned, and how the model's images were normalised."""

    values: Arrays
    masks: Mapping[str, Mask]
    ticket: Mapping[str, Mask]
    """The model's own masks, of the tensors that are carried."""
    whole: tuple[Check, ...]
    """Of masks that were shuffled in pieces: that none of these was torn."""
    preprocessing: Preprocessing

    def split(self, split: Split) -> Split:
        """The images, of whatever size, normalised as the model's own were."""
        size = {"size": split.preprocessing.size}
        return replace(split, preprocessing=self.preprocessing.model_copy(update=size))


def beginning(inputs: Begun, workspace: Workspace) -> Beginning:
    """As the inputs say. The random arms draw by replicate: from its seed, never from the model's."""
    recipe, begin = inputs.recipe, _begin(inputs)
    weights, metadata = read_tensors(workspace.inputs["model/weights.safetensors"])
    head = head_of(recipe.architecture)
    found = in_network_order(recipe, read_masks(workspace.inputs["model/mask.safetensors"]))
    ticket = _carried(found, head, begin)
    masks, whole = _masks(inputs, ticket, found)
    values = _with_head(_values(inputs, workspace, weights), inputs)
    under = {
        name: np.where(masks[name], array, 0).astype(array.dtype) if name in masks else array
        for name, array in values.items()
    }
    return Beginning(under, masks, ticket, whole, Header.of_metadata(metadata).preprocessing)


def as_at_the_start(workspace: Workspace, split: Split) -> Split:
    """The images as the train unit in the role `start` was shown them: like those of the model that it began with."""
    metadata = read_metadata(workspace.inputs["start/weights.safetensors"])
    return replace(split, preprocessing=Header.of_metadata(metadata).preprocessing)


def head_of(architecture: str) -> tuple[str, str]:
    """The tensors of the output layer: its weight, and its bias if it has one."""
    module = ARCHITECTURES[architecture].head
    return f"{module}.weight", f"{module}.bias"


def _is_fresh(tensor: str, begin: Begin) -> bool:
    return lies_in(tensor, begin.fresh or ())


def _begin(inputs: Begun) -> Begin:
    assert inputs.begin is not None  # noqa: S101 - the caller's mistake: a fresh network begins nowhere
    return inputs.begin


def _carried(masks: Mapping[str, Mask], head: Collection[str], begin: Begin) -> dict[str, Mask]:
    """Masks for the new classes: a fresh head has none, and no module that begins anew."""
    kept = {name: mask for name, mask in masks.items() if not _is_fresh(name, begin)}
    if begin.head is None:
        return {name: mask for name, mask in kept.items() if name not in head}
    places = list(begin.head)
    return {name: mask[places] if name in head else mask for name, mask in kept.items()}


def _masks(
    inputs: Begun, ticket: Mapping[str, Mask], found: Mapping[str, Mask]
) -> tuple[dict[str, Mask], tuple[Check, ...]]:
    recipe, begin = inputs.recipe, _begin(inputs)
    match begin.mask:
        case "ticket":
            return dict(ticket), ()
        case "shuffled":  # inside each layer
            seed = seed_for(recipe.seed, "random_mask", recipe.replicate)
            if begin.granularity is None:
                return shuffled(ticket, seed), ()
            head = head_of(recipe.architecture)
            # Pieces reach into the model's own head. Where that has no mask, it may be a fresh one in the place of one
            # that channels were cut from: they may move as if it had one.
            classes = len(found[head[0]]) if head[0] in found else recipe.classes
            names = {head[0]: np.ones(0, np.bool_), **found}
            moving = pieces(begin.granularity, recipe.model_copy(update={"classes": classes}), names)
            moved = moving.shuffled(found, seed)
            return _carried(moved, head, begin), moving.whole(moved)
    return {name: np.ones_like(mask) for name, mask in ticket.items()}, ()


def _values(inputs: Begun, workspace: Workspace, trained: Arrays) -> Arrays:
    begin, recipe = _begin(inputs), inputs.recipe
    if begin.origin is not None:
        return initial(begin.origin, seed_for(begin.origin.seed, "init", begin.origin.replicate))
    if begin.step is not None:
        return read_state(workspace.inputs[f"start/state-{begin.step}.safetensors"]).network
    if begin.values == "random":
        return initial(recipe, seed_for(recipe.seed, "random_reinit", recipe.replicate))
    return trained


def _with_head(values: Arrays, inputs: Begun) -> dict[str, Array]:
    """The same with a fresh head, the same one in every arm; or with the model's head in the order of the classes.

    Modules that begin anew are drawn with the head, whether that is fresh or not.
    """
    recipe, begin, own = inputs.recipe, _begin(inputs), dict(values)
    head = [name for name in head_of(recipe.architecture) if name in own]
    if begin.head is None or begin.fresh is not None:
        fresh = initial(recipe, seed_for(recipe.seed, "head", recipe.replicate))
        own |= {name: fresh[name] for name in own if _is_fresh(name, begin) or (begin.head is None and name in head)}
    if begin.head is None or begin.values == "random":
        return own
    places = list(begin.head)
    return own | {name: own[name][places] for name in head}
