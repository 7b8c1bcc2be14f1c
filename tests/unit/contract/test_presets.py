"""Presets are short for methods: written out in what is resolved, overridden by what stands beside them."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.fabricated import DIGITS_LIKE
from winnow.contract.specs.jobs import SPEC, PruneSpec
from winnow.contract.specs.presets import PRESETS, WRITTEN_OUT
from winnow.contract.specs.pruning import Iterative, Method, Rewind
from winnow.plan import places, resolve


def spec(method: Any) -> PruneSpec:
    found = SPEC.validate_python({"kind": "prune", "dataset": "digits", "model": "lenet_300_100", "method": method})
    assert isinstance(found, PruneSpec)
    return found


def keys(method: Any) -> set[str]:
    return {place.unit.key for place in places(resolve(spec(method), DIGITS_LIKE, "cpu"), {})}


WRITTEN: dict[str, dict[str, Any]] = {
    "fast": {"schedule": "one_shot", "retraining": "lr_rewind"},
    "balanced": {"schedule": {"name": "iterative", "rate": 0.5}, "retraining": "lr_rewind"},
    "full": {"schedule": {"name": "iterative", "rate": 0.2}, "rewind": "auto"},
}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_the_method_that_it_is_short_for(preset: str) -> None:
    assert spec(preset) == spec({"preset": preset}) == spec(WRITTEN[preset])
    assert keys(preset) == keys(WRITTEN[preset])
    assert set(PRESETS[preset]) <= set(WRITTEN_OUT)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_resolved_spec_shows_it_written_out_and_means_the_same_when_read_again(preset: str) -> None:
    shown = resolve(spec(preset), DIGITS_LIKE, "cpu").spec.model_dump(mode="json")
    assert shown["method"]["preset"] is None
    assert shown["method"]["schedule"]["name"] == ("one_shot" if preset == "fast" else "iterative")
    assert shown["method"]["retraining"] == ("rewind" if preset == "full" else "lr_rewind")
    assert SPEC.validate_python(shown) == resolve(spec(preset), DIGITS_LIKE, "cpu").spec


def test_fields_beside_a_preset_override_it() -> None:
    method = spec({"preset": "full", "schedule": {"name": "iterative", "rate": 0.3}, "criterion": "snip"}).method
    assert isinstance(method.schedule, Iterative)
    assert method.schedule.rate == Decimal("0.3")
    assert method.criterion.name == "snip"
    assert method.rewind == "auto"


def test_retraining_and_rewind_point_are_one_choice() -> None:
    tuned = spec({"preset": "full", "retraining": "fine_tune"}).method
    assert (tuned.retraining, tuned.rewind) == ("fine_tune", Rewind())
    rewound = spec({"preset": "fast", "rewind": {"epoch": 3}}).method
    assert (rewound.schedule.name, rewound.retraining, rewound.rewind) == ("one_shot", "rewind", Rewind(epoch=3))


@pytest.mark.parametrize("preset", ["slow", 1, {}, ["fast"]])
def test_there_are_no_other_presets(preset: Any) -> None:
    with pytest.raises(ValidationError, match="'fast', 'balanced' or 'full'"):
        spec({"preset": preset})


def test_without_a_preset_a_method_is_as_before() -> None:
    assert spec({}).method == Method() == spec({"preset": None}).method
