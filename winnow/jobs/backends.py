"""Where rows, objects, the bell and data sets are: what API and worker must be told alike. Read in their settings."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from winnow.storage import Objects

Folder = Annotated[Path, AfterValidator(Path.absolute)]


def _in_home(prefix: str, name: str) -> Any:
    """A default that follows from the home folder, which is read before."""
    return lambda known: f"{prefix}{known['home'] / name}"


class Backends(BaseModel):
    """The settings that both have. Without a word all of it lies in the folder `.winnow`."""

    home: Folder = Field(Path(".winnow"), description="Folder of what is on its way, and of all that is not elsewhere.")
    database_url: str = Field(
        default_factory=_in_home("sqlite:///", "winnow.db"),
        description="Where rows are: SQLite (`sqlite:////…`) or Postgres (`postgresql://…`).",
    )
    storage_url: str = Field(
        default_factory=_in_home("file://", "store"),
        description="Where objects lie: `file:///…`, `s3://…`, `gs://…`, `az://…`.",
    )
    broker_url: str = Field(
        default_factory=_in_home("filesystem://", "bell"),
        description="Where the bell is rung: `filesystem:///…` or `redis://…`.",
    )
    data_dir: Folder | None = Field(None, description="Folder of data sets and of published weights.")
    s3_endpoint: str | None = Field(None, description="Address of an S3 store that is not Amazon's.")
    s3_access_key: str | None = Field(None, description="The name of the store's key.")
    s3_secret_key: SecretStr | None = Field(None, description="The key itself.")
    s3_region: str | None = Field(None, description="The store's region.")

    def open_objects(self) -> Objects:
        """The store at `storage_url`. Raises Unavailable where there is none of that kind."""
        return Objects.open(
            self.storage_url,
            endpoint=self.s3_endpoint,
            access_key=self.s3_access_key,
            secret_key=self.s3_secret_key.get_secret_value() if self.s3_secret_key else None,
            region=self.s3_region,
        )
