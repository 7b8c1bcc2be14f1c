"""A model's id follows from its unit: docs/decisions/0001-model-ids-follow-from-units.md."""

import json
import re

from tests.support.fabricated import DIGITS_LIKE, fabricated
from winnow.contract.ids import ALPHABET, model_id
from winnow.contract.results import UnitResult
from winnow.contract.specs.jobs import SPEC
from winnow.contract.units import Unit
from winnow.plan import Finished, Outcome, plan, resolve

SENT = {"kind": "prune", "dataset": "digits", "model": "lenet_300_100", "target": {"sparsity": 0.5}, "replicates": 2}


def worked_off() -> tuple[list[Unit], Outcome]:
    job = resolve(SPEC.validate_python(SENT), DIGITS_LIKE, "cpu")
    results: dict[str, UnitResult] = {}
    done: list[Unit] = []
    while not isinstance(answer := plan(job, results), Finished):
        for unit in answer.units:
            results[unit.key] = fabricated(unit, results)
            done.append(unit)
    return done, answer.outcome


def test_an_id_is_the_first_16_bytes_of_the_key_in_base32() -> None:
    key = "0123456789abcdef" * 4
    kind, _, digits = model_id(key).partition("_")
    number = 0
    for digit in digits:
        number = number * 32 + ALPHABET.index(digit)
    assert (kind, len(digits)) == ("mdl", 26)
    assert number.to_bytes(16, "big") == bytes.fromhex(key)[:16]


def test_units_that_make_models_have_ids_of_their_own_and_controls_have_none() -> None:
    units, _ = worked_off()
    ids = [unit.model_id for unit in units if unit.kind != "control"]
    assert len(set(ids)) == len(ids)
    assert {unit.model_id for unit in units if unit.kind == "control"} == {None}


def test_the_certificate_names_these_ids_before_any_row_exists() -> None:
    units, outcome = worked_off()
    named = set(re.findall(r"mdl_\w+", json.dumps(outcome.certificate, default=str)))
    assert named == {unit.model_id for unit in units} - {None}
