"""`winnow predict`: ask a model what images show."""

from pathlib import Path
from typing import Annotated

import typer

from winnow.cli.options import DEFAULT_URL, ApiKey, AsJson, Url, connect
from winnow.cli.output import people, print_json
from winnow.cli.tables import predictions_table


def predict(
    model: Annotated[str, typer.Argument(help="A model, `mdl_…`, or a job, `job_…`, whose target model is asked.")],
    images: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="PNG, JPEG or WebP files.")],
    url: Url = DEFAULT_URL,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Say what images show."""
    with connect(url, api_key) as client:
        answer = client.predict(model, images)
    if as_json:
        print_json(answer)
    else:
        people().print(predictions_table(answer))
