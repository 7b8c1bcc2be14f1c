"""What is written short, written out, so that a path can lead into it."""

from typing import Any

from winnow.contract.specs.grammar import spelt_out
from winnow.contract.specs.granularity import spelt_out_granularity
from winnow.contract.specs.pruning import AUTO, spelt_out_method, spelt_out_scope


def opened(field: str, sent: Any) -> Any:
    """The value of a field by this name as the object that it is short for; other values as they are.

    `"auto"` has no fields of its own: a path that leads into a rewind point takes its place.
    """
    match field:
        case "method":
            return spelt_out_method(sent)
        case "granularity":
            return spelt_out_granularity(sent)
        case "scope":
            return spelt_out_scope(sent)
        case "rewind" if sent == AUTO:
            return {}
    return spelt_out(sent)
