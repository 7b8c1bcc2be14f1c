from tests.conformance.criterion import CriterionConformance
from winnow.contract.catalog.criteria import CRITERIA


class TestMagnitude(CriterionConformance):
    name = "magnitude"


class TestMagnitudePerCost(CriterionConformance):
    name = "magnitude_per_cost"


class TestRandom(CriterionConformance):
    name = "random"


class TestSnip(CriterionConformance):
    name = "snip"


class TestGrasp(CriterionConformance):
    name = "grasp"


class TestSynflow(CriterionConformance):
    name = "synflow"


class TestTaylor(CriterionConformance):
    name = "taylor"


class TestMagnitudeGradient(CriterionConformance):
    name = "magnitude_gradient"


def test_every_criterion_is_here() -> None:
    assert {each.name for each in CriterionConformance.__subclasses__()} == set(CRITERIA)
