"""A search is saved, named anew and dropped by its person; no event tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, Invalid, NotFound
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.scenarios.fitting.queries import capabilities_of
from marketplace.scenarios.rules import can_save_search
from marketplace.scenarios.saved.models import NAME_MOST, SAVED_MOST, SavedSearch
from marketplace.scenarios.search.asked import asked_of
from marketplace.scenarios.search.asking import TYPED_MOST

CODE_MOST = 40


class SavedLimit(DomainError):
    code = "saved_search.limit"
    message = _("You have saved %(limit)d searches, which is the most. Drop one first.")


@transaction.atomic
def save_search(*, actor: Actor, name: str, filters: Mapping[str, Any]) -> SavedSearch:
    """What the board is asked now, asked again every day. The same twice is once.

    filters: as `board` takes them; anything in `fits` stands for what the organisation that the person
    acts for declares, as it does on the day of each look. Raises Invalid, NotAllowed, SavedLimit.
    """
    require(can_save_search, actor, None, unpledged=True)
    user = lock(User, pk=actor.user_id)
    name, kept = read_name(name), read_filters(filters, actor)
    had = SavedSearch.objects.filter(user=user, name=name).first()
    if had and had.filters == kept:
        return had
    if had:
        raise Invalid(errors={"name": [_("You have a search of this name already.")]})
    if SavedSearch.objects.filter(user=user).count() >= SAVED_MOST:
        raise SavedLimit(limit=SAVED_MOST)
    return SavedSearch.objects.create(user=user, name=name, filters=kept, looked_at=clock.now())


@transaction.atomic
def rename_search(*, actor: Actor, search_uid: UUID, name: str) -> SavedSearch:
    """Raises NotFound, Invalid."""
    require(can_save_search, actor, None, unpledged=True)
    user = lock(User, pk=actor.user_id)
    search = lock(SavedSearch, uid=search_uid, user=user)
    search.name = read_name(name)
    same = SavedSearch.objects.filter(user=user, name=search.name).exclude(pk=search.pk)
    if same.exists():
        raise Invalid(errors={"name": [_("You have a search of this name already.")]})
    search.save(update_fields=["name"])
    return search


@transaction.atomic
def delete_search(*, actor: Actor, search_uid: UUID) -> None:
    """With what it has found; messages about that say no more. Raises NotFound."""
    rows = SavedSearch.objects.visible_to(actor).select_for_update(of=("self",))
    search = rows.filter(uid=search_uid).first()
    if search is None:
        raise NotFound
    search.delete()


def read_name(typed: str) -> str:
    name = " ".join(typed.split())
    if not name or len(name) > NAME_MOST or not name.isprintable():
        raise Invalid(errors={"name": [_("Give the search a name of 1 to 80 characters.")]})
    return name


def read_filters(filters: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    words = str(filters.get("q") or "").replace("\x00", " ").strip()[:TYPED_MOST]
    chosen = asked_of({**filters, "q": ""}).chosen
    kept: dict[str, Any] = {"q": words} if words else {}
    kept |= {
        name: [code for code in codes if len(code) <= CODE_MOST] for name, codes in chosen.items()
    }
    kept = {name: value for name, value in kept.items() if value}
    if filters.get("fits") and capabilities_of(actor):
        kept["fits"] = [str(actor.party.uid)]
    if not kept:
        raise Invalid(errors={"filters": [_("Choose a filter or type a word first.")]})
    return kept
