from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.base import shares
from marketplace.bidding.master import recipient_of
from marketplace.management.identities import read_identity, write_secret


class Command(BaseCommand):
    help = "Write the master identity as three shares, any two of which restore it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="where the three files go")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.OPENER_IDENTITY_FILE:
            raise CommandError("OPENER_IDENTITY_FILE is not set: only the opener is given it.")
        identity = read_identity(settings.OPENER_IDENTITY_FILE)
        options["folder"].mkdir(parents=True, exist_ok=True, mode=0o700)
        made = shares.split(identity.encode(), label=recipient_of(identity))
        files = [options["folder"] / f"share-{place}.json" for place in shares.PLACES]
        for file, share in zip(files, made, strict=True):
            write_secret(file, share)
        # Before anybody relies on them.
        for missing in files:
            two = {str(file): file.read_bytes() for file in files if file != missing}
            if shares.restore(two)[0] != identity.encode():
                raise CommandError("The shares do not give the identity back: throw them away.")
        for file in files:
            self.stdout.write(f"{file}")
        self.stdout.write("Give each to another person, and remove them here.")
