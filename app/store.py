"""The object store that the settings name."""

from app.settings import Settings
from winnow.storage import Objects


def open_objects(settings: Settings) -> Objects:
    """The store at `storage_url`. Raises Unavailable where there is none of that kind."""
    return Objects.open(
        settings.storage_url,
        endpoint=settings.s3_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else None,
        region=settings.s3_region,
    )
