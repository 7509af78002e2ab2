import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.management.backup import bundle, database


class Command(BaseCommand):
    help = "Compare database and storage with a backup; with --mark, list what is lost since."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?")
        parser.add_argument("--save-mark", type=Path, help="write how far the ledger has come")
        parser.add_argument("--mark", type=Path, help="a mark that was saved later than the backup")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["save_mark"]:
            options["save_mark"].write_text(json.dumps(database.mark()), "utf-8")
        if options["mark"]:
            self.tell_lost(json.loads(options["mark"].read_text("utf-8")))
        if options["folder"]:
            bundle.check(options["folder"], self.stdout.write)

    def tell_lost(self, saved: dict[str, Any]) -> None:
        number, gone = database.lost_since(saved)
        for event in gone:
            self.stdout.write(f"lost: event {event['uid']} of {event['at']}")
        if number:
            raise CommandError(f"{number} events are lost of the {saved['events']} at the mark.")
        self.stdout.write("nothing is lost since the mark")
