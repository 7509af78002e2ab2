"""统一社会信用代码: GB 32100-2015, with the organisation code of GB 11714-1997 inside. Pure.

Bidders check the codes of a consortium by the same lines on their own machines.
"""

from __future__ import annotations

from marketplace.base.packer import (
    ORG_ALPHABET,
    ORG_WEIGHTS,
    check_character,
    organisation_check_character,
)
from marketplace.base.packer import USCC_ALPHABET as ALPHABET
from marketplace.base.packer import USCC_WEIGHTS as WEIGHTS
from marketplace.base.packer import uscc_faults as faults

__all__ = [
    "ALPHABET",
    "ORG_ALPHABET",
    "ORG_WEIGHTS",
    "WEIGHTS",
    "check_character",
    "faults",
    "organisation_check_character",
]
