"""Tables as CSV (RFC 4180)."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import Response

from app.negotiation import CSV


def csv_response(columns: Sequence[str], rows: Iterable[Sequence[Any]], filename: str) -> Response:
    """The rows under their names; nothing stands for null. `filename` is ASCII without quotes."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    disposition = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(text.getvalue(), media_type=f"{CSV}; charset=utf-8; header=present", headers=disposition)
