from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from marketplace.management.backup import bundle


class Command(BaseCommand):
    help = "Save database and files into a new folder. Keys are not in it: keep them apart."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        bundle.save(options["folder"], self.stdout.write)
