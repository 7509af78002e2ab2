"""Hold the storage against the records: files of nobody, records without their bytes."""

import hashlib
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Model

from marketplace.bidding.models import OpenedFile, SealedEnvelope, SealedPackage
from marketplace.bidding.returns.queries import destroyed_names
from marketplace.files import storage, sweeps
from marketplace.files.access import broken_days
from marketplace.files.models import Upload, UploadState

# folder -> the records whose stored_name lies in it
KEPT: dict[str, list[type[Model]]] = {
    "sealed": [SealedEnvelope],
    "opened": [OpenedFile],
    "uploads": [Upload],
}


class Command(BaseCommand):
    help = "Names stored files that no record points to, and days of the access log that differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--hashes", action="store_true", help="read every file again")
        parser.add_argument("--remove", action="store_true", help="remove files of no record")

    def handle(self, *args: Any, **options: Any) -> None:
        orphans = list(sweeps.orphans({folder: list(names(folder)) for folder in KEPT}))
        for name in orphans:
            print(f"ORPHAN {name}")
            if options["remove"]:
                storage.discard(name)
        faults = list(damaged()) if options["hashes"] else []
        for fault in faults:
            print(f"DAMAGED {fault}")
        days = broken_days()
        for day in days:
            print(f"ACCESS LOG {day}")
        print(f"{len(orphans)} orphans, {len(faults)} damaged, {len(days)} days differ")
        if faults or days or (orphans and not options["remove"]):
            raise CommandError("The storage and the records differ.")


def rows(folder: str) -> Iterator[Any]:
    for model in KEPT[folder]:
        found = model._default_manager.order_by("pk")
        if model is Upload:
            found = found.filter(state=UploadState.STORED)
        yield from found.iterator(chunk_size=500)


def names(folder: str) -> Iterator[str]:
    """Whatever a record points to, bids that are sealed and not yet submitted among them."""
    for row in rows(folder):
        yield row.stored_name
    if folder == "sealed":
        for package in SealedPackage.objects.order_by("pk").iterator(chunk_size=500):
            yield from (file["stored_name"] for file in package.envelopes)


def damaged() -> Iterator[str]:
    gone = destroyed_names()
    for folder in KEPT:
        for row in rows(folder):
            if row.stored_name in gone:
                continue
            running = hashlib.sha256()
            try:
                size = row.length if isinstance(row, Upload) else row.size
                for piece in storage.stream(row.stored_name, 0, size):
                    running.update(piece)
            except FileNotFoundError:
                yield f"{row.stored_name} (gone)"
                continue
            if running.hexdigest() != row.sha256:
                yield row.stored_name
