from tests.conformance.unit_kind import UnitKindConformance, small_job
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


class TestReversedMask(UnitKindConformance):
    def is_it(self, place: Place) -> bool:
        return place.arm == "reversed_mask"


class TestFineTuned(UnitKindConformance):
    def is_it(self, place: Place) -> bool:
        return place.arm == "fine_tuned"


def test_every_kind_is_here() -> None:
    tried = {
        place.unit.kind
        for each in UnitKindConformance.__subclasses__()
        for place in places(small_job(), {})
        if each().is_it(place)
    }
    assert tried == set(VERSIONS)
