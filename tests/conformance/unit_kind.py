"""What every kind of unit promises. A new one is done when its subclass of a few lines passes."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import pytest

from tests.support.lottery import MemoryWorkspace, after, digits_job, do_all, inputs_of
from winnow.contract.results import UnitResult
from winnow.contract.specs.jobs import CONTROLS
from winnow.contract.units import Unit
from winnow.lottery.units import Stop, Warm, run
from winnow.plan import Place, Resolved, places

Attempt = Callable[..., tuple[UnitResult, MemoryWorkspace]]


def small_job() -> Resolved:
    """A job with every kind of unit and every arm in it."""
    return digits_job(arms=["ticket", *CONTROLS])


def searching_job() -> Resolved:
    """A job that searches its rewind point."""
    return digits_job(arms=["ticket"], method={"schedule": "one_shot", "rewind": "auto"})


class UnitKindConformance:
    """Inherit, and say which unit of the small job to try."""

    trains: ClassVar[bool] = True
    """Whether it takes long enough to leave checkpoints; else it is done again from its start."""
    sent: ClassVar[bytes] = b""
    """What people have sent for it, if anything."""

    @staticmethod
    def job() -> Resolved:
        """The job whose unit it is; another one where a kind of work is not in the small job."""
        return small_job()

    @staticmethod
    def warm() -> Warm:
        """What a fresh process begins with; with a data directory where the job needs one."""
        return Warm(None)

    def is_it(self, place: Place) -> bool:
        """Whether this is the unit to try."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def parents(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Every unit of the job, done: whatever a kind needs to read lies there."""
        folder = tmp_path_factory.mktemp("parents")
        (folder / sha256(cls.sent).hexdigest()).write_bytes(cls.sent)
        do_all(cls.job(), folder, cls.warm())
        return folder

    @pytest.fixture
    def unit(self) -> Unit:
        return next(place.unit for place in places(self.job(), {}) if self.is_it(place))

    @pytest.fixture
    def attempt(self, unit: Unit, parents: Path, tmp_path: Path) -> Attempt:
        """One attempt: each has a folder and a Warm of its own."""
        number = 0

        def attempt(**options: object) -> tuple[UnitResult, MemoryWorkspace]:
            nonlocal number
            number += 1
            outputs = tmp_path / str(number)
            outputs.mkdir()
            workspace = MemoryWorkspace(outputs, inputs_of(unit, parents), **options)  # type: ignore[arg-type]
            return run(unit, workspace, self.warm()), workspace

        return attempt

    def test_the_same_files_come_out_every_time(self, attempt: Attempt) -> None:
        (first, _), (second, _) = attempt(), attempt()
        assert first.files == second.files
        assert first.files or not self.trains
        assert first.model_dump(exclude={"seconds"}) == second.model_dump(exclude={"seconds"})

    def test_every_output_is_named_by_content(self, attempt: Attempt) -> None:
        result, workspace = attempt()
        assert {path.name for path in workspace.outputs.iterdir()} == set(result.files)

    def test_every_check_holds_and_says_what_was_seen(self, attempt: Attempt) -> None:
        result, _ = attempt()
        assert all(check.ok and check.evidence for check in result.checks)

    def test_progress_grows_to_the_end(self, attempt: Attempt) -> None:
        result, workspace = attempt()
        done = [(steps, of) for steps, of, _ in workspace.seen]
        assert done == sorted(done)
        assert done[-1][0] == done[-1][1]
        assert done[-1][0] == result.end_step - result.start_step or not self.trains

    def test_the_result_survives_its_json(self, attempt: Attempt) -> None:
        result, _ = attempt()
        assert UnitResult.model_validate_json(result.model_dump_json()) == result

    def test_stopped_and_resumed_it_leaves_the_same_bytes(
        self, unit: Unit, parents: Path, tmp_path: Path, attempt: Attempt
    ) -> None:
        """At its first call and at one later on; how many there are in between is a matter of time."""
        whole, _ = attempt()
        for call in (0, 1):
            outputs = tmp_path / f"cut-{call}"
            outputs.mkdir()
            cut = MemoryWorkspace(outputs, inputs_of(unit, parents), stop=after(call))
            with pytest.raises(Stop):
                run(unit, cut, self.warm())
            assert (cut.saved is not None) == self.trains
            resumed, _ = attempt(saved=cut.saved)
            assert resumed.files == whole.files
            assert resumed.model_dump(exclude={"seconds"}) == whole.model_dump(exclude={"seconds"})

    def test_a_stop_that_wants_no_checkpoint_leaves_none(self, unit: Unit, parents: Path, tmp_path: Path) -> None:
        workspace = MemoryWorkspace(tmp_path, inputs_of(unit, parents), stop=lambda _done: True, keep=False)
        with pytest.raises(Stop):
            run(unit, workspace, self.warm())
        assert workspace.saved is None
