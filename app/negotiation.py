"""Which of several forms of an answer a caller would rather have (RFC 9110, 12.5.1)."""

JSON = "application/json"
CSV = "text/csv"
EVENTS = "text/event-stream"


def preferred(accept: str | None, *offers: str) -> str:
    """The offer that an `Accept` header likes best; the first one where it says nothing or names none of them."""
    if not accept:
        return offers[0]
    liked = [_part(part) for part in accept.split(",")]
    return max(offers, key=lambda offer: max((_weight(offer, media, q) for media, q in liked), default=0.0))


def _part(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((p.partition("=")[2] for p in parameters if p.startswith("q=")), "1")
    try:
        return media, float(quality)
    except ValueError:
        return media, 0.0


def _weight(offer: str, media: str, quality: float) -> float:
    if media == offer:
        return quality
    # A named form goes before a wildcard of the same quality, whatever their order.
    return quality * 0.999 if media in ("*/*", f"{offer.partition('/')[0]}/*") else 0.0
