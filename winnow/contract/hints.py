"""From what pydantic found wrong to what a person can do about it."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from winnow.contract.problems import FieldError, and_more

MOST_NAMES = 30
"""Named in one hint."""

Loc = tuple[str | int, ...]
Schema = Mapping[str, Any]


def did_you_mean(word: Any, known: Iterable[str]) -> str:
    """The closest known word, and what there is."""
    names = sorted(known)
    if not names:
        return "Leave it out."
    close = get_close_matches(str(word), names, n=1)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{guess}Known are: {', '.join(names[:MOST_NAMES])}{more}."


def no_dataset(name: str, known: Iterable[str]) -> str:
    """That nothing has this name, and what there is."""
    return f"There is no data set {name!r}. {did_you_mean(name, known)}"


def summary(errors: Sequence[FieldError]) -> str:
    """The first error in one line: the `detail` of a problem that lists them all."""
    first = errors[0]
    return f"{first.brief}. {first.hint or ''}".rstrip() + and_more(errors)


def of_parameters(errors: Iterable[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Errors of path, query and header parameters: `loc` begins with where the parameter is."""
    return tuple(FieldError(loc=e["loc"], msg=e["msg"], hint=_from_context(e)) for e in errors)


def of_body(errors: Iterable[Mapping[str, Any]], sent: Any, schema: Schema) -> tuple[FieldError, ...]:
    """Errors of a body: after `body`, `loc` is the path in what was sent, without pydantic's names of alternatives."""
    found: dict[Loc, FieldError] = {}
    kinds = schema.get("discriminator", {}).get("mapping", {})  # which pydantic puts before the path: one is `train`
    for error in errors:
        path = error["loc"][1:] if error["loc"][:1] and error["loc"][0] in kinds else error["loc"]
        loc = "body", *_sent_path(path, sent, absent=error["type"] == "missing")
        if error["type"] == "too_short" and any(other[: len(loc)] == loc for other in found):
            continue  # what is wrong with its items stands there already: they were sent, and do not count
        if loc not in found or _is_of_type(found[loc].msg):
            found[loc] = FieldError(loc=loc, msg=_message(error, schema), hint=_hint(error, schema))
    return tuple(found.values())


_NO_OBJECT = "Input should be an object"
_WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "this field is missing",
    "model_type": _NO_OBJECT,
    "model_attributes_type": _NO_OBJECT,
    "dict_type": _NO_OBJECT,
    "tuple_type": "Input should be a list",
}
"""Instead of what pydantic says in the words of Python."""


def _message(error: Mapping[str, Any], schema: Schema) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden" and _kinds_with(error["loc"], schema):
        return f"{error['loc'][0]} jobs have no such field"
    if kind == "union_tag_not_found":
        return f"the field {context['discriminator']} is missing"
    if kind == "union_tag_invalid":
        return f"{context['tag']!r} is none of {context['expected_tags']}"
    if kind == "too_short":
        return f"Input should have at least {context['min_length']}, not {context['actual_length']}"
    if kind == "decimal_max_digits":
        return f"Input should have at most {context['max_digits']} digits: round it"
    said = _WORDS.get(kind, str(error["msg"]).removeprefix("Value error, "))
    short = said == _NO_OBJECT and any(node.get("type") == "string" for node in _walk(schema, error["loc"]))
    return "Input should be a name or an object" if short else said


def _kinds_with(loc: Loc, schema: Schema) -> list[str]:
    """The kinds of job that have a field which the one at the head of `loc` does not have."""
    kinds = schema.get("discriminator", {}).get("mapping", {})
    if len(loc) != 2 or loc[0] not in kinds:
        return []
    return [kind for kind, ref in kinds.items() if loc[1] in _flat(schema, {"$ref": ref})[0].get("properties", {})]


def _is_of_type(msg: str) -> bool:
    """Where one of several alternatives fits the kind of value, its error says more than the others' do."""
    return msg.startswith("Input should be a")


def _hint(error: Mapping[str, Any], schema: Schema) -> str | None:
    loc: Loc = error["loc"]
    if error["type"] == "extra_forbidden" and (kinds_with := _kinds_with(loc, schema)):
        return f"Leave it out; {', '.join(sorted(kinds_with))} jobs have it."
    if error["type"] == "extra_forbidden":
        known = {name for node in _walk(schema, loc[:-1]) for name in node.get("properties", {})}
        return did_you_mean(loc[-1], known)
    if error["type"] == "value_error":
        return None  # it says itself what to do
    if error["type"] == "union_tag_not_found":
        kinds = {tag for node in _walk(schema, loc) for tag in node.get("discriminator", {}).get("mapping", {})}
        return f"Give one of: {', '.join(sorted(kinds))}."
    return _from_context(error) or next((n["description"] for n in _walk(schema, loc) if "description" in n), None)


def _from_context(error: Mapping[str, Any]) -> str | None:
    context = error.get("ctx", {})
    expected = context.get("expected_tags") or (context.get("expected") if error["type"] == "literal_error" else None)
    if not isinstance(expected, str):
        return None
    names = expected.split("'")[1::2]
    return did_you_mean(context.get("tag", error.get("input")), names) if names else None  # numbers say it themselves


def _sent_path(loc: Loc, sent: Any, *, absent: bool) -> Loc:
    path: list[str | int] = []
    here = sent
    for place, step in enumerate(loc):
        by_place = isinstance(here, list) and isinstance(step, int) and step < len(here)
        if by_place or (isinstance(here, dict) and step in here):
            here = here[step]
        elif not absent or place != len(loc) - 1:
            continue
        path.append(step)
    return tuple(path)


def _walk(schema: Schema, loc: Loc) -> list[Schema]:
    """The schemas at a place; a step that names no field picks one of the alternatives, or changes nothing."""
    nodes: list[Schema] = [schema]
    for step in loc:
        nodes = [below for node in nodes for below in _step(schema, node, step)]
    return [*nodes, *(flat for node in nodes for flat in _flat(schema, node))]


def _step(root: Schema, node: Schema, step: str | int) -> list[Schema]:
    below: list[Schema] = []
    for flat in _flat(root, node):
        tagged = flat.get("discriminator", {}).get("mapping", {})
        if step in tagged:
            return [{"$ref": tagged[step]}]
        if step in flat.get("properties", {}):
            below.append(flat["properties"][step])
        elif isinstance(step, int) and "items" in flat:
            below.append(flat["items"])
    return below or [node]


def _flat(root: Schema, node: Schema) -> list[Schema]:
    """A node with its reference followed, and its alternatives."""
    if "$ref" in node:
        return _flat(root, root["$defs"][node["$ref"].rpartition("/")[2]])
    return [
        node,
        *(flat for branch in (*node.get("anyOf", ()), *node.get("oneOf", ())) for flat in _flat(root, branch)),
    ]
