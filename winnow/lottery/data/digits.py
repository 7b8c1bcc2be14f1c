"""scikit-learn's digits (Alpaydin & Kaynak 1998, UCI): 1,797 grey images of 8×8, offline."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from winnow.artifact.uploads import RawImages
from winnow.contract.problems import WinnowError


def digits() -> RawImages:
    """Pixels 0–16 as 0–255 (×255/16, halves up); no official test set."""
    with gzip.open(_file(), "rt") as rows:
        table = np.loadtxt(rows, delimiter=",", dtype=np.int64)
    pixels, labels = table[:, :-1].reshape(-1, 8, 8), table[:, -1]
    return RawImages(((pixels * 255 + 8) // 16).astype(np.uint8)[..., None], labels)


def _file() -> Path:
    """The table inside scikit-learn, which is not imported: that takes as long as torch and 60 MB."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise WinnowError("The digits come with scikit-learn, and it is not here: pip install 'winnow[worker]'")
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
