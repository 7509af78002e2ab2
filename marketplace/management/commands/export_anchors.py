from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from marketplace.ledger.log.models import Anchor


class Command(BaseCommand):
    help = "Write every timestamped checkpoint beside its token, for `openssl ts -verify`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        anchors = Anchor.objects.select_related("checkpoint").order_by("id")
        for number, anchor in enumerate(anchors.iterator(chunk_size=500), 1):
            checkpoint = anchor.checkpoint
            folder = options["folder"] / checkpoint.origin.replace("/", "_")
            folder.mkdir(parents=True, exist_ok=True)
            # Byte by byte what was stamped: no line end may be made another one.
            (folder / f"{checkpoint.size}.note").write_bytes(checkpoint.note.encode())
            token = folder / f"{checkpoint.size}.{anchor.authority}.tsr"
            token.write_bytes(bytes(anchor.token))
            self.stdout.write(f"{number}: {token} of {anchor.stamped_at:%Y-%m-%dT%H:%M:%SZ}")
