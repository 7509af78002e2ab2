from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from marketplace.management.backup import bundle


class Command(BaseCommand):
    help = "Restore a backup into an empty database and an empty storage, and check both."
    # There is nothing yet to be checked.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        bundle.restore(options["folder"], self.stdout.write)
