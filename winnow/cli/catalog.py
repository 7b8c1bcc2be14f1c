"""`winnow architectures` and `winnow criteria`: what jobs can name, with no service."""

from pydantic import TypeAdapter

from winnow.cli.options import AsJson
from winnow.cli.output import people, print_json
from winnow.cli.tables import sheet
from winnow.contract.catalog.architecture import Listed
from winnow.contract.catalog.architectures import ARCHITECTURES
from winnow.contract.catalog.criteria import CRITERIA


def architectures(as_json: AsJson = False) -> None:
    """List the architectures that jobs can name; those of torchvision have published weights."""
    found = tuple(ARCHITECTURES.values())
    if as_json:
        print_json(TypeAdapter(tuple[Listed, ...]).dump_python(found, mode="json"))
        return
    rows = ((one.name, f"{one.smallest}×{one.smallest}", "yes" if one.pretrained else "", one.summary) for one in found)
    people().print(sheet(("architecture", "smallest image", "pretrained", "what it is"), rows))


def criteria(as_json: AsJson = False) -> None:
    """List the criteria by which jobs can score weights."""
    found = tuple(CRITERIA.values())
    if as_json:
        print_json(found)
        return
    people().print(sheet(("criterion", "scores values", "what it does"), ((c.name, c.at, c.summary) for c in found)))
