"""``python -m cambrian`` is the command `cambrian`."""

import sys

from cambrian.cli import main

if __name__ == "__main__":
    sys.exit(main())
