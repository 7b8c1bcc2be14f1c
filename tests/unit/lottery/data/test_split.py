"""The three splits: disjoint, stratified, exactly of the facts' sizes, drawn from what they may depend on."""

from decimal import Decimal

import numpy as np
import torch
from hypothesis import given, reject
from hypothesis import strategies as st

from winnow.artifact.preprocessing import Preprocessing, normalise
from winnow.contract.datasets import TEST_FRACTION, VALIDATION_FRACTION, DatasetFacts, split_counts
from winnow.contract.problems import InvalidSpec
from winnow.contract.seeds import seed_for
from winnow.contract.specs.choices import DatasetChoice
from winnow.lottery.data import Images, Part, split
from winnow.lottery.data.normalise import Normalisation
from winnow.lottery.data.statistics import measured
from winnow.plan.dataset_choice import chosen

COUNTS = st.lists(st.integers(2, 60), min_size=2, max_size=6).filter(lambda counts: sum(counts) >= 10)
SEEDS = st.integers(0, 2**63 - 1)
FINGERPRINTS = st.integers(0, 2**256 - 1).map("{:064x}".format)


def _numbered(counts: tuple[int, ...], seed: int = 0, first: int = 0) -> Part:
    """Images that can be told apart: each holds its own number, in bytes; classes lie mixed."""
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    numbers = np.arange(first, first + len(y), dtype=np.uint32)
    return Part(torch.from_numpy(numbers.view(np.uint8).reshape(-1, 1, 2, 2)), torch.from_numpy(y))


def _numbers(part: Part) -> list[int]:
    return np.ascontiguousarray(part.x.numpy()).reshape(-1, 4).view(np.uint32).flatten().tolist()


def _facts(counts: tuple[int, ...], fingerprint: str = "0" * 64, tested: tuple[int, ...] | None = None) -> DatasetFacts:
    return DatasetFacts(
        name="numbered",
        fingerprint=fingerprint,
        source="folder",
        format="folder",
        classes=tuple(f"class {index}" for index in range(len(counts))),
        channels=1,
        size=(2, 2),
        counts=counts,
        test_counts=tested,
    )


def _per_class(part: Part, classes: int) -> tuple[int, ...]:
    return tuple(torch.bincount(part.y, minlength=classes).tolist())


@given(counts=COUNTS, seed=SEEDS)
def test_of_each_class_the_first_in_the_drawn_order_are_validation(counts: list[int], seed: int) -> None:
    """As the sentence says, class by class."""
    whole, tested = _numbered(tuple(counts)), _numbered(tuple(counts), first=10_000)
    taken = split_counts(tuple(counts), VALIDATION_FRACTION)
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(seed_for(seed, "split")))
    expected = {
        int(row) for label, count in enumerate(taken) for row in [r for r in order if whole.y[r] == label][:count]
    }
    cut = split(Images(whole, tested), _facts(tuple(counts), tested=tuple(counts)), seed)
    assert _numbers(cut.validation) == sorted(expected)


@given(counts=COUNTS, seed=SEEDS, fingerprint=FINGERPRINTS)
def test_every_image_is_in_one_split_and_sizes_are_those_of_the_facts(
    counts: list[int], seed: int, fingerprint: str
) -> None:
    facts, whole = _facts(tuple(counts), fingerprint), _numbered(tuple(counts))
    cut = split(Images(whole, None), facts, seed)
    parts = (cut.train, cut.validation, cut.test)
    assert tuple(map(len, parts)) == facts.sizes()
    assert sorted(number for part in parts for number in _numbers(part)) == list(range(sum(counts)))
    labels = dict(zip(_numbers(whole), whole.y.tolist(), strict=True))
    for part in parts:
        assert [labels[number] for number in _numbers(part)] == part.y.tolist()
        assert part.x.is_contiguous()


@given(counts=COUNTS, seed=SEEDS, fingerprint=FINGERPRINTS)
def test_each_class_has_its_share_of_each_split(counts: list[int], seed: int, fingerprint: str) -> None:
    cut = split(Images(_numbered(tuple(counts)), None), _facts(tuple(counts), fingerprint), seed)
    tested = split_counts(tuple(counts), TEST_FRACTION)
    rest = tuple(count - taken for count, taken in zip(counts, tested, strict=True))
    assert _per_class(cut.test, len(counts)) == tested
    assert _per_class(cut.validation, len(counts)) == split_counts(rest, VALIDATION_FRACTION)
    for count, taken in zip(counts, tested, strict=True):
        assert abs(taken - 0.2 * count) < 1


