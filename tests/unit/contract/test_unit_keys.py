"""Keys: everything that decides the outcome is in them, and nothing else."""

from decimal import Decimal

from tests.support.lottery import digits_job
from winnow.contract.inputs import TrainInputs
from winnow.contract.units import Unit
from winnow.plan import places


def unit() -> Unit:
    return places(digits_job(), {})[0].unit


def renamed(unit: Unit, **recipe: object) -> Unit:
    inputs = unit.inputs.model_copy(update={"recipe": unit.inputs.recipe.model_copy(update=recipe)})
    return Unit(inputs=inputs, dataset=unit.dataset, cost=unit.cost)


class InputsWithOneMoreOption(TrainInputs):
    noise: Decimal | None = None


def test_an_option_that_comes_later_leaves_the_keys_of_those_who_do_not_use_it():
    older = unit()

    def newer(noise: Decimal | None) -> Unit:
        inputs = InputsWithOneMoreOption(**older.inputs.model_dump() | {"noise": noise})
        return Unit.model_construct(inputs=inputs, dataset=older.dataset, cost=older.cost)

    assert newer(None).key == older.key
    assert newer(Decimal("0.1")).key != older.key


def test_every_option_in_use_decides_the_key():
    keys = {
        unit().key,
        renamed(unit(), clip=Decimal(1)).key,
        renamed(unit(), patience=3).key,
        renamed(unit(), precision="bf16").key,
        renamed(unit(), subset=(0, 1)).key,
        renamed(unit(), seed=5).key,
    }
    assert len(keys) == 6
