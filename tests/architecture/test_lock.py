"""requirements.lock: exact, complete, and the same on every machine."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.sources import ROOT
from winnow.contract.units import TORCH_RELEASE

LINES = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not line.startswith("#")]
LOCKED = {canonicalize_name(Requirement(line).name): Requirement(line) for line in LINES}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ASKED = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]


def test_every_line_is_an_exact_version_and_nothing_else() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[\w.-]+==[\w.]+(; .+)?", line)] == []
    assert "://" not in "".join(LINES)
    assert len(LOCKED) == len(LINES)


def test_everything_asked_for_is_locked_at_a_version_that_fits() -> None:
    for line in ASKED:
        asked = Requirement(line)
        version = str(LOCKED[canonicalize_name(asked.name)].specifier).removeprefix("==")
        assert asked.specifier.contains(version), line


def test_torch_is_the_release_that_units_are_named_by() -> None:
    assert str(LOCKED["torch"].specifier) == f"=={TORCH_RELEASE}"


def test_no_build_of_torch_is_locked() -> None:
    assert not [name for name in LOCKED if name.startswith(("nvidia", "cuda", "triton"))]
