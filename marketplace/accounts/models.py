from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.validators import validate_uscc
from marketplace.base.actor import Actor, Role
from marketplace.base.clock import MarketplaceNow
from marketplace.base.history import never_deleted
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, email: str | None) -> User:
        return self.get(email__iexact=email)


class User(AbstractBaseUser, Recorded):
    """A person. There is no superuser flag: what somebody may do follows from roles."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=80)
    name_en = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=8, default="zh-hans")
    is_active = models.BooleanField(default=True)

    objects = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_one_per_email")]
        triggers = [never_deleted("user")]

    def __str__(self) -> str:
        return self.name


def _inside(actor: Actor, organisation: str = "") -> Q:
    """Rows of one's own organisation, and of those that a request of this inspector opens."""
    path = f"{organisation}__" if organisation else ""
    own = Q(**{f"{path}pk": actor.organisation_id}) if actor.organisation_id else Q(pk=None)
    return own | inspected(actor, "", f"{path}uid")


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def visible_to(self, actor: Actor) -> OrganisationQuerySet:
        """Verified ones are public; the others are known to their members and to the office."""
        if actor.is_office:
            return self
        return self.filter(Q(verified_at__isnull=False) | _inside(actor))

    def managed_by(self, actor: Actor) -> OrganisationQuerySet:
        """Whose people the actor invites and removes; the same as `can_manage_members`."""
        if actor.role == Role.OWNER and actor.organisation_id:
            return self.filter(pk=actor.organisation_id, is_office=False)
        if actor.role == Role.OFFICER:
            # Who speaks for an organisation that is not verified is for the office to settle.
            return self.filter(Q(pk=actor.organisation_id) | Q(is_office=False, verified_at=None))
        return self.none()


class Organisation(Recorded):
    """An enterprise, a vendor or the park office. One may be demand owner and vendor at once."""

    uscc = models.CharField(
        _("unified social credit code"), max_length=18, unique=True, validators=[validate_uscc]
    )
    name = models.CharField(_("name"), max_length=120)
    name_en = models.CharField(_("English name"), max_length=200, blank=True)
    is_owner = models.BooleanField(default=False)
    is_vendor = models.BooleanField(default=False)
    is_office = models.BooleanField(default=False)
    in_lingang = models.BooleanField(default=False)
    profile_zh = models.TextField(blank=True)
    profile_en = models.TextField(blank=True)
    # Codes of the vocabulary of technologies, which lives above this room: the doors check them.
    capabilities = ArrayField(models.CharField(max_length=40), db_default=[], default=list)
    contact = models.CharField(max_length=200, blank=True, default="", db_default="")
    revision = models.PositiveIntegerField(default=0, db_default=0)
    verified_at = models.DateTimeField(null=True, blank=True)
    # When a name or a control was last stated otherwise than the office verified.
    changed_at = models.DateTimeField(null=True, blank=True)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="organisation_one_office",
                fields=["is_office"],
                condition=Q(is_office=True),
            ),
            models.CheckConstraint(
                name="organisation_office_neither_posts_nor_bids",
                condition=Q(is_office=False) | Q(is_owner=False, is_vendor=False),
            ),
        ]
        triggers = [never_deleted("organisation")]

    def __str__(self) -> str:
        return self.name

    @property
    def changed_since_verified(self) -> bool:
        return bool(self.verified_at and self.changed_at and self.changed_at > self.verified_at)


class TieQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> TieQuerySet:
        """The organisation's own people, the office, who inspects it: a controller may be a person."""
        if actor.is_office:
            return self
        return self.filter(_inside(actor, "organisation"))

    def in_force(self, day: date) -> TieQuerySet:
        """What the office has seen and what holds on that day.

        What was stated, or ended, since the last verification does not count yet: nobody ties a
        rival to himself, or unties a sister, by his own word.
        """
        rows = self.filter(statement_waits=False).exclude(from_date__gt=day)
        return rows.exclude(until_date__lte=day, end_waits=False)


