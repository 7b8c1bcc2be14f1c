"""From the data set that was found to the part of it that a job asks for."""

from decimal import Decimal

from winnow.contract.datasets import MAX_DECODED, DatasetFacts
from winnow.contract.problems import InvalidSpec
from winnow.contract.specs.choices import DatasetChoice
from winnow.plan.knowing import known


def chosen(choice: DatasetChoice, facts: DatasetFacts) -> DatasetFacts:
    """The facts of what the choice leaves of a data set. Raises InvalidSpec for what it has not."""
    _check_fingerprint(choice, facts)
    _check_one_size(choice, facts)
    adapted = {"size": choice.size or facts.size, "channels": choice.channels or facts.channels}
    whole = facts.model_copy(update={"fraction": choice.fraction, **adapted})
    taken = _of_classes(whole, choice.classes) if choice.classes else whole
    _check_sizes(taken)
    _check_fraction(taken)
    _check_memory(facts, taken)
    return taken


def settled_choice(facts: DatasetFacts) -> DatasetChoice:
    """The choice that gives these facts, every parameter written out; `classes` only where it is not all of them."""
    return DatasetChoice(
        name=facts.name,
        fingerprint=facts.fingerprint,
        classes=facts.classes if facts.subset_of else None,
        fraction=facts.fraction,
        size=facts.size,
        channels=facts.channels,
    )


def _of_classes(facts: DatasetFacts, names: tuple[str, ...]) -> DatasetFacts:
    if names == facts.classes:
        return facts
    index_of = {name: index for index, name in enumerate(facts.classes)}
    places = [known(f"class of {facts.name!r}", name, index_of) for name in names]
    return facts.model_copy(
        update={
            "classes": names,
            "counts": tuple(facts.counts[place] for place in places),
            "test_counts": facts.test_counts and tuple(facts.test_counts[place] for place in places),
            "superclasses": facts.superclasses and tuple(facts.superclasses[place] for place in places),
            "subset_of": facts,
        }
    )


def _check_fingerprint(choice: DatasetChoice, facts: DatasetFacts) -> None:
    if choice.fingerprint not in (None, facts.fingerprint):
        raise InvalidSpec(
            f"The data set {facts.name!r} has the fingerprint {facts.fingerprint}, not the one the spec asks for: "
            "its content has changed. Leave the fingerprint out to take it as it is."
        )


def _check_one_size(choice: DatasetChoice, facts: DatasetFacts) -> None:
    if facts.sizes_differ and choice.size is None:
        raise InvalidSpec(
            f"The images of {facts.name!r} differ in size: say what to resize all of them to, height and width, as in "
            f'"dataset": {{"name": "{facts.name}", "size": [224, 224]}}.'
        )


def _check_sizes(facts: DatasetFacts) -> None:
    sizes = facts.sizes()
    if min(sizes) < 1:
        raise InvalidSpec(
            f"The data set {facts.name!r} is too small to split: {sizes.train} training, {sizes.validation} validation "
            f"and {sizes.test} test images. Each part needs one at least."
        )


def _check_fraction(facts: DatasetFacts) -> None:
    everything = facts.whole.model_copy(update={"fraction": Decimal(1)})
    counts = dict(zip(everything.classes, everything.class_counts().train, strict=True))
    for name, left in zip(facts.classes, facts.class_counts().train, strict=True):
        if counts[name] and not left:
            raise InvalidSpec(
                f"Of the {counts[name]} training images of class {name!r}, a fraction of {facts.fraction} leaves none. "
                "Raise it, or name in `classes` those that have enough."
            )


def _check_memory(found: DatasetFacts, asked: DatasetFacts) -> None:
    if asked.source != "folder" and asked.decoded > max(MAX_DECODED, found.decoded):  # a folder can be streamed
        height, width = asked.size
        raise InvalidSpec(
            f"At {height}×{width} pixels and {asked.channels} channel(s), the images of {asked.name!r} have "
            f"{asked.decoded:,} bytes, more than {MAX_DECODED:,}: training holds them all in memory. Ask for a smaller "
            "size."
        )
