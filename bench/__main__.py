from __future__ import annotations

import argparse
import sys

import bench
from bench import (
    attempts,
    bids,
    boundary,
    draw,
    evaluate,
    ledger,
    likeness,
    lists,
    recall,
    score,
    sealing,
    search,
    uploads,
)

COMMANDS = {
    "attempts": attempts.everything,
    "lists": lists.everything,
    "list": lists.in_process,
    "list-requests": lists.requests,
    "list-growth": lists.growth,
    "list-queries": lists.queries,
    "pages": lists.pages,
    "search": search.words,
    "likeness": likeness.compared,
    "recall": recall.labelled,
    "bids": bids.submissions,
    "boundary": boundary.tries,
    "ledger": ledger.everything,
    "uploads": uploads.everything,
    "score": score.page,
    "sealing": sealing.everything,
    "draw": draw.everything,
    "scoring": evaluate.scoring,
    "bootstrap": evaluate.bootstrap,
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="demands in the lists, leaves in the log"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each round on a real server")
    parser.add_argument(
        "--megabytes", type=int, default=200, help="of the file that is uploaded or sealed"
    )
    parser.add_argument("--tries", type=int, default=10_000, help="submissions at their deadline")
    parser.add_argument("--results", type=int, default=10_000_000, help="rows of a result file")
    parser.add_argument("--attempts", type=int, default=1_000, help="queued at once in a race")
    given = parser.parse_args()
    return COMMANDS[given.what](given)


if __name__ == "__main__":
    sys.exit(main())