class Tie(Recorded):
    """Something stated about an organisation, with dates. It is ended, never deleted."""

    from_date = models.DateField(null=True, blank=True)
    until_date = models.DateField(null=True, blank=True)
    statement_waits = models.BooleanField(default=False, db_default=False)
    end_waits = models.BooleanField(default=False, db_default=False)

    objects = TieQuerySet.as_manager()

    class Meta:
        abstract = True


class Control(Tie):
    """Who controls an organisation: a person by a keyed mark, or another party by its code."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="controls"
    )
    controller_code = models.CharField(max_length=64)
    controller_name = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="control_stated_once", fields=["organisation", "controller_code", "from_date"]
            ),
            models.CheckConstraint(
                name="control_ends_after_start",
                condition=Q(until_date=None) | Q(from_date=None) | Q(until_date__gt=F("from_date")),
            ),
        ]

    @property
    def is_person(self) -> bool:
        return self.controller_code.startswith("person:")


MEMBERSHIP_ROLES = [Role.OWNER, Role.EDITOR, Role.VIEWER, Role.OFFICER, Role.SECRETARY]
PERSON_ROLES = [
    Role.EXPERT,
    Role.EVALUATOR,
    Role.WITNESS,
    Role.COMPLAINTS,
    Role.INSPECTOR,
    Role.OPERATOR,
]


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, actor: Actor) -> MembershipQuerySet:
        """Colleagues see one another; office and inspectors see who speaks for whom."""
        if actor.is_office:
            return self
        return self.filter(_inside(actor, "organisation"))


class Membership(Recorded):
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="members")
    role = models.CharField(max_length=16, choices=[(r.value, r.label) for r in MEMBERSHIP_ROLES])

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="membership_once", fields=["user", "organisation"])
        ]


class PersonRole(Recorded):
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="person_roles")
    role = models.CharField(max_length=16, choices=[(r.value, r.label) for r in PERSON_ROLES])

    class Meta:
        constraints = [models.UniqueConstraint(name="person_role_once", fields=["user", "role"])]


class Capability(models.TextChoices):
    """What a grant lets its holder do with one subject."""

    KEY_HOLDER = "key_holder", _("Key holder")
    DELEGATE = "delegate", _("Owner's delegate")
    REVIEW = "review", _("Review")
    READ = "read", _("Read")


class GrantQuerySet(models.QuerySet["Grant"]):
    def in_force(self) -> GrantQuerySet:
        return self.filter(from_at__lte=MarketplaceNow()).filter(
            Q(until_at=None) | Q(until_at__gt=MarketplaceNow())
        )

    def held_by(self, actor: Actor) -> GrantQuerySet:
        """Grants in force of the person or of the organisation that the actor acts for."""
        holder = Q(pk=None)
        if actor.user_id:
            holder |= Q(user_id=actor.user_id)
        if actor.organisation_id:
            holder |= Q(organisation_id=actor.organisation_id)
        return self.in_force().filter(holder)


class Grant(Recorded):
    """An upper room lets somebody see or do something with one row; ending it ends it everywhere."""

    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="grants")
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="grants"
    )
    subject_uid = models.UUIDField()
    capability = models.CharField(max_length=16, choices=Capability.choices)
    from_at = models.DateTimeField(db_default=MarketplaceNow())
    until_at = models.DateTimeField(null=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="grant_by_subject", fields=["subject_uid", "capability"])]
        constraints = [
            models.CheckConstraint(
                name="grant_to_one_holder",
                condition=Q(user=None, organisation__isnull=False)
                | Q(user__isnull=False, organisation=None),
            ),
            models.UniqueConstraint(
                name="grant_open_once_per_user",
                fields=["user", "subject_uid", "capability"],
                condition=Q(until_at=None, user__isnull=False),
            ),
        ]
