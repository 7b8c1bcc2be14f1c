"""`python -m app.migrate`: what must be there before a service starts. Running it again changes nothing."""

from app.settings import Settings
from app.store import open_objects
from winnow.db.migrate import upgrade


def main() -> None:
    """Bring the tables up to this version and make the bucket. Raises Unavailable where either does not answer."""
    settings = Settings()
    upgrade(settings.database_url)
    open_objects(settings).make_bucket()


if __name__ == "__main__":
    main()
