from tests.conformance.unit_kind import UnitKindConformance
from tests.support.lottery import digits_job
from winnow.contract.units import VERSIONS
from winnow.plan import Place, places


class TestTrain(UnitKindConformance):
    def is_it(self, place: Place) -> bool:
        return place.unit.kind == "train"


class TestLevel(UnitKindConformance):
    def is_it(self, place: Place) -> bool:
        return place.unit.kind == "level" and place.level == 2


class TestRandomReinit(UnitKindConformance):
    def is_it(self, place: Place) -> bool:
        return place.arm == "random_reinit"


class TestRandomMask(UnitKindConformance):
    def is_it(self, place: Place) -> bool:
        return place.arm == "random_mask"


def test_every_kind_is_here() -> None:
    tried = {
        place.unit.kind
        for each in UnitKindConformance.__subclasses__()
        for place in places(digits_job(), {})
        if each().is_it(place)
    }
    assert tried == set(VERSIONS)
