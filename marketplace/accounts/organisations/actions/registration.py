"""A new organisation comes by itself: with its first owner, and unverified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts import content
from marketplace.accounts.members.passwords import checked_password
from marketplace.accounts.models import Membership, Organisation, User
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import DomainError, Invalid, NotAllowed, StateConflict, TooMany
from marketplace.base.texts import read_all
from marketplace.ledger.actions import append

OWNED_MOST = 20


@dataclass(frozen=True)
class Registered:
    """`user` is None where the address has an account: then nothing was made."""

    user: User | None
    organisation: Organisation | None


@transaction.atomic
def register_organisation(*, data: Mapping[str, Any], person: Mapping[str, Any]) -> Registered:
    """An organisation and the account of its first owner, from somebody who has none.

    data: uscc, name, name_en, is_owner, is_vendor. person: name, email, password, language.
    Where the address has an account nothing is made and nothing is said, and it takes as long.
    Raises Invalid with all faults at once, StateConflict for a code that cannot be registered.
    """
    errors: dict[str, list[Any]] = {}
    clean, who, password = {}, {}, ""
    try:
        clean = _read(data)
    except Invalid as error:
        errors |= error.errors
    try:
        who = read_all(
            {"person_name": content.PERSON["name"], "email": content.address}
            | {"language": content.PERSON["language"]},
            {**person, "person_name": person.get("name")},
            needed=["person_name", "email"],
        )
        user = User(email=who["email"], name=who["person_name"], language=who["language"])
        password = checked_password(person.get("password"), user)
    except Invalid as error:
        errors |= error.errors
    if errors:
        raise Invalid(errors=errors)
    _refuse_known(clean["uscc"])
    user.password = make_password(password)
    if User.objects.filter(email__iexact=user.email).exists():
        return Registered(None, None)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:  # a twin was faster
        return Registered(None, None)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    return Registered(user, _found(Actor(Role.MEMBER, user), clean))


@transaction.atomic
def register_own_organisation(*, actor: Actor, data: Mapping[str, Any]) -> Organisation:
    """The same for somebody who is signed in and becomes its first owner."""
    if actor.user is None:
        raise NotAllowed
    clean = _read(data)
    owned = Membership.objects.filter(user=actor.user, role=Role.OWNER).count()
    if owned >= OWNED_MOST:
        raise TooMany(_("You own too many organisations already."), code="limit.organisations")
    _refuse_known(clean["uscc"])
    return _found(actor, clean)


def _read(data: Mapping[str, Any]) -> dict[str, Any]:
    errors: dict[str, list[Any]] = {}
    clean: dict[str, Any] = {}
    try:
        clean = read_all(content.REGISTRATION, data, needed=["uscc", "name"])
    except Invalid as error:
        errors |= error.errors
    if not any(content.flag(data.get(name)) for name in ("is_owner", "is_vendor")):
        errors["is_owner"] = [_("Say whether it posts demands, bids, or both.")]
    if errors:
        raise Invalid(errors=errors)
    return clean


def _taken() -> DomainError:
    """Says no more than that; whose it is, and who its people are, is not told."""
    return StateConflict(
        _(
            "This code cannot be registered here. If it is your organisation's, ask a colleague to"
            " invite you, or the office."
        ),
        code="organisation.registered",
    )


def _refuse_known(uscc: str) -> None:
    if Organisation.objects.filter(uscc=uscc).exists():
        raise _taken()


def _found(actor: Actor, clean: Mapping[str, Any]) -> Organisation:
    try:
        with transaction.atomic():
            organisation = Organisation.objects.create(**clean)
    except IntegrityError as error:  # a twin was faster
        raise _taken() from error
    Membership.objects.create(user=actor.person, organisation=organisation, role=Role.OWNER)
    owner = Actor(Role.OWNER, actor.user, organisation)
    append("organisation.registered", actor=owner, subjects=[organisation.uid], inputs=clean)
    return organisation
