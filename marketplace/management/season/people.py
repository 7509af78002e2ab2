"""The fictitious park: its organisations, who controls them, its people and their roles."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction

from marketplace.accounts.models import Control, Membership, Organisation, PersonRole, User
from marketplace.accounts.organisations.actions import verify_organisation
from marketplace.accounts.pledges import KEY_HOLDER, PledgeText, owed, owing
from marketplace.accounts.pledging import sign_pledge
from marketplace.accounts.queries import hats
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.experts.models import Expert, Interest, InterestKind, Relation
from marketplace.management.season.content import Content

MONTH = timedelta(days=365.25 / 12)
VALID_FOR = timedelta(days=3 * 365)
RELATIONS = {
    "adviser": (InterestKind.ADVISER, ""),
    "spouse_employed": (InterestKind.RELATIVE, Relation.SPOUSE),
}


class People:
    """Actors by the short names of the seeds."""

    def __init__(self, content: Content) -> None:
        self.domain = content.people["email_domain"]
        self.content = content

    def address(self, local: str) -> str:
        return f"{local}@{self.domain}"

    def user(self, local: str) -> User:
        return User.objects.get(email=self.address(local))

    def actor(self, local: str) -> Actor:
        """The person in the first of their roles."""
        user = self.user(local)
        worn = hats(user)
        return worn[0].actor if worn else owing(Actor(Role.MEMBER, user))

    def is_there(self) -> bool:
        return User.objects.filter(email=self.address("officer")).exists()


@transaction.atomic
def load_people(content: Content, password: str) -> People:
    """Make organisations and people; every demo account has the one password."""
    organisations = load_organisations(content)
    hashed = make_password(password)
    for person in content.people["users"]:
        user = make_user(content, person, hashed)
        for seat in person["memberships"]:
            organisation = organisations[seat["organisation"]]
            Membership.objects.create(user=user, organisation=organisation, role=seat["role"])
        for role in set(person.get("appointments", [])) - {"keyholder"}:
            PersonRole.objects.create(user=user, role=role)
    for person in content.people["experts"]:
        user = make_user(content, person, hashed)
        PersonRole.objects.create(user=user, role=Role.EXPERT)
        load_expert(user, person, organisations)
    sign_all()
    people = People(content)
    verify_all(people)
    return people


def sign_all() -> None:
    """Everybody signs what their roles ask; holders of keys before they are appointed."""
    for user in User.objects.order_by("pk"):
        for actor in [hat.actor for hat in hats(user)] or [Actor(Role.MEMBER, user)]:
            for text in texts_for(actor):
                sign_pledge(actor=actor, text_uid=text.uid, sha256=text.sha256)


def texts_for(actor: Actor) -> list[PledgeText]:
    if actor.role == Role.MEMBER:
        return list(PledgeText.objects.in_force().filter(roles__contains=[KEY_HOLDER]))
    return list(owed(actor))


def load_organisations(content: Content) -> dict[str, Organisation]:
    seed = content.organisations
    groups = [
        ([seed["office"]], {"is_office": True, "in_lingang": True}),
        (seed["holdings"], {}),
        (seed["owners"], {"is_owner": True, "in_lingang": True}),
        (seed["vendors"], {"is_vendor": True}),
    ]
    made = {
        row["code"]: Organisation.objects.create(
            uscc=row["uscc"],
            name=row["name_zh"],
            name_en=row["name_en"],
            profile_zh=row.get("profile_zh", ""),
            profile_en=row.get("profile_en", ""),
            capabilities=row.get("capabilities", []),
            **flags,
        )
        for rows, flags in groups
        for row in rows
    }
    for row in seed["controls"]:
        controller = made[row["controller"]]
        Control.objects.create(
            organisation=made[row["controlled"]],
            controller_code=controller.uscc,
            controller_name=controller.name,
        )
    return made


def make_user(content: Content, person: dict[str, Any], hashed: str) -> User:
    email = f"{person['local']}@{content.people['email_domain']}"
    return User.objects.create(
        email=email, name=person["name_zh"], name_en=person["name_en"], password=hashed
    )


def load_expert(user: User, person: dict[str, Any], organisations: dict[str, Organisation]) -> None:
    today = clock.today()
    expert = Expert.objects.create(
        user=user,
        number=f"LG-{person['local'].upper()}",
        title=person["title_zh"],
        title_en=person["title_en"],
        specialties=person["specialties"],
        kind=person["kind"],
        grade=person["grade"],
        field_from_year=today.year - person["years_in_field"],
        valid_until=today + VALID_FOR,
        confirmed_at=clock.now(),
    )
    ties = [(row, InterestKind.EMPLOYMENT, "") for row in person["employers"]]
    ties += [(row, *RELATIONS[row["kind"]]) for row in person["relations"]]
    for row, kind, relation in ties:
        known = organisations.get(row.get("organisation", ""))
        Interest.objects.create(
            expert=expert,
            organisation=known,
            party_name="" if known else row["name_zh"],
            kind=kind,
            relation=relation,
            from_date=months_ago(row.get("months_ago")),
            until_date=months_ago(row.get("to_months_ago")),
        )


def months_ago(months: int | None) -> date | None:
    return None if months is None else clock.today() - months * MONTH


def verify_all(people: People) -> None:
    """The office verifies everybody but itself; itself is known."""
    officer = people.actor("officer")
    for organisation in Organisation.objects.exclude(is_office=True):
        evidence = {"licence_number": organisation.uscc, "legal_representative": "示法定"}
        verify_organisation(actor=officer, organisation_uid=organisation.uid, evidence=evidence)
    Organisation.objects.filter(is_office=True).update(verified_at=clock.now())
