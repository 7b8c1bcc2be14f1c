"""`winnow datasets`: what a service knows by name."""

from itertools import islice
from typing import Annotated

import typer

from winnow.cli.options import DEFAULT_URL, ApiKey, AsJson, Url, connect
from winnow.cli.output import people, print_json
from winnow.cli.tables import sheet
from winnow.contract.resources import Dataset


def datasets(
    limit: Annotated[int, typer.Option(min=1, help="How many: uploads, newest first, then those built in.")] = 50,
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List the data sets that jobs can name; folders of the service's data directory are found by name as well."""
    with connect(url, api_key) as client:
        found = list(islice(client.datasets(), limit))
    if as_json:
        print_json(found)
    else:
        people().print(sheet(("data set", "source", "images", "size", "classes"), map(_line, found)))


def _line(one: Dataset) -> tuple[str, ...]:
    images = sum(one.counts) + sum(one.test_counts or ())
    height, width = one.size
    return one.name, one.source, f"{images:,}", f"{one.channels}×{height}×{width}", str(len(one.classes))
