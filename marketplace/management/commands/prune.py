from typing import Any

from django.core.management.base import BaseCommand

from marketplace.notices.pruning import prune


class Command(BaseCommand):
    help = "Deletes read notices, sent mails of a day and finished jobs whose time is over."

    def handle(self, *args: Any, **options: Any) -> None:
        for what, number in prune().items():
            self.stdout.write(f"{what}: {number}")
