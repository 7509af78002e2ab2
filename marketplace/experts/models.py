from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation, User
from marketplace.accounts.validators import validate_uscc
from marketplace.base.actor import Actor, Role
from marketplace.base.inspected import inspected
from marketplace.base.languages import either
from marketplace.base.models import Recorded


class ExpertKind(models.TextChoices):
    """Panels are drawn from the first two; L1 §37 asks two thirds of them."""

    TECHNICAL = "technical", _("Technical expert")
    ECONOMIC = "economic", _("Economic or legal expert")
    OTHER = "other", _("Other")


class Grade(models.TextChoices):
    """L1 §37 asks a senior title, or a professional level equal to it."""

    UNKNOWN = "", _("Not stated")
    SENIOR = "senior", _("Senior title")
    EQUAL = "equal", _("Equal professional level")
    LOWER = "lower", _("Below a senior title")


class ExpertQuerySet(models.QuerySet["Expert"]):
    def visible_to(self, actor: Actor) -> ExpertQuerySet:
        """The office, each expert for the own entry, an inspector whose request opens everything."""
        if actor.is_office:
            return self
        if actor.role == Role.EXPERT and actor.user_id:
            return self.filter(user=actor.user_id)
        return self.filter(inspected(actor))


class Expert(Recorded):
    """A person of the expert pool 专家库. Holds no identity or bank number, ever."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="expert")
    # The pool's own number of the person, by which a spreadsheet may find the entry.
    number = models.CharField(max_length=40, blank=True, default="", db_default="")
    title = models.CharField(max_length=80, blank=True)
    title_en = models.CharField(max_length=120, blank=True, default="", db_default="")
    # Codes of the vocabulary `specialty`, which lives above this room: the doors name them.
    specialties = ArrayField(models.CharField(max_length=80), default=list)
    kind = models.CharField(
        max_length=16,
        choices=ExpertKind.choices,
        default=ExpertKind.TECHNICAL,
        db_default=ExpertKind.TECHNICAL,
    )
    grade = models.CharField(
        max_length=8, choices=Grade.choices, blank=True, default=Grade.UNKNOWN, db_default=""
    )
    # Since when in the field: years are counted from it, so that they grow by themselves.
    field_from_year = models.PositiveSmallIntegerField(null=True, blank=True)
    # The first day on which the entry no longer stands; none: it does not expire.
    valid_until = models.DateField(null=True, blank=True)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_reason = models.CharField(max_length=1000, blank=True, default="", db_default="")
    # Panels in twelve months that the expert takes at most, where less than the rules allow.
    panels_most = models.PositiveSmallIntegerField(null=True, blank=True)
    # When the expert last said that the entry is complete and true.
    confirmed_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1, db_default=1)

    objects = ExpertQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="expert_number_once", fields=["number"], condition=~Q(number="")
            ),
            models.CheckConstraint(
                name="expert_suspended_with_reason",
                condition=Q(suspended_at=None) | ~Q(suspended_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return self.user.name

    @property
    def shown_title(self) -> str:
        return either(self.title, self.title_en)


class InterestKind(models.TextChoices):
    EMPLOYMENT = "employment", _("Employment")
    ADVISER = "adviser", _("Adviser")
    DIRECTOR = "director", _("Director or supervisor")
    HOLDING = "holding", _("Shares held")
    RELATIVE = "relative", _("A near relative works there or holds shares")


class Relation(models.TextChoices):
    """Source: recusal rules of expert pools. Who it is stays unnamed: only the kind is needed."""

    SPOUSE = "spouse", _("Spouse")
    DIRECT = "direct", _("Direct blood relative")
    COLLATERAL = "collateral", _("Collateral relative within three generations")
    IN_LAW = "in_law", _("Near in-law")


class InterestQuerySet(models.QuerySet["Interest"]):
    def standing(self) -> InterestQuerySet:
        """All but those struck out as mistaken."""
        return self.filter(struck_at=None)

    def visible_to(self, actor: Actor) -> InterestQuerySet:
        return self.filter(expert__in=Expert.objects.visible_to(actor))


class Interest(Recorded):
    """What ties an expert to an organisation, with its dates. The look-back is three years.

    The other side need not be on the platform: then its name stands here, and its code where it
    is known, by which it is found once it registers. Rows are ended or struck out, never deleted.
    """

    expert = models.ForeignKey(Expert, on_delete=models.PROTECT, related_name="interests")
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="interests"
    )
    party_name = models.CharField(max_length=120, blank=True, default="", db_default="")
    party_uscc = models.CharField(
        max_length=18, blank=True, default="", db_default="", validators=[validate_uscc]
    )
    kind = models.CharField(max_length=16, choices=InterestKind.choices)
    relation = models.CharField(
        max_length=16, choices=Relation.choices, blank=True, default="", db_default=""
    )
    from_date = models.DateField(null=True)
    # The first day on which it no longer holds.
    until_date = models.DateField(null=True)
    entered_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    struck_at = models.DateTimeField(null=True)
    struck_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    objects = InterestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="interest_ends_after_start",
                condition=Q(until_date=None)
                | Q(from_date=None)
                | Q(until_date__gte=F("from_date")),
            ),
            models.CheckConstraint(
                name="interest_names_a_party",
                condition=Q(organisation__isnull=False) | ~Q(party_name=""),
            ),
            models.CheckConstraint(
                name="interest_relation_of_relatives",
                condition=Q(relation="") | Q(kind="relative"),
            ),
        ]

    @property
    def party(self) -> str:
        """The other side's name, in the language of the moment where it is on the platform."""
        if self.organisation is None:
            return self.party_name
        return either(self.organisation.name, self.organisation.name_en)
