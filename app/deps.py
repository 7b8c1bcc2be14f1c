"""What routes are given: the parts of one app, and the rule that no query parameter goes unread."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from app.datasets.folders import Folders
from app.jobs.feed import Feed
from app.ops.metrics import HttpMetrics
from app.predict.predictors import Predictors
from app.settings import Settings
from winnow.contract.hints import did_you_mean, summary
from winnow.contract.problems import FieldError, InvalidSpec, WinnowError
from winnow.db.engine import Database
from winnow.storage.objects import Objects


@dataclass(frozen=True)
class Parts:
    """Everything that one app holds; made in `create_app`, closed at its end."""

    settings: Settings
    database: Database
    objects: Objects
    ring: Callable[[str], bool]
    folders: Folders
    predictors: Predictors
    feed: Feed
    metrics: HttpMetrics
    inspections: CapacityLimiter
    """Uploads looked through at once: the others wait without a thread of those that serve requests."""


async def _parts(request: Request) -> Parts:  # async: a plain function would cost a thread for a look-up
    parts: Parts = request.app.state.parts
    return parts


Here = Annotated[Parts, Depends(_parts)]
"""The app's parts, as a parameter of a route."""


async def only_known_query(request: Request) -> None:  # async for the same reason
    """Refuse query parameters that the route does not have, and those given twice: neither may be ignored."""
    if "\0" in request.url.path or any("\0" in value for value in request.query_params.values()):
        raise WinnowError("The address has a NUL in it. Leave it out.")  # Postgres cannot even look for it
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    sent = [name for name, _ in request.query_params.multi_items()]
    wrong = []
    for name in dict.fromkeys(sent):
        if name not in known:
            wrong.append(
                FieldError(loc=("query", name), msg="there is no such parameter", hint=did_you_mean(name, known))
            )
        elif sent.count(name) > 1:
            wrong.append(FieldError(loc=("query", name), msg="this parameter is given twice", hint="Give it once."))
    if wrong:
        raise InvalidSpec(summary(wrong), tuple(wrong))
