from typing import Any

from django.core.management.base import BaseCommand

from marketplace.scenarios.search.indexing import index_again


class Command(BaseCommand):
    help = (
        "Index posted demands for the board's search: those that have no words yet, or --all of"
        " them anew, after texts of organisations or terms have changed. In batches beside"
        " everything else; may be stopped and run again."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--all", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        def told(done: int) -> None:
            if done % 10_000 == 0:
                self.stdout.write(f"{done} …")

        self.stdout.write(f"{index_again(every=options['all'], told=told)} demands indexed")
