from typing import Any

from django.core.management.base import BaseCommand

from marketplace.accounts.factors import encrypt_again, new_key_line


class Command(BaseCommand):
    help = (
        "Puts the secrets of second factors under the first key of FACTOR_KEY_FILE. "
        "May run at any time, and twice. --new-key prints a line for that file instead."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--new-key", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_key"]:
            self.stdout.write(new_key_line())
            return
        self.stdout.write(f"{encrypt_again()} encrypted anew")
