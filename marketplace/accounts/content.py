"""What may be typed about people and organisations, and how it is read. No database."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from marketplace.accounts.uscc import faults
from marketplace.accounts.validators import SENTENCES
from marketplace.base.texts import Reader, Wrong, text

CAPABILITIES_MOST = 30
PROFILE_MOST = 4000
REASON_MOST = 1000
CODE = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
IDENTITY = re.compile(r"[0-9A-Z]{5,30}", re.ASCII)
EARLIEST = date(1900, 1, 1)


def uscc(raw: Any) -> str:
    typed: str = text(40)(raw)
    found = faults(typed) if typed else []
    if found:
        raise Wrong("uscc", str(SENTENCES[found[0]]))
    return typed


def address(raw: Any) -> str:
    """An e-mail address; the case of its host does not count."""
    typed: str = text(254)(raw)
    if not typed:
        return ""
    try:
        validate_email(typed)
    except ValidationError as error:
        raise Wrong("email", _("Enter an e-mail address.")) from error
    local, _at, host = typed.rpartition("@")
    return f"{local}@{host.lower()}"


def codes(raw: Any) -> list[str]:
    """Codes in the shape of a vocabulary's; whether it knows them is asked at the door."""
    if raw is None:
        return []
    if not isinstance(raw, list | tuple) or any(
        not isinstance(code, str) or not CODE.fullmatch(code) for code in raw
    ):
        raise Wrong("choice.unknown", _("Choose among the values offered."))
    chosen = list(dict.fromkeys(raw))
    if len(chosen) > CAPABILITIES_MOST:
        sentence = _("At most %(most)s, please.")
        raise Wrong("choice.many", sentence % {"most": CAPABILITIES_MOST})
    return chosen


def language(raw: Any) -> str:
    if raw in (None, ""):
        return settings.LANGUAGE_CODE
    if raw not in dict(settings.LANGUAGES):
        raise Wrong("choice.unknown", _("Choose one of the values offered."))
    return str(raw)


def link(raw: Any) -> str:
    typed: str = text(400)(raw)
    if not typed:
        return ""
    try:
        parts = urlsplit(typed)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.netloc or " " in typed:
        raise Wrong("link", _("Enter a web address that begins with https:// or http://."))
    return typed


def sha256(raw: Any) -> str:
    typed = text(80)(raw).lower()
    if typed and not SHA256.fullmatch(typed):
        raise Wrong("sha256", _("A SHA-256 hash has 64 digits from 0 to f."))
    return str(typed)


def identity_number(raw: Any) -> str:
    """The number of an identity document; its letters in capitals, without spaces."""
    typed = text(40)(raw).upper().replace(" ", "").replace("-", "")
    if typed and not IDENTITY.fullmatch(typed):
        raise Wrong("identity", _("Enter the number as it stands on the document."))
    return str(typed)


def day_of(raw: Any) -> date | None:
    """None where nothing is given. Raises Wrong."""
    if raw in (None, ""):
        return None
    try:
        day = raw if isinstance(raw, date) else parse_date(text(20)(raw))
    except ValueError:
        day = None
    if day is None:
        raise Wrong("date", _("Enter a date as 2026-11-22."))
    return day


def past_day(today: date) -> Reader:
    """A day that has come."""

    def read(raw: Any) -> date | None:
        day = day_of(raw)
        if day is not None and not EARLIEST <= day <= today:
            raise Wrong("date.range", _("The day must have come, and not before 1900."))
        return day

    return read


def flag(raw: Any) -> bool:
    return raw in (True, "on", "true")


ORGANISATION: dict[str, Reader] = {
    "name": text(120),
    "name_en": text(200),
    "profile_zh": text(PROFILE_MOST, lines=True),
    "profile_en": text(PROFILE_MOST, lines=True),
    "contact": text(200),
    "capabilities": codes,
    "is_owner": flag,
    "is_vendor": flag,
}
REGISTRATION: dict[str, Reader] = {
    "uscc": uscc,
    "name": text(120),
    "name_en": text(200),
    "is_owner": flag,
    "is_vendor": flag,
}
PERSON: dict[str, Reader] = {"name": text(80), "language": language}
EVIDENCE: dict[str, Reader] = {
    "licence_number": text(60),
    "registry_url": link,
    "legal_representative": text(80),
    "evidence_number": text(120),
    "evidence_sha256": sha256,
    "note": text(1000, lines=True),
}
EVIDENCE_NEEDED = ("licence_number", "legal_representative")
