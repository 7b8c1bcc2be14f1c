"""What can be asked for: architectures and criteria, from the contract's tables."""

from fastapi import APIRouter

from winnow.contract.catalog.architectures import ARCHITECTURES, Architecture
from winnow.contract.catalog.criteria import CRITERIA, CriterionEntry
from winnow.contract.resources import Page

router = APIRouter(prefix="/v1", tags=["catalog"])


@router.get("/architectures", operation_id="catalog_architectures")
def architectures() -> Page[Architecture]:
    """Every architecture by name: its layers, the smallest image it takes, the paper it comes from."""
    return Page(items=tuple(ARCHITECTURES.values()), next=None)


@router.get("/criteria", operation_id="catalog_criteria")
def criteria() -> Page[CriterionEntry]:
    """Every way to score weights, and the paper it comes from."""
    return Page(items=tuple(CRITERIA.values()), next=None)
