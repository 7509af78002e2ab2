from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base.actor import Actor
from marketplace.base.canonical import salted
from marketplace.base.clock import MarketplaceNow
from marketplace.base.errors import DomainError
from marketplace.base.models import IdempotencyKey

KEPT_FOR = timedelta(hours=24)


class KeyReused(DomainError):
    status = 422
    code = "idempotency.other_body"
    message = _("This key was used before with different content.")


class Once:
    """`with once(...) as earlier:` — `earlier.result_uid` is set if the deed was done already.

    The key row is inserted first, in the caller's transaction, so a twin waits for the first to
    commit or roll back. Raises KeyReused if the same key came with another body.
    """

    def __init__(self, *, actor: Actor, route: str, key: str, body: str) -> None:
        self.owner = f"{actor.organisation_uid or ''}:{actor.user_uid or ''}"
        # A text column keeps neither NUL nor lone surrogates.
        self.route, self.key = route, "".join(filter(str.isprintable, key))[:80]
        # In such words that a statement can say the same (`bidding/deadline.py`).
        self.body_hash = sha256(f"{self.owner}:{route}:{body}".encode()).hexdigest()
        # As it was kept before the above; no key is older than a day.
        self.former_hash = salted(body, f"{self.owner}:{route}".encode())

    def begin(self) -> UUID | None:
        """Claim the key. Returns the uid of the earlier success, or None to go on."""
        assert transaction.get_connection().in_atomic_block
        rows = IdempotencyKey.objects.filter(owner=self.owner, route=self.route, key=self.key)
        rows.filter(created_at__lt=MarketplaceNow() - KEPT_FOR).delete()
        row, fresh = rows.get_or_create(
            defaults={
                "owner": self.owner,
                "route": self.route,
                "key": self.key,
                "body_hash": self.body_hash,
            }
        )
        if fresh:
            self.row = row
            return None
        if row.body_hash not in {self.body_hash, self.former_hash}:
            raise KeyReused
        return row.result_uid

    def done(self, result_uid: UUID) -> None:
        self.row.result_uid = result_uid
        self.row.save(update_fields=["result_uid"])


def once(
    *, actor: Actor, route: str, key: str, body: str, deed: Callable[[], UUID]
) -> tuple[UUID, bool]:
    """Do the deed, or tell what it left the first time: (uid, whether it was done before).

    Key and deed commit together; an action inside becomes a savepoint of this transaction. The
    action's own locks come after the key, so twins wait here and never for one another's rows.
    """
    if not key:
        return deed(), False
    with transaction.atomic():
        claim = Once(actor=actor, route=route, key=key, body=body)
        earlier = claim.begin()
        if earlier is not None:
            return earlier, True
        uid = deed()
        claim.done(uid)
        return uid, False
