from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.ledger.log import restarting
from marketplace.ledger.log.anchor import LogDamaged


class Command(BaseCommand):
    help = "After leaves were lost: go on under a new LOG_ORIGIN, and say in public what was lost."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="why, for everybody to read")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = restarting.restart(reason=options["reason"])
        except (restarting.NotRestarted, LogDamaged) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"The log goes on as {made.origin} with {made.size} leaves.")
