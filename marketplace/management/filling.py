from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand


class FillingCommand(BaseCommand):
    """Fills what is missing, or --all anew, and says how far it is.

    fill: takes `every` and `told`, returns how many. done: what is said at the end, after that.
    """

    fill: Callable[..., int]
    done: str

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--all", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        def told(done: int) -> None:
            if done % 10_000 == 0:
                self.stdout.write(f"{done} …")

        self.stdout.write(f"{self.fill(every=options['all'], told=told)} {self.done}")
