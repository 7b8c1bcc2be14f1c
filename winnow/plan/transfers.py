"""The job kind `transfer`: a model's network, or its ticket's, on another data set, beside what it is compared with."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal

from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.tensors import lies_in
from winnow.contract.datasets import DatasetFacts
from winnow.contract.inputs import FeaturesInputs, LevelInputs, OutsideInputs, TrainInputs, TransferInputs
from winnow.contract.problems import InvalidSpec
from winnow.contract.recipes import Begin, Milestones, Recipe
from winnow.contract.specs.sweep import MOST_POINTS
from winnow.contract.specs.training import Sgd
from winnow.contract.specs.transfer import TICKETS, TRANSFER_ARMS, TransferArm, TransferSpec
from winnow.contract.units import Unit
from winnow.plan.chains import recipe_of
from winnow.plan.checks import check_budget, check_dropout, check_image
from winnow.plan.dataset_choice import settled_choice
from winnow.plan.modules import settled_fresh, settled_trainable, trained_modules
from winnow.plan.own_tickets import check_way, own_chain
from winnow.plan.place import Place
from winnow.plan.resolved import Resolved
from winnow.plan.sources import adapted_to, carried_head, granularity_of, is_sparse

LEVEL = 1
"""Of all arms: they are one row."""
UNMASKED: tuple[TransferArm, ...] = ("no_mask", "mask_random")
"""What there is of a model that masks nothing."""
_VALUES: Mapping[TransferArm, str] = {"mask_init": "init", "mask_rewound": "rewound", "mask_trained": "trained"}


def resolve_transfer(
    spec: TransferSpec, facts: DatasetFacts, resource: Literal["cpu", "gpu"], source: Sequence[Unit]
) -> Resolved:
    """Adapt the images to the model, and settle arms and modules. Raises InvalidSpec for what cannot be met."""
    model = source[0]
    architecture = ARCHITECTURES[model.network.architecture]
    adapted = adapted_to(model, spec.dataset, facts)
    check_dropout(architecture, spec.model)
    check_image(architecture, adapted)
    settled = spec.model_copy(
        update={
            "dataset": settled_choice(adapted),
            "resource": resource,
            "arms": _arms(spec, source),
            "trainable": settled_trainable(spec, model),
            "fresh": settled_fresh(spec, model),
        }
    )
    job = Resolved(spec=settled, dataset=adapted, resource=resource, source=tuple(source))
    check_budget(job, spec.train)
    if "own_ticket" in (settled.arms or ()):
        check_way(job)
    _check_alike(job, settled)
    return job


def fitted(job: Resolved) -> Resolved:
    """The job with those of its arms that its model came to have, now that it is known.

    Where results decided of it, it may mask nothing after all, or have been rewound to its very start.
    """
    if not isinstance(job.spec, TransferSpec):
        return job
    spec, begun = job.spec, dict[str, TransferArm]()
    sparse = is_sparse(job.source[0])
    for arm in spec.carried:
        if sparse or arm in UNMASKED:
            begun.setdefault(_begin(job, spec, arm).model_dump_json(), arm)
    kept = (*begun.values(), *(arm for arm in spec.arms or () if arm not in spec.carried)) or ("no_mask",)
    arms = tuple(arm for arm in TRANSFER_ARMS if arm in kept)
    left_out = tuple(arm for arm in spec.arms or () if arm not in kept)
    return job.model_copy(update={"spec": spec.model_copy(update={"arms": arms}), "left_out": left_out})


def transfers(job: Resolved) -> tuple[Place, ...]:
    """The model, the features of what is frozen of it, and every arm of every replicate."""
    return _transfers(job.model_dump_json())


@lru_cache(maxsize=MOST_POINTS)
def _transfers(resolved: str) -> tuple[Place, ...]:
    job = Resolved.model_validate_json(resolved)
    spec = job.spec
    assert isinstance(spec, TransferSpec)  # noqa: S101 - the caller's mistake
    found = {unit.key: Place(0, "source", 0, unit) for unit in _needed_of(job, spec)}
    for replicate in range(spec.replicates):
        for arm in spec.carried:
            for place in _arm(job, spec, arm, replicate):
                found.setdefault(place.unit.key, place)
        if "own_ticket" in (spec.arms or ()):  # where it is the model itself, it is shown as what it is held against
            found |= {place.unit.key: place for place in _own(job, replicate)}
    return tuple(found.values())


def _needed_of(job: Resolved, spec: TransferSpec) -> tuple[Unit, ...]:
    """The model, and the train unit that kept its state where an arm begins there."""
    kept = any(_begin(job, spec, arm).step is not None for arm in spec.carried)
    dense = _dense(job.source) if kept else None
    return job.source[:1] if dense is None or dense == job.source[0] else (job.source[0], dense)


def _own(job: Resolved, replicate: int) -> tuple[Place, ...]:
    *before, ticket = own_chain(job, replicate)
    chain = (Place(level, "own_chain", replicate, unit) for level, unit in enumerate(before))
    return (*chain, Place(LEVEL, "own_ticket", replicate, ticket))


def _arm(job: Resolved, spec: TransferSpec, arm: TransferArm, replicate: int) -> tuple[Place, ...]:
    model, dense, begin = job.source[0], _dense(job.source), _begin(job, spec, arm)
    recipe = recipe_of(job, replicate).model_copy(update={"architecture": model.network.architecture})
    begun = {
        "threads": spec.threads,
        "resource": job.resource,
        "model": model.key,
        "start": None if begin.step is None or dense is None else dense.key,
        "begin": begin,
    }
    places: tuple[Place, ...] = ()
    trainable = trained_modules(spec, model)
    if trainable is not None and not (recipe.augment.crop or recipe.augment.flip):
        before = {"recipe": _without_training(recipe, begin), "begin": begin.model_copy(update={"fresh": None})}
        shown = FeaturesInputs(**begun | before, trainable=trainable)
        images = sum(job.facts.sizes())
        places = (Place(LEVEL, "features", replicate, Unit(inputs=shown, dataset=job.facts, cost=max(1, images // 3))),)
    inputs = TransferInputs(
        **begun,
        recipe=recipe,
        processes=spec.processes,
        trainable=trainable,
        features=places[0].unit.key if places else None,
    )
    cost = job.steps * spec.train.batch_size
    return (*places, Place(LEVEL, arm, replicate, Unit(inputs=inputs, dataset=job.facts, cost=cost)))


def _without_training(recipe: Recipe, begin: Begin) -> Recipe:
    """What features depend on: images and network. All else is the same for everyone who trains on them."""
    fresh = begin.values == "random"
    replicate = recipe.replicate if fresh or begin.mask == "shuffled" else 0
    init = recipe.init if fresh else "torch"  # by which only a fresh head is drawn: it comes behind the features
    nothing = {"steps": 0, "batch_size": 1, "optimizer": Sgd(), "lr_schedule": Milestones(), "warmup": 0}
    plain = {"dropout": 0, "label_smoothing": 0, "clip": None, "precision": None, "patience": None}
    return Recipe.model_validate(recipe.model_dump() | {**nothing, **plain, "replicate": replicate, "init": init})


def _begin(job: Resolved, spec: TransferSpec, arm: TransferArm) -> Begin:
    model, origin = job.source[0], _origin(job.source)
    anew = lies_in(f"{ARCHITECTURES[job.architecture].head}.weight", spec.fresh or ())
    head = None if anew else carried_head(model, job.facts)
    ticket: TransferArm = next((one for one in TICKETS if one in (spec.arms or ())), "mask_trained")
    mask = {"random_mask": "shuffled", "no_mask": None}.get(arm, "ticket") if is_sparse(model) else None
    begins = "random" if arm == "mask_random" else _VALUES[arm if arm in TICKETS else ticket]
    if begins == "rewound" and _rewound_to(model) == 0 and origin is not None:
        begins = "init"
    if begins == "init" and origin is None:  # of a network from elsewhere θ_0 is what it came with
        begins = "trained" if isinstance(model.inputs, OutsideInputs) else "rewound"
    return Begin.model_validate(
        {
            "values": begins,
            "mask": mask,
            "granularity": granularity_of(model) if mask is not None else None,
            "step": _rewound_to(model) if begins == "rewound" else None,
            "origin": origin if begins == "init" else None,
            "head": head,
            "fresh": spec.fresh,
        }
    )


def _origin(source: Sequence[Unit]) -> Recipe | None:
    """What the model's training began with, where those were fresh values; None for all others."""
    dense = _dense(source)
    inputs = None if dense is None else dense.inputs
    return inputs.recipe if isinstance(inputs, TrainInputs) and inputs.begin is None else None


