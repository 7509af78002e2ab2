"""Take in what a witness says of a checkpoint. Its signature is its only right, and enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.errors import DomainError, Invalid
from marketplace.ledger import keys
from marketplace.ledger.log.models import Checkpoint, Cosignature
from marketplace.ledger.verify import COSIGNATURE, CannotCheck, Keys, NotValid, Signature, base64_of

# How far a witness's clock may be ahead of the database's.
AHEAD = timedelta(minutes=5)
# By the verifier's code: what this door says of it.
REFUSED: dict[str, str | Promise] = {
    "checkpoint": _("The log's own signature under this note does not fit: it was changed."),
    "checkpoint.unsigned": _("This note is not signed with a key of this log."),
    "inclusion.origin": _("This note belongs to another log."),
    "witness": _("The cosignature does not fit this note and the witness's key."),
}


class NotCosigned(Invalid):
    code = "cosignature.unknown_witness"
    message = _("No witness that this log lists has cosigned this note.")


class UnknownCheckpoint(DomainError):
    code = "cosignature.unknown_checkpoint"
    message = _("The log has no such checkpoint.")


class FromTheFuture(Invalid):
    code = "cosignature.future"
    message = _("The witness's time is ahead of the log's clock.")


@transaction.atomic
def cosign(*, note: str) -> list[Cosignature]:
    """Keep the cosignatures of listed witnesses under a checkpoint of ours, once each.

    note: a signed note as a witness hands it in. Returns those kept, now or before.
    """
    try:
        opened = Keys.published(keys.published()).open(note)
    except CannotCheck as error:
        raise Invalid(code="cosignature.algorithm") from error
    except NotValid as error:
        sentence = REFUSED.get(error.code, _("This is no signed note of a checkpoint."))
        raise Invalid(sentence, code="cosignature.invalid") from error
    lines = [line for line in opened.signatures if line.kind == COSIGNATURE]
    if not lines:
        raise NotCosigned
    checkpoint = Checkpoint.objects.filter(
        origin=opened.origin, size=opened.size, note__startswith=f"{opened.text}\n"
    ).first()
    if checkpoint is None:
        raise UnknownCheckpoint
    return [kept(checkpoint, line) for line in lines]


def kept(checkpoint: Checkpoint, line: Signature) -> Cosignature:
    latest = (clock.now() + AHEAD).timestamp()
    if line.at is None or line.at > latest:
        raise FromTheFuture
    row, _made = Cosignature.objects.get_or_create(
        checkpoint=checkpoint,
        witness=line.name,
        defaults={
            "line": f"— {line.name} {base64_of(line.id + line.raw)}",
            "signed_at": datetime.fromtimestamp(line.at, UTC),
        },
    )
    return row
