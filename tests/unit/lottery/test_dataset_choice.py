"""A network of a part of a data set, at another size: trained, kept, and asked for raw pictures."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.lottery import digits_job, do_all
from winnow.contract.catalog.datasets import DATASETS
from winnow.lottery.data import load, split
from winnow.lottery.units import Warm
from winnow.plan import places
from winnow.runtime.predictor import Predictor

CHOICE = {"name": "digits", "classes": ["7", "1", "4"], "fraction": 0.5, "size": [12, 10], "channels": 3}


def _png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def test_a_model_judges_raw_pictures_as_it_was_judged(tmp_path: Path) -> None:
    job = digits_job(dataset=CHOICE, train={"steps": 60, "optimizer": {"name": "sgd", "lr": 0.05}})
    results = do_all(job, tmp_path, Warm(None))
    facts = DATASETS["digits"]
    raw = split(load(facts), facts, 0).test  # as they are: 8×8, grey, all ten classes
    taken = [(_png(x[0].numpy()), facts.classes[y]) for x, y in zip(raw.x, raw.y.tolist(), strict=True)]
    images, labels = zip(*[(image, label) for image, label in taken if label in CHOICE["classes"]], strict=True)
    for place in places(job, results):
        if place.unit.model_id is None:
            continue
        model = Predictor(tmp_path / place.unit.key / "model.onnx")
        assert (model.classes, model.preprocessing.size) == (("7", "1", "4"), (12, 10))
        said = [model.classes[row.argmax()] for row in model.predict(images)]
        score = results[place.unit.key].metrics.test
        assert (sum(a == b for a, b in zip(said, labels, strict=True)), len(said)) == (score.correct, score.images)
    assert score.correct > score.images / 2  # of three classes: something was learnt
