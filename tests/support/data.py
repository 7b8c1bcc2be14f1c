"""Real data sets for the suite, laid out as `WINNOW_DATA_DIR` holds them, from the folder beside the clone."""

import gzip
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared" / "data"
NAMES = ("MNIST", "FashionMNIST")


def lay_out(cache: Path, shared: Path = SHARED) -> Path:
    """`cache/data` with the official files of MNIST and Fashion-MNIST, unpacked once and then found again.

    Copies contents, not modes: the shared folder may be read-only. Raises FileNotFoundError where it is missing.
    """
    target = cache / "data"
    if target.exists():
        return target
    partial = Path(tempfile.mkdtemp(dir=cache))
    for name in NAMES:
        raw = partial / name / "raw"
        raw.mkdir(parents=True)
        packed = sorted((shared / name / "raw").glob("*.gz"))
        if not packed:
            shutil.rmtree(partial)
            raise FileNotFoundError(f"no {name} under {shared}")
        for file in packed:
            with gzip.open(file) as source, (raw / file.stem).open("wb") as out:
                shutil.copyfileobj(source, out)
    partial.rename(target)
    return target


def lay_out_cifar(cache: Path, shared: Path = SHARED) -> Path:
    """`cache/cifar` with the official files of CIFAR-10 and CIFAR-100, put together once (half a minute).

    Raises FileNotFoundError where the shared folder has none.
    """
    target, program = cache / "cifar", shared / "unpack.py"
    if target.exists():
        return target
    if not (shared / "cifar").is_dir() or not program.is_file():
        raise FileNotFoundError(f"no cifar under {shared}")
    partial = Path(tempfile.mkdtemp(dir=cache))
    subprocess.run([sys.executable, program, partial, "cifar-10", "cifar-100"], check=True, stdout=subprocess.DEVNULL)
    partial.rename(target)
    return target
