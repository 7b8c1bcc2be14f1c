from pathlib import Path

import pytest

from tests.conformance.unit_kind import UnitKindConformance, searching_job
from tests.support.brought import brought_unit, safetensors, weights
from tests.support.lottery import digits_job, do, do_all
from tests.support.published import NETWORK, data_dir, pretrained_unit, squeezenet
from tests.support.transfers import source_job, transfer_job
from winnow.contract.catalog.datasets import DATASETS
from winnow.contract.specs.choices import DatasetChoice, ModelChoice
from winnow.contract.specs.jobs import EvaluateSpec
from winnow.contract.units import VERSIONS
from winnow.lottery.units import Warm
from winnow.plan import Place, Resolved, places, resolve


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


class TwoOfFour(UnitKindConformance):
    @staticmethod
    def job() -> Resolved:
        return digits_job(target=None, method={"granularity": "2:4", "rewind": {"step": 5}}, arms=["random_mask"])


class TestTwoOfFourLevel(TwoOfFour):
    def is_it(self, place: Place) -> bool:
        return place.level == 1 and place.arm == "ticket"


class TestTwoOfFourRandomMask(TwoOfFour):
    def is_it(self, place: Place) -> bool:
        return place.arm == "random_mask"


class TestStability(UnitKindConformance):
    job = staticmethod(searching_job)

    def is_it(self, place: Place) -> bool:
        return place.unit.kind == "stability"


class ByChannels(UnitKindConformance):
    @staticmethod
    def job() -> Resolved:
        method = {"granularity": "channels", "schedule": "one_shot", "rewind": {"step": 5}}
        return digits_job(model="resnet20", method=method, arms=["random_mask"])


class TestChannelsLevel(ByChannels):
    def is_it(self, place: Place) -> bool:
        return place.level == 1 and place.arm == "ticket"


class TestChannelsRandomMask(ByChannels):
    def is_it(self, place: Place) -> bool:
        return place.arm == "random_mask"


class TestGradual(UnitKindConformance):
    @staticmethod
    def job() -> Resolved:
        schedule = {"name": "gradual", "end": {"step": 11}, "every": {"steps": 2}}
        return digits_job(method={"schedule": schedule, "rewind": {"step": 5}}, arms=[])

    def is_it(self, place: Place) -> bool:
        return place.unit.kind == "level"


class TestBrought(UnitKindConformance):
    trains = False
    sent = safetensors(weights())

    @staticmethod
    def job() -> Resolved:
        return resolve(EvaluateSpec(model=ModelChoice(name="mdl_")), None, "cpu", (brought_unit(TestBrought.sent),))

    def is_it(self, place: Place) -> bool:
        return place.unit.kind == "brought"


class TestPretrained(UnitKindConformance):
    trains = False

    @staticmethod
    def job() -> Resolved:
        model = ModelChoice(name=NETWORK, weights="pretrained")
        return resolve(EvaluateSpec(model=model), None, "cpu", (pretrained_unit(squeezenet()),))

    @staticmethod
    def warm() -> Warm:
        return Warm(data_dir())

    def is_it(self, place: Place) -> bool:
        return place.unit.kind == "pretrained"


class TestEvaluate(UnitKindConformance):
    trains = False
    sent = TestBrought.sent

    @staticmethod
    def job() -> Resolved:
        spec = EvaluateSpec(model=ModelChoice(name="mdl_"), dataset=DatasetChoice(name="digits"))
        return resolve(spec, DATASETS["digits"], "cpu", (brought_unit(TestBrought.sent),))

    def is_it(self, place: Place) -> bool:
        return place.unit.kind == "evaluate"


class Carried(UnitKindConformance):
    @pytest.fixture(scope="class")
    @classmethod
    def parents(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The source's units, and those of the transfer."""
        folder = tmp_path_factory.mktemp("carried")
        do_all(source_job(), folder, warm := Warm(None))
        for place in places(cls.job(), {}):
            if not (folder / place.unit.key).exists():
                do(place.unit, folder, warm)
        return folder

    @staticmethod
    def job() -> Resolved:
        return transfer_job(trainable=["fc1"], arms=["mask_rewound", "random_mask"])


class TestTransfer(Carried):
    def is_it(self, place: Place) -> bool:
        return place.unit.kind == "transfer" and place.arm == "random_mask"


class TestTransferOfAll(Carried):
    @staticmethod
    def job() -> Resolved:
        return transfer_job(arms=["mask_init"])

    def is_it(self, place: Place) -> bool:
        return place.unit.kind == "transfer"


class TestFeatures(Carried):
    trains = False

    def is_it(self, place: Place) -> bool:
        return place.unit.kind == "features"


def test_every_kind_is_here() -> None:
    families = (TwoOfFour, ByChannels, Carried)
    tried = {
        place.unit.kind
        for each in (*UnitKindConformance.__subclasses__(), *Carried.__subclasses__())
        if each not in families
        for place in places(each.job(), {})
        if each().is_it(place)
    }
    assert tried == set(VERSIONS)
