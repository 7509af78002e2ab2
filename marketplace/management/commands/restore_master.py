from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.base import shares
from marketplace.bidding.master import recipient_of
from marketplace.management.identities import write_secret


class Command(BaseCommand):
    help = "Write the master identity anew from any two of its three shares."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("shares", nargs="+", type=Path, help="two or three share files")
        parser.add_argument("--out", type=Path, required=True, help="the file to be written")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            given = [(str(file), file.read_bytes()) for file in options["shares"]]
            if len(dict(given)) < len(given):
                raise CommandError("One file was named twice.")
            secret, label = shares.restore(dict(given))
            identity = secret.decode("ascii")
            if recipient_of(identity) != label:
                raise CommandError("The shares give another identity than they say.")
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from error
        except shares.BadShare as bad:
            raise CommandError(f"{bad}.") from bad
        except ValueError as error:
            raise CommandError("The shares give no identity.") from error
        write_secret(options["out"], f"{identity}\n".encode())
        self.stdout.write(f"{options['out']} holds the identity of {label}")
        if label != settings.OPENER_RECIPIENT:
            self.stderr.write("This is not the identity of OPENER_RECIPIENT.")
