"""Makes a migration in a new process, which imports the models as they are now.

The first argument is the message. The URL of a migrated database comes from standard input.
"""

import sys

from app.config import example_settings
from app.core.database import migrations


def main() -> None:
    settings = example_settings(database_url=sys.stdin.read())
    migrations.revision(settings, sys.argv[1])


if __name__ == "__main__":
    main()
