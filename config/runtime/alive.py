"""Whether the program of this container does its work: exit code 0, or 1 and why.

    python -m config.runtime.alive web
    python -m config.runtime.alive opener 60
    python -m config.runtime.alive "task marketplace.tasks.sweep_deadlines" 120

Anything but `web` is a sign of life in the database, not older than so many seconds. Without Django,
since it runs every half minute.
"""

import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psycopg

ASK = (
    "SELECT extract(epoch FROM marketplace_now() - beat_at) FROM marketplace_heartbeat"
    " WHERE name = %s"
)
READY = "http://127.0.0.1:8000/health/ready"


def main(arguments: list[str]) -> int:
    if arguments == ["web"]:
        problem = web(os.environ.get("ALIVE_URL", READY))
    elif len(arguments) == 2 and arguments[1].isdigit():
        problem = sign_of_life(arguments[0], int(arguments[1]))
    else:
        print(__doc__)
        return 2
    if problem:
        print(problem)
    return 1 if problem else 0


def web(url: str) -> str:
    # The name that the site accepts besides its own; see ALLOWED_HOSTS of docker-compose.yml.
    request = urllib.request.Request(url, headers={"Host": "localhost"})
    try:
        urllib.request.urlopen(request, timeout=4).close()
    except urllib.error.HTTPError as answer:
        return f"{answer.code}: {answer.read(2000).decode(errors='replace')}"
    except OSError as error:
        return str(error)
    return ""


def sign_of_life(name: str, most_seconds: int) -> str:
    try:
        with psycopg.connect(database_url(), connect_timeout=3) as connection:
            row = connection.execute(ASK, [name]).fetchone()
    except psycopg.Error as error:
        return f"the database does not answer ({type(error).__name__})"
    if row is None:
        return f"{name} has given no sign of life yet"
    return f"{name} is silent for {row[0]:.0f} s" if row[0] > most_seconds else ""


def database_url() -> str:
    file = os.environ.get("DATABASE_URL_FILE")
    return Path(file).read_text().strip() if file else os.environ["DATABASE_URL"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
