"""What can be asked for: architectures and criteria, from the contract's tables."""

from fastapi import APIRouter

from app.openapi import problems
from winnow.contract.catalog.architecture import Listed
from winnow.contract.catalog.architectures import ARCHITECTURES, Architecture
from winnow.contract.catalog.criteria import CRITERIA, CriterionEntry
from winnow.contract.hints import did_you_mean
from winnow.contract.problems import NotFound
from winnow.contract.resources import Page

router = APIRouter(prefix="/v1", tags=["catalog"])


@router.get("/architectures", operation_id="catalog_architectures")
def architectures() -> Page[Listed]:
    """Every architecture by name: the smallest image it takes, where it may drop, the paper it comes from."""
    return Page(items=tuple(ARCHITECTURES.values()), next=None)


@router.get("/architectures/{architecture:path}", operation_id="catalog_architecture", responses=problems(404))
def architecture(architecture: str) -> Architecture:
    """One of them, with the names and kinds of its layers, as rates and scopes ask for. Names may hold a `/`."""
    if architecture not in ARCHITECTURES:
        raise NotFound(f"There is no architecture {architecture!r}. {did_you_mean(architecture, ARCHITECTURES)}")
    return ARCHITECTURES[architecture]


@router.get("/criteria", operation_id="catalog_criteria")
def criteria() -> Page[CriterionEntry]:
    """Every way to score weights, and the paper it comes from."""
    return Page(items=tuple(CRITERIA.values()), next=None)
