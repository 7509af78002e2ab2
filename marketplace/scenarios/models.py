from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Capability, Organisation, User
from marketplace.accounts.queries import granted_subjects
from marketplace.base.actor import Actor
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.ledger.models import append_only
from marketplace.scenarios import tallies
from marketplace.scenarios.amendments.table import COLUMNS
from marketplace.scenarios.content import RESTRICTABLE
from marketplace.scenarios.parts import (
    Condition,
    Criterion,
    CriterionKind,
    Metric,
    Milestone,
    Operator,
    PaymentNode,
    changes_by_amendment_alone,
    withheld_once_posted,
)
from marketplace.scenarios.reference import AwardMode, OfficialCalendar, RuleProfile, Term
from marketplace.scenarios.search import facts

__all__ = [
    "AwardMode",
    "Condition",
    "Criterion",
    "CriterionKind",
    "Metric",
    "Milestone",
    "OfficialCalendar",
    "Operator",
    "PaymentNode",
    "RuleProfile",
    "Term",
]


class State(models.TextChoices):
    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("Submitted")
    DEMONSTRATING = "demonstrating", _("In demonstration")
    RETURNED = "returned", _("Returned")
    REJECTED = "rejected", _("Rejected")
    DEMONSTRATED = "demonstrated", _("Demonstrated")
    PUBLISHED = "published", _("Open for bids")
    CLOSED = "closed", _("Closed")
    OPENED = "opened", _("Opened")
    ELIGIBILITY = "eligibility", _("Eligibility check")
    REVIEW = "review", _("In review")
    DECISION = "decision", _("To be decided")
    PUBLICITY = "publicity", _("In publicity")
    AWARDED = "awarded", _("Awarded")
    IMPLEMENTING = "implementing", _("Implementing")
    ACCEPTED = "accepted", _("Accepted")
    WITHDRAWN = "withdrawn", _("Withdrawn by the owner")
    FAILED = "failed", _("Failed listing")
    TERMINATED = "terminated", _("Terminated")


BEFORE_PUBLICATION = [
    State.DRAFT,
    State.SUBMITTED,
    State.DEMONSTRATING,
    State.RETURNED,
    State.REJECTED,
    State.DEMONSTRATED,
]
NOT_PAST = [*BEFORE_PUBLICATION, State.PUBLISHED]
OWNER_EDITS = [State.DRAFT, State.RETURNED]


class Envelope(models.TextChoices):
    BUSINESS = "business", _("Eligibility and business")
    TECHNICAL = "technical", _("Technical, anonymous")
    PRICE = "price", _("Price")


class SealingMode(models.TextChoices):
    OPENER = "opener", _("Opened by key holders through the opener")
    CEREMONY = "ceremony", _("Opened by shares held off-line")


class OrganisingMode(models.TextChoices):
    BEST = "best", _("Best of the bids")
    RACE = "race", _("Horse race")


class ScenarioQuerySet(models.QuerySet["Scenario"]):
    def public(self) -> ScenarioQuerySet:
        return self.exclude(state__in=BEFORE_PUBLICATION)

    def visible_to(self, actor: Actor) -> ScenarioQuerySet:
        """Published ones to everybody; a demand on its way to its owner and, once filed, the office.

        An inspector as far as a request reaches; drafts only where it asks for them.
        """
        mine = Q(organisation_id=actor.organisation_id) if actor.organisation_id else Q(pk=None)
        seen = ~Q(state__in=BEFORE_PUBLICATION) | mine
        if actor.is_office:
            seen |= ~Q(state=State.DRAFT)
        paths = ("uid", "organisation__uid")
        seen |= inspected(actor, *paths) & ~Q(state=State.DRAFT)
        seen |= inspected(actor, *paths, drafts=True)
        if actor.user_id:
            seen |= Q(uid__in=granted_subjects(actor, Capability.READ))
        return self.filter(seen)


