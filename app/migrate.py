"""`python -m app.migrate`: what must be there before a service starts. Running it again changes nothing."""

import sys

import structlog
from pydantic import ValidationError

from app.settings import Settings
from winnow import logs
from winnow.contract.problems import WinnowError
from winnow.contract.reading import refused
from winnow.db.migrate import upgrade


def main() -> int:
    """Bring the tables up to this version and make the bucket; 1 where a setting is wrong or either does not answer."""
    logs.set_up()
    try:
        settings = Settings()
        upgrade(settings.database_url)
        settings.open_objects().make_bucket()
    except (ValidationError, WinnowError) as error:
        structlog.get_logger().error("cannot start", detail=refused(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
