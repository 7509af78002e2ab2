"""What is said of each fault of a bid, by code: one list for the server and for the browser."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from marketplace.accounts.validators import SENTENCES as USCC

SENTENCES: dict[str, Any] = {
    "envelope_missing": _("This envelope is missing."),
    "fill_in": _("Please fill this in."),
    "nothing_asked": _("Nothing is asked here."),
    "row_needed": _("At least one row is needed."),
    "rows_most": _("At most %(limit)s rows are allowed."),
    "agreement": _("Without this agreement the bid cannot be accepted."),
    "other_kind": _("This is not of the expected kind."),
    "whole_number": _("Enter a whole number from %(least)s to %(most)s."),
    "amount": _("Enter an amount in yuan with at most two decimals, such as 1280000.00."),
    "percentage": _("Enter a percentage below 100 with at most two decimals, such as 6."),
    "share": _("Enter a share above 0 and below 100 with at most two decimals, such as 35.5."),
    "telephone": _("Enter a telephone number of 5 to 40 digits, such as 021-00000701."),
    "email": _("Enter an e-mail address."),
    "number": _("Enter a number with at most six decimals."),
    "characters": _("This contains characters that cannot be kept."),
    "consortium_most": _("This demand allows %(most)s members, the lead included."),
    "consortium_none": _("This demand does not allow a consortium."),
    "named_twice": _("This organisation is named twice, or is the bidder itself."),
    "shares_sum": _(
        "The shares of all members, the lead included, add up to %(sum)s percent, not 100."
    ),
    "agreement_file": _("No file of this envelope has this name."),
    "price_zero": _("The price must be more than zero."),
    "above_budget": _(
        "The price is above the challenge budget of CNY %(budget)s. "
        "Bids above the budget are not accepted."
    ),
    "nodes_sum": _("The payment nodes add up to CNY %(sum)s, the total is CNY %(total)s."),
    "files_most": _("At most five files fit into one envelope."),
    "file_name": _("“%(name)s” cannot be used as a file name. Rename the file."),
    "file_twice": _("Two files are called “%(name)s”."),
    "file_empty": _("“%(name)s” is empty."),
    "names_bidder": _(
        "The technical envelope is anonymous, but this names the bidder: “%(name)s”."
    ),
    **{f"uscc_{code}": sentence for code, sentence in USCC.items()},
}


def said(code: str, **values: Any) -> str:
    """The sentence of a fault in the reader's language."""
    return str(SENTENCES[code]) % values


def too_long(limit: int, length: int) -> str:
    return too_long_pattern(limit) % {"limit": limit, "length": length}


def too_long_pattern(limit: int) -> str:
    return ngettext(
        "At most %(limit)s character is allowed; there are %(length)s.",
        "At most %(limit)s characters are allowed; there are %(length)s.",
        limit,
    )


def all_sentences() -> dict[str, str | list[str]]:
    """Every pattern in the reader's language; of `too_long` that for one and that for more."""
    told: dict[str, str | list[str]] = {code: str(text) for code, text in SENTENCES.items()}
    return told | {"too_long": [too_long_pattern(1), too_long_pattern(2)]}