class Scenario(Recorded):
    """A posted challenge 榜单, from the first draft to acceptance."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        State.DRAFT: {State.SUBMITTED},
        State.SUBMITTED: {State.DEMONSTRATING, State.RETURNED, State.REJECTED},
        State.DEMONSTRATING: {State.DEMONSTRATED, State.RETURNED, State.REJECTED},
        State.RETURNED: {State.SUBMITTED},
        State.DEMONSTRATED: {State.PUBLISHED, State.RETURNED},
        State.PUBLISHED: {State.CLOSED, State.WITHDRAWN},
        # Back to bidding: by the rule on outages alone, until the first envelope is taken up.
        State.CLOSED: {State.OPENED, State.FAILED, State.PUBLISHED},
        State.OPENED: {State.ELIGIBILITY, State.FAILED},
        State.ELIGIBILITY: {State.REVIEW, State.FAILED},
        State.REVIEW: {State.DECISION, State.FAILED},
        State.DECISION: {State.PUBLICITY, State.FAILED},
        State.PUBLICITY: {State.AWARDED, State.DECISION, State.FAILED},
        State.AWARDED: {State.IMPLEMENTING, State.DECISION, State.TERMINATED},
        State.IMPLEMENTING: {State.ACCEPTED, State.TERMINATED},
    }

    ref = models.CharField(max_length=16, unique=True, null=True)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="scenarios"
    )
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    root = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="rounds")
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    suspended = models.BooleanField(default=False)
    # Counts saves of the draft, so that a form filled from an older one is refused.
    revision = models.PositiveIntegerField(default=1)

    # The owner posts under a mask until the publicity of an award names it, or never.
    owner_masked = models.BooleanField(default=False, db_default=False)
    owner_mask = models.CharField(max_length=60, blank=True, default="", db_default="")
    owner_shown_at = models.DateTimeField(null=True)
    # With it the published commitment to the owner can be checked once the owner is named.
    owner_salt = models.BinaryField(null=True)
    # 签约可见: fields of content.RESTRICTABLE that only released readers read (disclosure/withheld).
    restricted_fields = ArrayField(
        models.CharField(max_length=16), blank=True, default=list, db_default=[]
    )

    title = models.CharField(_("title"), max_length=120)
    title_en = models.CharField(_("English title"), max_length=200, blank=True)
    summary = models.TextField(_("public summary"), max_length=1000, blank=True)
    summary_en = models.TextField(_("English summary"), max_length=2000, blank=True)
    language = models.CharField(max_length=8, default="zh-hans")
    pain = models.TextField(_("what hurts"), max_length=5000, blank=True)
    need = models.TextField(_("what is wanted"), max_length=10000, blank=True)
    deliverables = models.TextField(_("deliverables"), max_length=5000, blank=True)
    ip_terms = models.TextField(_("ownership of results"), max_length=5000, blank=True)
    data_terms = models.TextField(_("data and confidentiality"), max_length=5000, blank=True)
    contact = models.CharField(_("contact"), max_length=200, blank=True)

    domain = models.ForeignKey(
        Term, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    carrier = models.ForeignKey(
        Term, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    area = models.ForeignKey(
        Term, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    focus = models.ForeignKey(
        Term, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    technologies = models.ManyToManyField(Term, blank=True, related_name="+")
    # Programmes and platforms that it belongs to 关联行动/平台.
    platforms = models.ManyToManyField(Term, blank=True, related_name="+")

    organising_mode = models.CharField(
        max_length=4, choices=OrganisingMode.choices, default=OrganisingMode.BEST
    )
    race_entrants = models.PositiveSmallIntegerField(null=True, blank=True)
    budget_cny = models.DecimalField(
        _("challenge budget"), max_digits=14, decimal_places=2, null=True, blank=True
    )
    funding = models.ForeignKey(
        Term, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    duration_months = models.PositiveSmallIntegerField(null=True, blank=True)
    deadline_at = models.DateTimeField(_("bid deadline"), null=True, blank=True)
    consortium_allowed = models.BooleanField(default=False)
    consortium_members_max = models.PositiveSmallIntegerField(default=1)
    pass_line_percent = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)

    profile = models.ForeignKey(
        RuleProfile, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    award_mode = models.CharField(
        max_length=16, choices=AwardMode.choices, default=AwardMode.OWNER_CHOICE
    )
    sealing_mode = models.CharField(
        max_length=8, choices=SealingMode.choices, default=SealingMode.OPENER
    )

    published_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=32, blank=True)

    objects = ScenarioQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(name="scenario_board", fields=["-published_at", "-id"]),
            models.Index(
                name="scenario_running",
                fields=["deadline_at", "-id"],
                condition=Q(state="published"),
            ),
            models.Index(name="scenario_by_state", fields=["state"]),
            # The board after the deadline, and by budget.
            models.Index(
                name="scenario_past",
                fields=["-deadline_at", "-id"],
                condition=~Q(state__in=[str(s) for s in NOT_PAST]),
            ),
            models.Index(
                name="scenario_by_budget",
                fields=["-budget_cny", "-id"],
                condition=~Q(state__in=[str(s) for s in BEFORE_PUBLICATION]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="scenario_published_whole",
                condition=Q(state__in=[str(s) for s in BEFORE_PUBLICATION])
                | Q(
                    ref__isnull=False,
                    deadline_at__isnull=False,
                    published_at__isnull=False,
                    profile__isnull=False,
                    budget_cny__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="scenario_deadline_after_publication",
                condition=Q(published_at=None) | Q(deadline_at__gt=F("published_at")),
            ),
            models.CheckConstraint(
                name="scenario_publisher_is_not_author",
                condition=Q(published_by=None) | ~Q(published_by=F("author")),
            ),
            models.CheckConstraint(
                name="scenario_budget_positive", condition=Q(budget_cny=None) | Q(budget_cny__gt=0)
            ),
            models.CheckConstraint(
                name="scenario_race_has_two_to_five",
                condition=Q(organising_mode="best", race_entrants=None)
                | Q(organising_mode="race", race_entrants__range=(2, 5)),
            ),
        ]
        triggers = [
            *tallies.triggers(),
            *facts.keeping_triggers(),
            pgtrigger.Protect(
                name="scenario_deadline_never_earlier",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(
                    old__published_at__isnull=False,
                    new__deadline_at__lt=pgtrigger.F("old__deadline_at"),
                ),
            ),
            changes_by_amendment_alone("scenario_frozen", COLUMNS),
            pgtrigger.Protect(
                name="scenario_mask_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__published_at__isnull=False)
                & (
                    pgtrigger.Q(old__owner_masked__df=pgtrigger.F("new__owner_masked"))
                    | pgtrigger.Q(old__owner_mask__df=pgtrigger.F("new__owner_mask"))
                ),
            ),
            withheld_once_posted("scenario_withheld", RESTRICTABLE),
            pgtrigger.Protect(
                name="scenario_published_is_not_deleted",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Q(old__published_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def rules(self) -> RuleProfile:
        """The profile, where publication has made sure that there is one."""
        assert self.profile is not None, "published scenarios have a profile"
        return self.profile

    @property
    def veiled(self) -> bool:
        """Strangers do not learn whose it is."""
        return self.owner_masked and self.owner_shown_at is None

    @property
    def address(self) -> str:
        """What stands in its address: the reference once there is one, the uid before."""
        return self.ref or str(self.uid)


class EnvelopeKey(models.Model):
    """The age recipient of one envelope; its identity is kept only wrapped to the opener."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="envelope_keys")
    envelope = models.CharField(max_length=16, choices=Envelope.choices)
    recipient = models.CharField(max_length=80, unique=True)
    wrapped_identity = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="envelope_key_once", fields=["scenario", "envelope"])
        ]
        triggers = append_only("envelope_key")


class Publication(Recorded):
    """A scenario as everybody saw it: frozen text, profile and dates, with its hash."""

    append_only = True

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="publications")
    version = models.PositiveSmallIntegerField()
    profile = models.ForeignKey(RuleProfile, on_delete=models.PROTECT, related_name="+")
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    # Who filed the approval sheet: two people publish.
    prepared_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="publication_once", fields=["scenario", "version"]),
            models.CheckConstraint(
                name="publication_prepared_by_another",
                condition=Q(prepared_by=None) | ~Q(prepared_by=F("published_by")),
            ),
        ]
        triggers = append_only("publication")


class ScenarioNote(Recorded):
    """Why a demand was returned, rejected, withdrawn or failed. The ledger holds its salted hash."""

    append_only = True

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="notes")
    to_state = models.CharField(max_length=16, choices=State.choices)
    text = models.TextField(max_length=4000)
    author = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        triggers = append_only("scenario_note")
