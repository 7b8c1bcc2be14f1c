"""The moves that docs/states.md allows: what the code is held to."""

import re

from tests.support.sources import ROOT

ROW = re.compile(r"^\| (–|`\w+`) \| `(\w+)` \|", re.MULTILINE)


def moves(heading: str) -> set[tuple[str | None, str]]:
    """From and to of each row of the table under a heading; a new row comes from None."""
    page = (ROOT / "docs" / "states.md").read_text()
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {(None if before == "–" else before.strip("`"), after) for before, after in ROW.findall(section)}
