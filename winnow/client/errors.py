"""What can go wrong between a client and the service, as exceptions whose text says what to do."""

import httpx
from pydantic import ValidationError

from winnow.contract.problems import Problem, in_lines


class ClientError(Exception):
    """The service could not be asked, would not do it, or sent what cannot be used.

    ClientError
    ├── Unreachable   nothing answered, or the answer broke off
    ├── Refused       the service answered with a problem: `problem`
    └── Damaged       bytes that are not the ones promised
    """


class Unreachable(ClientError):
    """Nothing answered at that address, or the connection broke."""

    def __init__(self, url: str, cause: httpx.TransportError) -> None:
        if isinstance(cause, httpx.ConnectError):
            text = f"nothing answers at {url}: is `winnow serve` running? Another address goes into WINNOW_URL or --url"
        elif isinstance(cause, httpx.TimeoutException):
            text = f"{url} did not answer in time: it may be busy, try again"
        else:
            text = f"the connection to {url} broke ({cause or type(cause).__name__}): try again"
        super().__init__(text)


class Refused(ClientError):
    """The service answered with a problem (RFC 9457); `problem` is that value."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(in_lines(problem.detail or problem.title, problem.errors))
        self.problem = problem


class Damaged(ClientError):
    """What arrived is not what was promised: a wrong checksum, or an answer that is none of Winnow's."""


def refused(response: httpx.Response) -> Refused:
    """The problem that an error answer carries; something else than Winnow may have answered, a proxy say."""
    try:
        return Refused(Problem.model_validate_json(response.content))
    except ValidationError:
        return Refused(
            Problem(
                type="about:blank",
                title=response.reason_phrase,
                status=response.status_code,
                detail=f"{response.request.url} answered {response.status_code} {response.reason_phrase}, "
                "and not as Winnow does: is this the right address?",
            )
        )
