from typing import Any

from django.core.management.base import BaseCommand

from marketplace.scenarios.likeness.keeping import sketch_again


class Command(BaseCommand):
    help = (
        "Sketch demands for the comparison with earlier ones: those that have no sketch yet, or"
        " --all of them anew. In batches beside everything else; may be stopped and run again."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--all", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        def told(done: int) -> None:
            if done % 10_000 == 0:
                self.stdout.write(f"{done} …")

        self.stdout.write(f"{sketch_again(every=options['all'], told=told)} demands sketched")
