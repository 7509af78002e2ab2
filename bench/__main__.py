from __future__ import annotations

import argparse
import sys

import bench
from bench import lists

COMMANDS = {
    "list": lists.in_process,
    "list-requests": lists.requests,
    "list-growth": lists.growth,
    "list-queries": lists.queries,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    COMMANDS[given.what](given.rows, given.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
