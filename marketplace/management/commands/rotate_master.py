from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.bidding.master import NotRotated, recipient_of, rotate
from marketplace.management.identities import read_identity


class Command(BaseCommand):
    help = (
        "Wrap every envelope's identity to a new master identity; the old one then opens nothing. "
        "Needs DATABASE_OWNER_URL. May be killed and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--old", type=Path, required=True, help="file of the old identity")
        parser.add_argument("--new", type=Path, required=True, help="file of the new identity")

    def handle(self, *args: Any, **options: Any) -> None:
        old, new = read_identity(options["old"]), read_identity(options["new"])
        if old == new:
            raise CommandError("Both files hold the same identity.")
        if recipient_of(new) != settings.OPENER_RECIPIENT:
            raise CommandError(
                "Set OPENER_RECIPIENT to the new identity's recipient first, for web and worker "
                f"too: {recipient_of(new)}"
            )
        try:
            changed, there = rotate(old=old, new=new)
        except NotRotated as refusal:
            raise CommandError(f"{refusal}.") from refusal
        self.stdout.write(f"{changed} wrapped anew; all {there} open with the new identity alone")
