"""Refusals. Each has a stable code, a status and a sentence that names the field and the rule."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class DomainError(Exception):
    """A refusal that a door turns into a sentence or a problem document.

    `code` never changes once published. `message` may hold %(name)s places filled from `params`.
    `errors` maps a field to its sentences when the content itself is wrong.
    """

    status = 409
    code = "refused"
    message: Text = _("This is not possible now.")

    def __init__(
        self,
        message: Text | None = None,
        *,
        code: str | None = None,
        errors: dict[str, list[Text]] | None = None,
        **params: Any,
    ) -> None:
        self.message = message or type(self).message
        self.code = code or type(self).code
        self.errors = errors or {}
        self.params = params
        super().__init__(self.code)

    def __str__(self) -> str:
        text = str(self.message)
        return text % self.params if self.params else text


class StateConflict(DomainError):
    code = "state.conflict"
    message = _("This step is not possible in the present state.")


class Stale(DomainError):
    """The form was filled from an older version of the record."""

    code = "state.stale"
    message = _("Somebody changed this record while you were working on it.")


class DeadlinePassed(DomainError):
    code = "deadline.passed"
    message = _("The deadline has passed.")


class TooEarly(DomainError):
    code = "deadline.not_reached"
    message = _("The time for this step has not come yet.")


class NotAllowed(DomainError):
    """The actor may see the object but not do this to it."""

    status = 403
    code = "not_allowed"
    message = _("Your role does not allow this step.")


class PledgeMissing(DomainError):
    """The role allows it, once the person has signed its pledges."""

    status = 403
    code = "pledge.missing"
    message = _(
        "Sign your pledges first: your role acts, and reads what is confidential, after it."
    )


class ReadingNeedsPledge(PledgeMissing):
    """What was asked for is confidential; it opens once confidentiality is pledged."""


class NotFound(DomainError):
    status = 404
    code = "not_found"
    message = _("There is no such record, or you may not see it.")


class Gone(DomainError):
    """It was there, and is used up."""

    status = 410
    code = "gone"
    message = _("This is no longer valid.")


class Invalid(DomainError):
    """The content is wrong; `errors` says what, field by field."""

    status = 422
    code = "content.invalid"
    message = _("Some of what was entered is not right.")


class TooLarge(DomainError):
    status = 413
    code = "limit.size"
    message = _("This is larger than allowed.")


class TooMany(DomainError):
    status = 429
    code = "limit.rate"
    message = _("Too many requests. Try again later.")


class StorageAway(DomainError):
    """The disk is full or gone. Nothing of the request was kept."""

    status = 503
    code = "storage.away"
    message = _(
        "The platform cannot store files at the moment. Nothing was received; try again shortly."
    )