@given(counts=COUNTS, seeds=st.tuples(SEEDS, SEEDS), fingerprint=FINGERPRINTS)
def test_no_job_trains_on_the_test_images_of_another(
    counts: list[int], seeds: tuple[int, int], fingerprint: str
) -> None:
    facts = _facts(tuple(counts), fingerprint)
    one, other = (split(Images(_numbered(tuple(counts)), None), facts, seed) for seed in seeds)
    assert _numbers(one.test) == _numbers(other.test)


def test_validation_follows_the_seed_and_test_the_fingerprint() -> None:
    counts = (40, 40)
    images = Images(_numbered(counts), None)
    one, other = (split(images, _facts(counts), seed) for seed in (0, 1))
    assert _numbers(one.validation) != _numbers(other.validation)
    assert _numbers(one.test) != _numbers(split(images, _facts(counts, "1" * 64), 0).test)
    again = split(images, _facts(counts), 0)
    assert _numbers(again.train) == _numbers(one.train)
    assert _numbers(again.validation) == _numbers(one.validation)


@given(counts=COUNTS, seed=SEEDS)
def test_an_official_test_set_stays_whole(counts: list[int], seed: int) -> None:
    official = _numbered((3,) * len(counts), first=10_000)
    facts = _facts(tuple(counts), tested=(3,) * len(counts))
    cut = split(Images(_numbered(tuple(counts)), official), facts, seed)
    assert _numbers(cut.test) == _numbers(official)
    assert (len(cut.train), len(cut.validation), len(cut.test)) == facts.sizes()
    assert _per_class(cut.validation, len(counts)) == split_counts(tuple(counts), VALIDATION_FRACTION)


def test_the_mean_is_that_of_the_training_split_alone() -> None:
    counts = (30, 30)
    cut = split(Images(_numbered(counts), None), _facts(counts), 0)
    pixels = cut.train.x.numpy().astype(np.float64) / 255
    assert cut.preprocessing.mean == (np.mean(pixels),)
    np.testing.assert_allclose(cut.preprocessing.std, np.std(pixels), rtol=1e-12)
    everything = measured(torch.cat([cut.train.x, cut.validation.x, cut.test.x]))
    assert everything != cut.preprocessing


def test_each_channel_has_its_own_mean() -> None:
    x = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (5000, 3, 4, 4), dtype=np.uint8))
    x[:, 1] //= 3
    found = measured(x)
    pixels = x.numpy().astype(np.float64).transpose(1, 0, 2, 3).reshape(3, -1) / 255
    np.testing.assert_allclose(found.mean, pixels.mean(1), rtol=1e-12)
    np.testing.assert_allclose(found.std, pixels.std(1), rtol=1e-12)
    shuffled = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(1))]
    assert measured(shuffled) == found


def test_a_channel_that_never_changes_is_not_divided_by_nothing() -> None:
    found = measured(torch.full((10, 1, 2, 2), 51, dtype=torch.uint8))
    assert (found.mean, found.std) == ((0.2,), (1.0,))


@given(mean=st.floats(0, 1), std=st.floats(1e-3, 1))
def test_training_and_prediction_normalise_to_the_same_bits(mean: float, std: float) -> None:
    preprocessing = Preprocessing(channels=3, size=(16, 16), mean=(mean, 0.5, 0.1), std=(std, 0.2, 0.3))
    images = np.arange(768, dtype=np.uint16).astype(np.uint8).reshape(1, 16, 16, 3)
    planes = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    trained_on = Normalisation(preprocessing, torch.device("cpu"))(planes)
    predicted_on = normalise(images, preprocessing)
    assert predicted_on.dtype == np.float32
    assert trained_on.numpy().tobytes() == predicted_on.tobytes()
    np.testing.assert_allclose(predicted_on[0, 0], (images[0, :, :, 0] / 255 - mean) / std, rtol=1e-3, atol=1e-3)


def _subset(facts: DatasetFacts, places: list[int]) -> DatasetFacts:
    names = [facts.classes[place] for place in places]
    return chosen(DatasetChoice(name=facts.name, classes=tuple(names)), facts)


