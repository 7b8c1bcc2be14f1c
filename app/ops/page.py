"""The OpenAPI document as one plain page."""

from collections.abc import Iterator
from html import escape
from typing import Any

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h2{margin-top:2.5rem}h3{margin-bottom:.2rem;font-size:1rem}code{background:#f2f2f2;padding:.1rem .3rem}
table{border-collapse:collapse;margin:.5rem 0}
td{border-top:1px solid #ddd;padding:.2rem .8rem .2rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#111}code{background:#222}td{border-color:#333}a{color:#8bf}}
"""


def rendered(document: dict[str, Any]) -> str:
    """Every route with its parameters, bodies and answers, then every shape with its fields."""
    info = document["info"]
    title = f"{escape(info['title'])} {escape(info['version'])}"
    return "".join(
        [
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>',
            f"<h1>{title}</h1><p>{_text(info['description'])}</p>",
            '<p>The same for programs: <a href="openapi.json">openapi.json</a></p>',
            *_routes(document["paths"]),
            "<h2>Shapes</h2>",
            *_shapes(document["components"]["schemas"]),
        ]
    )


def _routes(paths: dict[str, Any]) -> Iterator[str]:
    section = None
    for path, methods in paths.items():
        for method, operation in methods.items():
            tag = operation["tags"][0]
            if tag != section:
                section = tag
                yield f"<h2>{escape(tag)}</h2>"
            yield f"<h3><code>{method.upper()} {escape(path)}</code></h3><p>{_text(_said(operation))}</p>"
            yield _table(_parameter(parameter) for parameter in operation.get("parameters", ()))
            yield _table(_contents("body", operation.get("requestBody", {})))
            yield _table(row for status, answer in operation["responses"].items() for row in _contents(status, answer))


def _parameter(parameter: dict[str, Any]) -> tuple[str, str, str]:
    wanted = "wanted" if parameter.get("required") else "optional"
    return f"<code>{escape(parameter['name'])}</code>", f"{parameter['in']}, {wanted}", _text(_said(parameter))


def _contents(name: str, described: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for kind, content in described.get("content", {}).items():
        yield escape(name), escape(kind), _kind(content.get("schema", {})) or _text(_said(described))


def _shapes(schemas: dict[str, Any]) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        yield f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3><p>{_text(_said(schema))}</p>'
        fields = schema.get("properties", {}).items()
        yield _table((f"<code>{escape(field)}</code>", _kind(kind), _text(_said(kind))) for field, kind in fields)


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if choices := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(_kind(choice) for choice in choices)
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    if schema.get("type") == "array" and "items" in schema:
        return f"list of {_kind(schema['items'])}"
    return escape(str(schema.get("type", "")))


def _said(described: dict[str, Any]) -> str:
    return str(described.get("description", ""))


def _text(text: str) -> str:
    """Plain text with its `code` set apart."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def _table(rows: Any) -> str:
    lines = ["<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows]
    return f"<table>{''.join(lines)}</table>" if lines else ""
