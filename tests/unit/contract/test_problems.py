"""What people read of a problem."""

from winnow.contract.hints import summary
from winnow.contract.problems import FieldError, in_lines

ONE = FieldError(loc=("body", "seed"), msg="Input should be at least 0", hint="A seed is a whole number.")
OTHER = FieldError(loc=("body", "trian"), msg="there is no such field")


def test_an_error_is_told_once() -> None:
    assert in_lines(summary([ONE]), [ONE]) == "seed: Input should be at least 0. A seed is a whole number."


def test_what_the_summary_leaves_out_follows_line_by_line() -> None:
    first, second = in_lines(summary([ONE, OTHER]), [ONE, OTHER]).splitlines()
    assert first == "seed: Input should be at least 0. A seed is a whole number."
    assert second == "  trian: there is no such field"


def test_one_that_is_wrong_in_the_same_way_elsewhere_is_not_taken_for_told() -> None:
    again = OTHER.model_copy(update={"loc": ("body", "modle")})
    _, second = in_lines(summary([OTHER, again]), [OTHER, again]).splitlines()
    assert second == "  modle: there is no such field"


def test_a_detail_of_its_own_is_followed_by_all() -> None:
    assert len(in_lines("These weights do not fit.", [ONE, OTHER]).splitlines()) == 3


def test_an_error_in_the_words_of_the_detail_is_told_once() -> None:
    detail = "There is no data set 'digit'. Did you mean 'digits'?"
    assert in_lines(detail, [FieldError(loc=("body", "dataset"), msg=detail)]) == detail
