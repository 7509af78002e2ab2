from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketplace.ledger.log import checking


class Command(BaseCommand):
    help = (
        "Compute the whole log anew and hold it against what is stored; name the first wrong row."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = checking.run()
        if found.problem:
            raise CommandError(found.problem)
        self.stdout.write(
            f"everything holds: {found.leaves} leaves, {found.checkpoints} checkpoints,"
            f" {found.receipts} receipts"
        )
