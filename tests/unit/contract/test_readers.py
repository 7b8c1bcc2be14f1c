"""What a reader makes of answers from a service that is newer than it is."""

from winnow.contract.resources import Series, Waiting, Worker
from winnow.contract.rows import Claim, LevelRow

LEVEL = {"level": 1, "sparsity": 0.5, "density": 0.5, "zeros": 1, "prunable": 2, "sparsity_of_all": 0.4}
LEVEL |= {"arms": {"own_ticket": {"n": 1, "mean": 0.9, "low": None, "high": None}}, "model_id": None, "models": []}


def test_enum_values_that_came_later_are_taken() -> None:
    row = LevelRow.model_validate(LEVEL | {"verdict": "promising"})
    assert (row.verdict, list(row.arms)) == ("promising", ["own_ticket"])
    claim = {"level": 1, "sparsity": 0.5, "verdict": "promising", "model_id": "mdl_1"}
    assert Claim.model_validate(claim).verdict == "promising"
    waiting = Waiting.model_validate({"for": "quota", "resource": "tpu"})
    assert (waiting.waits_for, waiting.resource) == ("quota", "tpu")
    series = {"arm": "own_ticket", "replicate": 0, "level": 1, "name": "loss", "x": [], "y": []}
    assert Series.model_validate(series).arm == "own_ticket"
    worker = {"id": "w", "resource": "tpu", "slots": 1, "busy": 0, "numerics": "x", "last_seen": "2026-01-01T00:00:00Z"}
    assert Worker.model_validate(worker).resource == "tpu"


def test_fields_that_came_later_are_ignored() -> None:
    row = LevelRow.model_validate(LEVEL | {"verdict": None, "confidence": 0.9})
    assert not hasattr(row, "confidence")
