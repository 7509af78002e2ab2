"""Where a text tells how to reach somebody: mail, telephone, messenger. Pure.

The one place for these patterns: what must not be posted and what would tell who asks both look
here. Text comes folded (NFKC), so full-width signs are plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

MAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]+[ \t]?(?:@|\(at\)|\[at\])[ \t]?"
    # Blanks stand in plain names alone; others are read where they are whole.
    r"(?:[a-z0-9-]+(?:[ \t]?\.[ \t]?[a-z0-9-]+)+|[\w-]+(?:\.[\w-]+)+)",
    re.IGNORECASE,
)
MOBILE = re.compile(
    r"(?<![\d.,])(?:\+?86[ \t-]?)?(?:1[ \t]?[3-9](?:[ \t-]?\d){9}|1[3-9]\d\.\d{4}\.\d{4})"
    r"(?!\d|[.,]\d|[ \t]?%)"
)
LINES = (
    re.compile(
        r"(?<![\d.-])(?:\+?86[ \t-]?)?\(?0(?:10|2\d|[3-9]\d\d)\)?[ \t-]?[2-9]\d{3}[ \t-]?\d{3,4}"
        r"(?![\d.])"
    ),
    re.compile(r"(?<![\d.-])[48]00[- ]\d{3,4}[- ]\d{3,4}(?!\d)"),
)
# After a colon any name; without one a name that holds a digit, since “WeChat programs” is none.
MESSENGER = re.compile(
    r"(?:微信|wechat|weixin|(?<![a-z])qq)[ \t]*(?:号|id)?[ \t]*"
    r"(?:[:=][ \t]*[a-z0-9_-]{5,}|(?=[a-z_-]*\d)[a-z0-9_-]{5,})",
    re.IGNORECASE,
)


def mails(text: str) -> Iterator[Span]:
    return (found.span() for found in MAIL.finditer(text))


def mobiles(text: str) -> Iterator[Span]:
    return (found.span() for found in MOBILE.finditer(text))


def lines(text: str) -> Iterator[Span]:
    """Telephones of a place, and those that cost the caller nothing."""
    for pattern in LINES:
        yield from (found.span() for found in pattern.finditer(text))


def messengers(text: str) -> Iterator[Span]:
    return (found.span() for found in MESSENGER.finditer(text))
