"""The API's settings, from WINNOW_… variables; the only place under `app` that reads the environment."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from winnow.jobs.backends import Backends

GIB = 1024**3


class Settings(Backends, BaseSettings):
    """What one API process is told. Without a word it works alone, in the folder `.winnow`."""

    model_config = SettingsConfigDict(env_prefix="WINNOW_", env_ignore_empty=True, frozen=True, extra="ignore")

    api_key: SecretStr | None = Field(
        None, description="What `Authorization: Bearer` must carry; nothing unless given."
    )
    max_upload_bytes: int = Field(2 * GIB, gt=0, description="Largest data set that may come in.")
    default_model: str | None = Field(None, description="What POST /predict asks when nothing is named.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    listen_fd: int | None = Field(None, ge=3, description="A listening socket that was handed over, instead of both.")

    @property
    def uploads(self) -> Path:
        """Where data sets lie while they come in."""
        return self.home / "uploads"

    @property
    def fetched(self) -> Path:
        """Where models lie that were asked lately."""
        return self.home / "fetched"