def _has_init(source: Sequence[Unit]) -> bool:
    """Whether the values at step 0 can be had: drawn anew, as they came from elsewhere, or as they were kept."""
    model = source[0]
    return _origin(source) is not None or isinstance(model.inputs, OutsideInputs) or _rewound_to(model) == 0


def _dense(source: Sequence[Unit]) -> Unit | None:
    """The train unit whose states the model comes from, perhaps its own."""
    inputs = source[0].inputs
    key = inputs.start if isinstance(inputs, LevelInputs) else source[0].key
    return next((unit for unit in source if unit.key == key and unit.kind == "train"), None)


def _rewound_to(model: Unit) -> int | None:
    match model.inputs:
        case LevelInputs(retrain=retrain) if retrain.weights == "rewound":
            return retrain.step
        case TrainInputs(keep_steps=kept):
            return kept[0]
    return None


def _arms(spec: TransferSpec, source: Sequence[Unit]) -> tuple[TransferArm, ...]:
    model = source[0]
    if spec.arms is None:
        return ("mask_trained", "no_mask", "random_mask", "mask_random") if is_sparse(model) else UNMASKED
    masked = [arm for arm in spec.arms if arm not in (*UNMASKED, "own_ticket")]
    if masked and not is_sparse(model):
        raise InvalidSpec(f"The model masks nothing, so there is no {masked[0]}. Its arms are no_mask and mask_random.")
    if "mask_init" in spec.arms and not _has_init(source):
        instead = "mask_trained" if _rewound_to(model) is None else "mask_rewound"
        raise InvalidSpec(
            "The model's training began with another model's values, and no state of step 0 was kept: take "
            f"{instead} for mask_init."
        )
    if "mask_rewound" in spec.arms and _rewound_to(model) is None:
        raise InvalidSpec("The model has no rewind point: leave mask_rewound out, or take mask_trained.")
    return tuple(arm for arm in TRANSFER_ARMS if arm in spec.arms)


def is_dense_too(job: Resolved, spec: TransferSpec, ticket: TransferArm) -> bool:
    """Whether a ticket and `no_mask` are one network: weights masked in training are 0, and what is frozen stays so."""
    begin = _begin(job, spec, ticket)
    if begin.values != "trained" or spec.trainable == "all":
        return False
    trained = trained_modules(spec, job.source[0]) or ()
    layers = ARCHITECTURES[job.architecture].layers
    carried = [name for name, kind in layers if kind != "output" or begin.head is not None]
    return not any(lies_in(name, trained) and not lies_in(name, spec.fresh or ()) for name in carried)


def _check_alike(job: Resolved, spec: TransferSpec) -> None:
    """Two arms that begin alike are one."""
    begun = dict[str, TransferArm]()
    for arm in spec.carried:
        other = begun.setdefault(_begin(job, spec, arm).model_dump_json(), arm)
        if other != arm:
            raise InvalidSpec(f"Of this model {other} and {arm} begin with the same values: name one of them.")
