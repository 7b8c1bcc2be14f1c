from itertools import pairwise
from xml.etree import ElementTree

import pytest

from winnow.cli.curve import BOTTOM, LEFT, RIGHT, TOP, curve
from winnow.contract.rows import ArmSummary, LevelRow
from winnow.contract.specs.jobs import Arm

NS = {"svg": "http://www.w3.org/2000/svg"}


def row(level: int, **means: float | None) -> LevelRow:
    density = 0.7**level
    arms: dict[Arm, ArmSummary | None] = {"dense": ArmSummary(n=3, mean=0.99, low=0.98, high=1.0)}
    for arm in ("ticket", "random_reinit", "random_mask"):
        mean = means.get(arm)
        if level:
            arms[arm] = None if mean is None else ArmSummary(n=3, mean=mean, low=mean - 0.2, high=mean + 0.2)
    return LevelRow(
        level=level,
        sparsity=1 - density,
        density=density,
        zeros=0,
        prunable=1,
        sparsity_of_all=0,
        arms=arms,
        verdict=None,
        model_id=None,
        models=(),
    )


def arms(mean: float, half: float) -> dict[Arm, ArmSummary | None]:
    found = ArmSummary(n=3, mean=mean, low=mean - half, high=mean + half)
    return {"dense": found, "ticket": found}


def points(svg: ElementTree.Element, arm: str) -> list[tuple[float, float]]:
    line = svg.find(f"svg:polyline[@class='line {arm}']", NS)
    assert line is not None
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.attrib["points"].split())]


def drawn(levels: list[LevelRow]) -> ElementTree.Element:
    return ElementTree.fromstring(curve(levels, "a < b & c"))  # noqa: S314 - the text was made here


def test_equal_rates_stand_at_equal_distances_and_the_ticket_starts_at_the_dense_network() -> None:
    svg = drawn([row(level, ticket=0.99 - level / 100) for level in range(5)])

    places = points(svg, "ticket")

    assert places[0][0] == LEFT
    assert places[-1][0] == RIGHT
    assert places[0][1] == points(svg, "dense")[0][1]
    assert {round(b[0] - a[0]) for a, b in pairwise(places)} == {round((RIGHT - LEFT) / 4)}
    assert all(b[1] > a[1] for a, b in pairwise(places[1:]))


def test_what_is_not_measured_yet_is_left_out() -> None:
    svg = drawn([row(0), row(1, ticket=0.98, random_mask=0.97), row(2, ticket=0.97)])

    assert len(points(svg, "ticket")) == 3
    assert len(points(svg, "random_mask")) == 1
    assert svg.find("svg:polyline[@class='line random_reinit']", NS) is None


def test_an_interval_that_leaves_the_scale_is_cut_at_its_edge() -> None:
    svg = drawn([row(0), row(1, ticket=0.98)])

    ranges = svg.findall("svg:line[@class='range ticket']", NS)

    assert [(float(line.attrib["y1"]), float(line.attrib["y2"])) for line in ranges][1] == (BOTTOM, TOP)


def test_intervals_are_drawn_whole_where_they_are_no_wider_than_what_is_told() -> None:
    near = [row(level, ticket=0.9).model_copy(update={"arms": arms(0.9, 0.03)}) for level in range(3)]
    ends = [
        float(line.attrib[y])
        for line in drawn(near).iterfind("svg:line[@class='range ticket']", NS)
        for y in ("y1", "y2")
    ]
    assert all(TOP < y < BOTTOM for y in ends)


def test_a_title_is_text_whatever_it_says() -> None:
    title = drawn([row(0), row(1, ticket=0.98)]).find("svg:title", NS)

    assert title is not None
    assert title.text == "a < b & c"


def test_one_level_makes_no_curve() -> None:
    with pytest.raises(ValueError, match="two levels"):
        curve([row(0)], "")
