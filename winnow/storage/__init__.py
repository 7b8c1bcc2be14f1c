"""Content-addressed objects: a local folder, S3, GCS, Azure or memory, by URL."""

from winnow.storage.objects import Objects

__all__ = ["Objects"]
