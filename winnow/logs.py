"""Logs on standard error, from Winnow and from the libraries alike: JSON, an object a line; to a terminal as text."""

import logging
import sys
from collections.abc import Iterable

import structlog

QUIET = ("httpx",)
"""Libraries whose every request is no event here."""


def set_up(quiet: Iterable[str] = (), **context: str) -> None:
    """Configure logging for the whole process: the entry point's business.

    `context` stands in every line, and of the loggers in `quiet` only warnings are heard.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        lambda _logger, _method, event: {**context, **event},  # context variables do not reach other threads
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, *_rendered()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    render = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered()]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=render, foreign_pre_chain=shared))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in (*QUIET, *quiet):
        logging.getLogger(name).setLevel(logging.WARNING)


def _rendered() -> list[structlog.typing.Processor]:
    if sys.stderr.isatty():
        plain = structlog.dev.plain_traceback  # which names no local values, and they may be secrets
        return [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
