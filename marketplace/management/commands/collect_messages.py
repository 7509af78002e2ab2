"""Keep the Chinese catalogue in step with the texts, without gettext's own programs."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polib
from babel.messages.extract import extract
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation.template import templatize

KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
Key = tuple[str, str, str]  # context, msgid, plural


def catalogue_path() -> Path:
    return Path(settings.LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES" / "django.po"


def sources() -> Iterator[tuple[Path, str]]:
    room = settings.BASE_DIR / "marketplace"
    for path in sorted(room.rglob("*.py")):
        if "migrations" not in path.parts:
            yield path, path.read_text("utf-8")
    for path in sorted(room.rglob("templates/**/*.*")):
        if path.suffix in {".html", ".txt"}:
            yield path, one_line(templatize(path.read_text("utf-8"), origin=str(path)))
    yield (
        settings.BASE_DIR / "config/settings.py",
        (settings.BASE_DIR / "config/settings.py").read_text(),
    )


def one_line(text: str) -> str:
    """Django's stand-in text has no Python indentation, so it is read as a single line."""
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return re.sub(r"\s+", " ", " ".join(kept)).strip() + "\n"


def found_messages() -> dict[Key, str]:
    """Every text that is to be translated, with the file that has it first."""
    found: dict[Key, str] = {}
    for path, text in sources():
        lines = io.BytesIO(text.encode())
        for _line, message, _comments, context in extract("python", lines, KEYWORDS):
            single, plural = message if isinstance(message, tuple) else (message, "")
            if single:
                place = str(path.relative_to(settings.BASE_DIR))
                found.setdefault((context or "", single, plural), place)
    return found


def key_of(entry: polib.POEntry) -> Key:
    return (entry.msgctxt or "", entry.msgid, entry.msgid_plural or "")


def faults(catalogue: polib.POFile, found: dict[Key, str]) -> list[str]:
    known = {key_of(entry): entry for entry in catalogue}
    missing = [f"missing: {key[1]!r} ({found[key]})" for key in found.keys() - known.keys()]
    stale = [f"no longer used: {key[1]!r}" for key in known.keys() - found.keys()]
    empty = [f"not translated: {e.msgid!r}" for e in catalogue if not e.translated()]
    places = [
        f"places differ: {e.msgid!r}"
        for e in catalogue
        if e.translated()
        and named_places(e.msgid) != named_places(e.msgstr or e.msgstr_plural[0])
        and not e.msgid_plural
    ]
    return sorted(missing + stale + empty + places)


def named_places(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


class Command(BaseCommand):
    help = "Bring new texts into the Chinese catalogue (then translate them), or --check it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="fail if anything is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        path = catalogue_path()
        catalogue = polib.pofile(str(path), wrapwidth=100) if path.exists() else new_catalogue()
        found = found_messages()
        if options["check"]:
            wrong = faults(catalogue, found)
            if wrong:
                raise CommandError("\n".join(wrong))
            self.stdout.write(f"{len(found)} texts, all translated")
            return
        kept = {key_of(entry): entry for entry in catalogue}
        catalogue.clear()
        for key in sorted(found):
            entry = kept.get(key) or new_entry(key)
            entry.occurrences = [(found[key], "")]
            catalogue.append(entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        catalogue.save(str(path))
        left = sum(not entry.translated() for entry in catalogue)
        self.stdout.write(f"{len(found)} texts, {left} to translate")


def new_catalogue() -> polib.POFile:
    catalogue = polib.POFile(wrapwidth=100)
    catalogue.metadata = {
        "Language": "zh_Hans",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=1; plural=0;",
    }
    return catalogue


def new_entry(key: Key) -> polib.POEntry:
    context, single, plural = key
    entry = polib.POEntry(msgid=single, msgctxt=context or None)
    if plural:
        entry.msgid_plural, entry.msgstr_plural = plural, {0: ""}
    return entry
