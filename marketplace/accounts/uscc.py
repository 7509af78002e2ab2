"""统一社会信用代码: GB 32100-2015, with the organisation code of GB 11714-1997 inside. Pure."""

from __future__ import annotations

import re
import unicodedata

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I, O, S, V, Z
WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
ORG_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def check_character(first17: str) -> str:
    """The 18th character by GB 32100 (mod 31)."""
    total = sum(ALPHABET.index(c) * w for c, w in zip(first17, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def organisation_check_character(first8: str) -> str:
    """The 9th character of the organisation code (positions 9-16 → 17) by GB 11714 (mod 11)."""
    total = sum(ORG_ALPHABET.index(c) * w for c, w in zip(first8, ORG_WEIGHTS, strict=True))
    return "0123456789X"[-total % 11]


def faults(text: str) -> list[str]:
    """What is wrong with a code, every fault by its own name; empty when it is right.

    full_width, lower_case, length, alphabet, region, organisation_check, check. The two check
    digits are only judged where length and alphabet allow it.
    """
    found = []
    if unicodedata.normalize("NFKC", text) != text:
        found.append("full_width")
        text = unicodedata.normalize("NFKC", text)
    if text != text.upper():
        found.append("lower_case")
        text = text.upper()
    if len(text) != 18:
        found.append("length")
    if set(text) - set(ALPHABET):
        found.append("alphabet")
    if "length" in found or "alphabet" in found:
        return found
    if not re.fullmatch(r"\d{6}", text[2:8]):
        found.append("region")
    if organisation_check_character(text[8:16]) != text[16]:
        found.append("organisation_check")
    if check_character(text[:17]) != text[17]:
        found.append("check")
    return found