@given(counts=COUNTS.filter(lambda counts: len(counts) > 1), seed=SEEDS, data=st.data())
def test_a_subset_has_the_images_that_its_classes_have_in_the_whole(
    counts: list[int], seed: int, data: st.DataObject
) -> None:
    """So no subset trains on what the whole, or another subset, tests on."""
    facts, images = _facts(tuple(counts)), Images(_numbered(tuple(counts)), None)
    places = data.draw(st.permutations(range(len(counts))))[: data.draw(st.integers(2, len(counts)))]
    try:
        subset = _subset(facts, places)
    except InvalidSpec:
        reject()  # a split of these classes would be empty
    whole, cut = split(images, facts, seed), split(images, subset, seed)
    for part, of in ((cut.train, whole.train), (cut.validation, whole.validation), (cut.test, whole.test)):
        wanted = [(number, label) for number, label in zip(_numbers(of), of.y.tolist(), strict=True) if label in places]
        assert list(zip(_numbers(part), (places[label] for label in part.y), strict=True)) == wanted
    per_class = subset.class_counts()
    found = tuple(_per_class(part, len(places)) for part in (cut.train, cut.validation, cut.test))
    assert found == tuple(per_class)
    assert cut.preprocessing == measured(cut.train.x)


def test_a_subset_of_an_official_test_set_is_relabelled_in_the_order_given() -> None:
    facts, official = _facts((20, 20, 20), tested=(3, 3, 3)), _numbered((3, 3, 3), first=10_000)
    cut = split(Images(_numbered((20, 20, 20)), official), _subset(facts, [2, 0]), 0)
    labels = dict(zip(_numbers(official), official.y.tolist(), strict=True))
    assert [labels[number] for number in _numbers(cut.test)] == [{0: 2, 1: 0}[label] for label in cut.test.y.tolist()]
    assert len(cut.test) == 6


@given(
    counts=st.lists(st.integers(20, 60), min_size=2, max_size=5),
    seed=SEEDS,
    fractions=st.lists(st.integers(5, 100), min_size=2, max_size=2),
    tested=st.booleans(),
)
def test_a_fraction_of_the_training_split_lies_in_a_larger_one_and_nothing_else_changes(
    counts: list[int], seed: int, fractions: list[int], tested: bool
) -> None:
    official = _numbered((3,) * len(counts), first=10_000) if tested else None
    facts = _facts(tuple(counts), tested=(3,) * len(counts) if tested else None)
    images = Images(_numbered(tuple(counts)), official)
    whole, small, large = (
        split(images, facts.model_copy(update={"fraction": Decimal(percent) / 100}), seed)
        for percent in (100, *sorted(fractions))
    )
    assert set(_numbers(small.train)) <= set(_numbers(large.train)) <= set(_numbers(whole.train))
    for cut, percent in ((small, min(fractions)), (large, max(fractions))):
        per_class = zip(_per_class(cut.train, len(counts)), _per_class(whole.train, len(counts)), strict=True)
        assert all(abs(taken - count * percent / 100) <= 0.5 for taken, count in per_class)
        for part, same in ((cut.validation, whole.validation), (cut.test, whole.test)):
            assert torch.equal(part.x, same.x)
            assert torch.equal(part.y, same.y)
        assert cut.preprocessing == measured(cut.train.x)


def test_a_fraction_of_a_subset_is_the_subset_of_the_fraction() -> None:
    facts, images = _facts((40, 50, 60)), Images(_numbered((40, 50, 60)), None)
    whole = split(images, facts.model_copy(update={"fraction": Decimal("0.3")}), 0)
    choice = DatasetChoice(name=facts.name, classes=(facts.classes[2], facts.classes[0]), fraction=Decimal("0.3"))
    facts = chosen(choice, facts)
    cut = split(images, facts, 0)
    assert _numbers(cut.train) == [n for n, y in zip(_numbers(whole.train), whole.train.y, strict=True) if y != 1]
    assert _per_class(cut.train, 2) == facts.class_counts().train == (13, 9)


def test_another_seed_takes_another_fraction() -> None:
    facts = _facts((40, 40), tested=(3, 3)).model_copy(update={"fraction": Decimal("0.5")})
    images = Images(_numbered((40, 40)), _numbered((3, 3), first=10_000))
    assert _numbers(split(images, facts, 0).train) != _numbers(split(images, facts, 1).train)


def test_a_split_knows_the_superclasses_of_the_classes_it_has() -> None:
    facts = _facts((20, 30, 25)).model_copy(update={"superclasses": (1, 0, 1)})
    images = Images(_numbered(facts.counts), None)
    assert split(images, facts, 0).to("cpu").superclasses == (1, 0, 1)
    some = chosen(DatasetChoice(name="numbered", classes=("class 2", "class 1")), facts)
    assert split(images, some, 0).superclasses == (1, 0)
