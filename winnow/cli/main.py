"""The `winnow` command: what it consists of, and how it ends."""

import json
import sys
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from winnow.cli.brought import app as models
from winnow.cli.catalog import architectures, criteria
from winnow.cli.convert import convert
from winnow.cli.datasets import datasets
from winnow.cli.download import download
from winnow.cli.jobs import app as jobs
from winnow.cli.output import spoken
from winnow.cli.predict import predict
from winnow.cli.run import run as run_job
from winnow.cli.serve import serve
from winnow.cli.submit import submit
from winnow.cli.unpack import unpack
from winnow.cli.upload import upload
from winnow.cli.verify import verify
from winnow.contract.problems import WinnowError, in_lines

FAILED, USAGE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="winnow",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve)
app.command()(submit)
app.add_typer(jobs, name="jobs")
app.add_typer(models, name="models")
app.command()(download)
app.command()(predict)
app.command()(upload)
app.command()(datasets)
app.command()(architectures)
app.command()(criteria)
app.command("run")(run_job)
app.command()(convert)
app.command()(unpack)
app.command()(verify)


def _version(asked: bool) -> None:
    if asked:
        print(f"winnow {version('winnow')}")
        raise typer.Exit


@app.callback()
def winnow(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Find lottery tickets: sparse networks, with evidence that they are as good as dense ones."""


def main() -> NoReturn:
    """Run a command. Exit codes: 0 done, 1 it failed, 2 it was called wrongly, 130 interrupted.

    What goes wrong is told in words on standard error, as a problem where `--json` is asked for; only a defect shows
    a traceback.
    """
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command and give its exit code."""
    try:
        return int(app(arguments, prog_name="winnow", standalone_mode=False) or 0)
    except typer.TyperException as wrong:
        said = wrong.format_message().replace(": Value error, ", ": ")  # pydantic's words, which typer hands on
        return _fail(arguments, said, wrong.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except OSError as failure:
        return _fail(arguments, str(failure), FAILED)
    except Exception as failure:
        known = _known(failure)
        if known is None:
            raise
        return _fail(arguments, known, FAILED)


def _known(failure: Exception) -> str | None:
    """What a failure says to people; None for a defect. Imported late: most commands end well."""
    from winnow.client import ClientError  # noqa: PLC0415 - see above

    if isinstance(failure, WinnowError):
        return spoken(in_lines(failure.detail, failure.errors))
    return spoken(str(failure)) if isinstance(failure, ClientError) else None


def _fail(arguments: list[str], text: str, code: int) -> int:
    if not text:
        return code  # help has been printed instead
    shown = json.dumps({"error": text}, ensure_ascii=False) if "--json" in arguments else f"winnow: {text}"
    print(shown, file=sys.stderr)
    return code
