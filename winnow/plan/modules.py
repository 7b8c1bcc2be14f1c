"""The modules that a transfer names: which of them train, and which begin anew."""

from collections.abc import Collection
from typing import Literal

from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.tensors import lies_in, tensors
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.granularity import WholeChannels
from winnow.contract.specs.transfer import TransferSpec
from winnow.contract.units import Unit
from winnow.plan.sources import granularity_of, is_sparse


def settled_trainable(spec: TransferSpec, model: Unit) -> Literal["all", "head"] | tuple[str, ...]:
    """What trains, by full names. Raises InvalidSpec for a module that the model has not."""
    return spec.trainable if isinstance(spec.trainable, str) else _named(spec.trainable, model)


def settled_fresh(spec: TransferSpec, model: Unit) -> tuple[str, ...] | None:
    """What begins anew beside the head, by full names. Raises InvalidSpec for what it cannot be."""
    if spec.fresh is None:
        return None
    if is_sparse(model) and isinstance(granularity_of(model), WholeChannels):
        raise InvalidSpec("The model's channels reach through all its layers, so none begins anew: leave `fresh` out.")
    found, trained = _named(spec.fresh, model), trained_modules(spec, model)
    frozen = [name for name in found if trained is not None and not lies_in(f"{name}.weight", trained)]
    if frozen:
        raise InvalidSpec(f"{frozen[0]!r} would keep the values that were drawn for it: name it in `trainable` too.")
    return found


def trained_modules(spec: TransferSpec, model: Unit) -> tuple[str, ...] | None:
    """The modules that train, the head among them; None where all do.

    Dropout is training too, so where it acts nothing stands still.
    """
    trainable, architecture = settled_trainable(spec, model), ARCHITECTURES[model.network.architecture]
    if trainable == "all":
        return None
    named = () if trainable == "head" else trainable
    dropped = architecture.dropout if spec.model.dropout else ()
    return tuple(sorted({architecture.head, *named, *dropped}))


def _named(names: Collection[str], model: Unit) -> tuple[str, ...]:
    parts = [tensor.split(".")[:-1] for tensor in tensors(*model.network)]
    known = {".".join(part[:end]) for part in parts for end in range(1, len(part) + 1)}
    return tuple(sorted({_full_name(name, known, model) for name in names}))


def _full_name(name: str, known: Collection[str], model: Unit) -> str:
    """The module of that name, or the only one whose name ends so: `denseblock3` is `features.denseblock3`."""
    found = [name] if name in known else [module for module in known if module.endswith(f".{name}")]
    if len(found) == 1:
        return found[0]
    architecture = model.network.architecture
    if found:
        raise InvalidSpec(f"{architecture} has several modules {name!r}. Name one of: {', '.join(sorted(found))}.")
    first = sorted({module.split(".")[0] for module in known})
    raise InvalidSpec(
        f"{architecture} has no module {name!r} with weights. Known are: {', '.join(first)}, and those inside them."
    )
