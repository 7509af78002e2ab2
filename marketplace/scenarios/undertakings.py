"""保密承诺: what a reader undertakes before the first download of a restricted file."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation, User
from marketplace.accounts.pledges import PledgeText
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.ledger.models import append_only
from marketplace.scenarios.attachments import Attachment

# Its text is among the pledges', though no role is asked for it: each file is.
TEXT = "confidentiality-file"


class UndertakingMissing(DomainError):
    """`row` is the file: the reader may know of it, and downloads it once this is signed."""

    status = 403
    code = "undertaking.missing"
    message = _("Sign the undertaking for this file first; then it can be downloaded.")

    def __init__(self, row: Attachment) -> None:
        super().__init__()
        self.row = row


class UndertakingQuerySet(models.QuerySet["Undertaking"]):
    def visible_to(self, actor: Actor) -> UndertakingQuerySet:
        """One's own; to the demand's owner and the office, who may read the file at all."""
        if actor.is_office:
            return self
        seen = Q(user=actor.user_id) if actor.user_id else Q(pk=None)
        if actor.organisation_id:
            seen |= Q(attachment__scenario__organisation_id=actor.organisation_id)
        demand = "attachment__scenario"
        return self.filter(
            seen | inspected(actor, f"{demand}__uid", f"{demand}__organisation__uid")
        )


class Undertaking(Recorded):
    """One person, for one organisation, undertook to keep one file confidential."""

    append_only = True

    attachment = models.ForeignKey(
        Attachment, on_delete=models.PROTECT, related_name="undertakings"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    text = models.ForeignKey(PledgeText, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    signed_at = models.DateTimeField()

    objects = UndertakingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="undertaking_signed_once", fields=["attachment", "user", "organisation"]
            )
        ]
        triggers = append_only("undertaking")


def text_in_force() -> PledgeText | None:
    return PledgeText.objects.in_force().filter(code=TEXT).first()


def undertakes(actor: Actor, attachment: Attachment) -> bool:
    """Whether this reader is asked: those to whom the file was released.

    Its owner's people need no promise, and office and inspectors gave theirs for all files.
    """
    own = actor.organisation_id == attachment.scenario.organisation_id
    return actor.organisation_id is not None and not own and not actor.is_office


def signed_by(actor: Actor, rows: Iterable[Attachment]) -> set[int]:
    """Ids of those for which this actor has signed, in any version of the text."""
    ids = [row.pk for row in rows if row.restricted]
    if not ids or actor.user_id is None or actor.organisation_id is None:
        return set()
    own = Undertaking.objects.filter(user=actor.user_id, organisation=actor.organisation_id)
    return set(own.filter(attachment__in=ids).values_list("attachment_id", flat=True))


def owes(actor: Actor, row: Attachment) -> bool:
    """Whether the undertaking for this file is still to be signed before it is read."""
    return row.restricted and undertakes(actor, row) and not signed_by(actor, [row])
