"""The evaluation's age identity: of its own process alone, as the opener's is of the opener."""

from __future__ import annotations

from pathlib import Path

import pyrage
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def read_identity() -> str:
    """Held against the recipient to which owners seal. Raises ImproperlyConfigured."""
    if not settings.EVALUATION_IDENTITY_FILE:
        raise ImproperlyConfigured(
            "EVALUATION_IDENTITY_FILE is not set: only the evaluation's worker is given it."
        )
    try:
        text = Path(settings.EVALUATION_IDENTITY_FILE).read_text("ascii").strip()
        public = str(pyrage.x25519.Identity.from_str(text).to_public())
    except (OSError, ValueError, pyrage.IdentityError) as error:
        raise ImproperlyConfigured(
            "EVALUATION_IDENTITY_FILE does not hold a readable age identity."
        ) from error
    if public != settings.EVALUATION_RECIPIENT:
        raise ImproperlyConfigured("The identity does not belong to EVALUATION_RECIPIENT.")
    return text


def refuse_identity() -> None:
    """For every process but the evaluation's own: it does not start with the key to the truth."""
    if settings.EVALUATION_IDENTITY_FILE:
        raise ImproperlyConfigured(
            "EVALUATION_IDENTITY_FILE is set: only the evaluation's worker may be given it."
        )
