"""Replay the drawings of panels from the database, by the script that everybody gets."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.committee.draw import verify_draw
from marketplace.committee.draw.models import Draw, DrawState
from marketplace.committee.draw.replay import check


class Command(BaseCommand):
    help = "Replay every drawn panel (or those of one demand) from the database. Prints no name."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ref", nargs="?", default="", help="the demand's reference; else all")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = Draw.objects.filter(state=DrawState.DRAWN).select_related("scenario")
        if options["ref"]:
            rows = rows.filter(scenario__ref=options["ref"])
        failed = 0
        for draw in rows.order_by("pk"):
            found, code = check(draw)
            failed += code != 0
            self.stdout.write(f"{draw.scenario.ref} round {draw.round}: {draw.uid}")
            for held, what, values in found:
                # Who sat is told with the result and not here.
                told = {**values, "name": "…"} if "name" in values else values
                words = verify_draw.said(what, told, 1)
                self.stdout.write(f"  {'✓' if held else '✗'} {words}")
        if failed:
            raise CommandError(f"{failed} draws do not replay.")
