"""The app: its parts put together. Nothing here is global; two apps in one process do not know of each other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial
from importlib.metadata import version

from anyio import CapacityLimiter
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware

from app.catalog.routes import router as catalog
from app.datasets.folders import Folders
from app.datasets.intake import remove_orphans
from app.datasets.routes import router as datasets
from app.deps import Parts, only_known_query
from app.errors import HANDLERS
from app.gate import Gate, KeyCheck
from app.jobs.feed import Feed
from app.jobs.routes import router as jobs
from app.models.routes import router as models
from app.openapi import document, problems
from app.ops.metrics import HttpMetrics
from app.ops.routes import router as ops
from app.predict.predictors import Predictors
from app.predict.routes import router as predict
from app.settings import Settings
from winnow.db.engine import Database
from winnow.jobs.dispatch import bell, ring

INSPECTIONS = 2
ROUTERS = (jobs, datasets, models, predict, catalog, ops)
DESCRIPTION = (
    "Finds lottery tickets: POST a job (train, prune, transfer, evaluate), follow it, get a small network with the "
    "evidence that it is a winning ticket, download it, or send images to `/predict`. Errors are problem details "
    "(RFC 9457) whose `detail` says what to do. Lists come in pages: jobs, models and uploads newest first."
)


def create_app(settings: Settings) -> FastAPI:
    """An app on these settings. Opens the store and the broker's folder; the database waits for the first request."""
    parts = _parts(settings)
    gates = [Middleware(Gate, observe=parts.metrics.observe)]
    if settings.api_key is not None:
        gates.append(Middleware(KeyCheck, key=settings.api_key.get_secret_value()))
    app = FastAPI(
        title="Winnow",
        version=version("winnow"),
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        middleware=gates,
        exception_handlers=HANDLERS,
        dependencies=[Depends(only_known_query)],
        responses=problems(400, 422, 500, 503),
    )
    app.state.parts = parts
    app.state.methods = _methods
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = cache(partial(document, app, with_key=settings.api_key is not None))  # type: ignore[method-assign]  # the way that FastAPI documents
    return app


def _methods(path: str) -> list[str]:
    """The methods that some route takes at a path."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    found = {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


def _parts(settings: Settings) -> Parts:
    database = Database(settings.database_url)
    objects = settings.open_objects()
    return Parts(
        settings=settings,
        database=database,
        objects=objects,
        ring=partial(ring, bell(settings.broker_url)),
        folders=Folders(settings.data_dir),
        predictors=Predictors(objects, settings.fetched),
        feed=Feed(database),
        metrics=HttpMetrics(),
        inspections=CapacityLimiter(INSPECTIONS),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    remove_orphans(parts.settings.uploads)
    yield
    parts.feed.close()
    parts.database.close()
