"""A race 赛马: its design, its heats, who runs in it, and what each of them agreed to."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from marketplace.accounts.models import Organisation, User
from marketplace.base.actor import Actor
from marketplace.base.history import append_only, never_deleted
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.bidding.models import Bid
from marketplace.scenarios.models import Scenario


class RaceDesignQuerySet(models.QuerySet["RaceDesign"]):
    def visible_to(self, actor: Actor) -> RaceDesignQuerySet:
        """Whoever sees the demand: everybody once it is published."""
        return self.filter(scenario__in=Scenario.objects.visible_to(actor))

    def frozen(self) -> RaceDesignQuerySet:
        return self.filter(frozen_at__isnull=False)


class RaceDesign(Recorded):
    """How a demand's race is run: drafted beside the demand, frozen when it is published.

    content: the shape of design/content.py. body, sha256: its canonical text once frozen.
    """

    # With an unpublished draft its design goes too; a frozen one the trigger keeps.
    scenario = models.OneToOneField(Scenario, on_delete=models.CASCADE, related_name="race_design")
    content = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=1)
    saved_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    saved_at = models.DateTimeField()
    frozen_at = models.DateTimeField(null=True)
    body = models.BinaryField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)

    objects = RaceDesignQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="race_design_frozen_whole",
                condition=Q(frozen_at=None, body=None, sha256="")
                | (Q(frozen_at__isnull=False, body__isnull=False) & ~Q(sha256="")),
            )
        ]
        triggers = [
            pgtrigger.Trigger(
                name="race_design_frozen",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF OLD.frozen_at IS NOT NULL THEN
                        RAISE EXCEPTION 'a published design of a race is frozen';
                    END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    IF NEW.scenario_id <> OLD.scenario_id THEN
                        RAISE EXCEPTION 'a design belongs to its demand';
                    END IF;
                    IF NEW.frozen_at IS NOT NULL
                        AND NEW.sha256 <> encode(sha256(NEW.body), 'hex') THEN
                        RAISE EXCEPTION 'the hash is of another design';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]


class RaceState(models.TextChoices):
    SHORTLISTED = "shortlisted", _("Shortlisted")
    AGREEING = "agreeing", _("Race agreements")
    RACING = "racing", _("Racing")
    DECIDED = "decided", pgettext_lazy("race", "Decided")
    VOID = "void", pgettext_lazy("race", "Void")


class VoidReason(models.TextChoices):
    TOO_FEW = "too_few", _("Fewer than two vendors entered")
    NOBODY_PASSED = "nobody_passed", _("Nobody passed")
    STOPPED = "stopped", _("Stopped")


class RaceQuerySet(models.QuerySet["Race"]):
    def visible_to(self, actor: Actor) -> RaceQuerySet:
        """Everybody from the notice of the shortlist on; before it the office and the owner."""
        if actor.is_office:
            return self.all()
        seen = Q(notice__isnull=False)
        if actor.organisation_id:
            seen |= Q(scenario__organisation=actor.organisation_id)
        seen |= inspected(actor, "scenario__uid", "scenario__organisation__uid")
        return self.filter(seen)


class Race(Recorded):
    """One run of a frozen design. Entrants and heats hang on it; so does the notice."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        RaceState.SHORTLISTED: {RaceState.AGREEING, RaceState.VOID},
        RaceState.AGREEING: {RaceState.RACING, RaceState.VOID},
        RaceState.RACING: {RaceState.DECIDED, RaceState.VOID},
    }

    scenario = models.OneToOneField(Scenario, on_delete=models.PROTECT, related_name="race")
    design = models.OneToOneField(RaceDesign, on_delete=models.PROTECT, related_name="race")
    state = models.CharField(
        max_length=16, choices=RaceState.choices, default=RaceState.SHORTLISTED
    )
    # Why fewer than the design has places for; kept, and shown with the notice.
    reason = models.TextField(max_length=4000, blank=True)
    minutes_number = models.CharField(max_length=80, blank=True)
    shortlisted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    shortlisted_at = models.DateTimeField()
    # Until when agreements are accepted, half-open.
    agree_by = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    void_reason = models.CharField(max_length=16, choices=VoidReason.choices, blank=True)

    objects = RaceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="race_times_fit_state",
                condition=Q(state="shortlisted", agree_by=None, started_at=None, ended_at=None)
                | Q(state="agreeing", agree_by__isnull=False, started_at=None, ended_at=None)
                | Q(state="racing", started_at__isnull=False, ended_at=None)
                | Q(state="decided", started_at__isnull=False, ended_at__isnull=False)
                | Q(state="void", ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="race_void_has_reason",
                condition=Q(state="void", void_reason__in=VoidReason.values)
                | (~Q(state="void") & Q(void_reason="")),
            ),
        ]
        triggers = [never_deleted("race")]


class ShortlistNotice(Recorded):
    """入围公示: the public notice of the shortlist and its window; it stays as it was said."""

    append_only = True

    race = models.OneToOneField(Race, on_delete=models.PROTECT, related_name="notice")
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="shortlist_notice_ends_after_start", condition=Q(ends_at__gt=F("starts_at"))
            )
        ]
        triggers = append_only("shortlist_notice")


class HeatState(models.TextChoices):
    PLANNED = "planned", pgettext_lazy("heat", "Planned")
    OPEN = "open", pgettext_lazy("heat", "Open")
    CLOSED = "closed", pgettext_lazy("heat", "Closed")
    MEASURING = "measuring", _("Being measured")
    PUBLICISED = "publicised", _("Result publicised")
    CONFIRMED = "confirmed", _("Result confirmed")


class HeatQuerySet(models.QuerySet["Heat"]):
    def visible_to(self, actor: Actor) -> HeatQuerySet:
        return self.filter(race__in=Race.objects.visible_to(actor))


class Heat(Recorded):
    """One stage. What is measured and paid stands in the design under the same number.

    starts_at, ends_at: while it is planned a forecast that may move; once open they stand.
    Attempts are received in [starts_at, ends_at) of an open heat, whatever a sweep has recorded.
    """

    MOVES: ClassVar[dict[str, set[str]]] = {
        HeatState.PLANNED: {HeatState.OPEN},
        HeatState.OPEN: {HeatState.CLOSED},
        HeatState.CLOSED: {HeatState.MEASURING},
        HeatState.MEASURING: {HeatState.PUBLICISED},
        HeatState.PUBLICISED: {HeatState.CONFIRMED, HeatState.MEASURING},
    }

    race = models.ForeignKey(Race, on_delete=models.PROTECT, related_name="heats")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=HeatState.choices, default=HeatState.PLANNED)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    publicised_at = models.DateTimeField(null=True)
    # Until when the result may be objected to, half-open.
    objections_end_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    objects = HeatQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="heat_number_once", fields=["race", "number"]),
            models.CheckConstraint(
                name="heat_ends_after_start", condition=Q(ends_at__gt=F("starts_at"))
            ),
            models.CheckConstraint(name="heat_numbered_from_one", condition=Q(number__gte=1)),
        ]
        indexes = [
            models.Index(name="heat_open_by_end", fields=["ends_at"], condition=Q(state="open"))
        ]
        triggers = [
            pgtrigger.Trigger(
                name="heat_dates_stand",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'DELETE' THEN
                        RAISE EXCEPTION 'a heat is not deleted';
                    END IF;
                    IF NEW.race_id <> OLD.race_id OR NEW.number <> OLD.number THEN
                        RAISE EXCEPTION 'a heat belongs to its race';
                    END IF;
                    IF OLD.state <> 'planned' AND (NEW.starts_at <> OLD.starts_at
                        OR NEW.ends_at <> OLD.ends_at) THEN
                        RAISE EXCEPTION 'the dates of a heat that has begun stand';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]


class EntrantState(models.TextChoices):
    SHORTLISTED = "shortlisted", pgettext_lazy("entrant", "Shortlisted")
    RACING = "racing", pgettext_lazy("entrant", "In the race")
    ADVANCED = "advanced", _("Advanced")
    ELIMINATED = "eliminated", _("Eliminated")
    LEFT = "left", _("Left")
    DISQUALIFIED = "disqualified", _("Disqualified")
    WINNER = "winner", _("Winner")
    RESERVE = "reserve", _("Reserve")


# Who still runs: measured, ranked and paid in the next heat.
STANDING = [EntrantState.RACING, EntrantState.ADVANCED]


class EntrantQuerySet(models.QuerySet["Entrant"]):
    def visible_to(self, actor: Actor) -> EntrantQuerySet:
        """Whoever sees the race sees its entrants; by which name is the design's rule."""
        return self.filter(race__in=Race.objects.visible_to(actor))

    def standing(self) -> EntrantQuerySet:
        return self.filter(state__in=STANDING)


class Entrant(Recorded):
    """A shortlisted vendor, under the code by which boards name it (R1 … R5, in random order)."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        EntrantState.SHORTLISTED: {EntrantState.RACING, EntrantState.LEFT},
        **{
            state: {
                EntrantState.ADVANCED,
                EntrantState.ELIMINATED,
                EntrantState.LEFT,
                EntrantState.DISQUALIFIED,
                EntrantState.WINNER,
                EntrantState.RESERVE,
            }
            for state in (EntrantState.RACING, EntrantState.ADVANCED)
        },
        EntrantState.WINNER: {EntrantState.LEFT, EntrantState.DISQUALIFIED},
        EntrantState.RESERVE: {EntrantState.WINNER, EntrantState.LEFT, EntrantState.DISQUALIFIED},
    }

    race = models.ForeignKey(Race, on_delete=models.PROTECT, related_name="entrants")
    bid = models.OneToOneField(Bid, on_delete=models.PROTECT, related_name="entrant")
    # The bid's, so that rules and querysets need not join.
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="race_entries"
    )
    code = models.CharField(max_length=4)
    # In the committee's report.
    place = models.PositiveSmallIntegerField()
    state = models.CharField(
        max_length=16, choices=EntrantState.choices, default=EntrantState.SHORTLISTED
    )
    agreed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # In which heat it ended, and why; the ledger holds the reason's salted hash.
    ended_in = models.ForeignKey(Heat, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(max_length=4000, blank=True)

    objects = EntrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="entrant_code_once", fields=["race", "code"]),
            models.UniqueConstraint(name="entrant_once", fields=["race", "organisation"]),
            models.CheckConstraint(
                name="entrant_races_once_agreed",
                condition=Q(state__in=["shortlisted", "left"]) | Q(agreed_at__isnull=False),
            ),
        ]
        triggers = [never_deleted("entrant")]


class HeatEntryQuerySet(models.QuerySet["HeatEntry"]):
    def visible_to(self, actor: Actor) -> HeatEntryQuerySet:
        return self.filter(heat__in=Heat.objects.visible_to(actor))


class HeatEntry(Recorded):
    """An entrant in a heat. Its row is locked while attempts are counted against the quota."""

    heat = models.ForeignKey(Heat, on_delete=models.PROTECT, related_name="entries")
    entrant = models.ForeignKey(Entrant, on_delete=models.PROTECT, related_name="entries")
    # Promised by the agreement for this heat.
    grant_cny = models.DecimalField(max_digits=14, decimal_places=2)

    objects = HeatEntryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="heat_entry_once", fields=["heat", "entrant"]),
            models.CheckConstraint(
                name="heat_entry_grant_not_negative", condition=Q(grant_cny__gte=0)
            ),
        ]
        triggers = [never_deleted("heat_entry")]


class AgreementState(models.TextChoices):
    OFFERED = "offered", pgettext_lazy("agreement", "Offered")
    AGREED = "agreed", pgettext_lazy("agreement", "Accepted by both")
    DECLINED = "declined", pgettext_lazy("agreement", "Declined")
    LAPSED = "lapsed", pgettext_lazy("agreement", "Lapsed")


class RaceAgreementQuerySet(models.QuerySet["RaceAgreement"]):
    def visible_to(self, actor: Actor) -> RaceAgreementQuerySet:
        """Its two parties and the office, which witnesses it; inspectors under a request."""
        if actor.is_office:
            return self.all()
        paths = ("scenario__uid", "scenario__organisation__uid")
        seen = inspected(
            actor,
            *(f"entrant__race__{path}" for path in paths),
            "entrant__organisation__uid",
        )
        if actor.organisation_id:
            seen |= Q(entrant__organisation=actor.organisation_id)
            seen |= Q(entrant__race__scenario__organisation=actor.organisation_id)
        return self.filter(seen)


class RaceAgreement(Recorded):
    """赛马协议: one version of what an entrant and the owner agree to; its text is frozen."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        AgreementState.OFFERED: {
            AgreementState.AGREED,
            AgreementState.DECLINED,
            AgreementState.LAPSED,
        },
    }

    entrant = models.ForeignKey(Entrant, on_delete=models.PROTECT, related_name="agreements")
    version = models.PositiveSmallIntegerField()
    state = models.CharField(
        max_length=16, choices=AgreementState.choices, default=AgreementState.OFFERED
    )
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    offered_at = models.DateTimeField()
    offered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True)
    # Why a party declined.
    reason = models.TextField(max_length=4000, blank=True)

    objects = RaceAgreementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="race_agreement_version_once", fields=["entrant", "version"]
            ),
            models.UniqueConstraint(
                name="race_agreement_one_standing",
                fields=["entrant"],
                condition=Q(state__in=["offered", "agreed"]),
            ),
            models.CheckConstraint(
                name="race_agreement_settled_has_time",
                condition=Q(state="offered", settled_at=None)
                | (~Q(state="offered") & Q(settled_at__isnull=False)),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="race_agreement_frozen",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'DELETE' THEN
                        RAISE EXCEPTION 'a race agreement is not deleted';
                    END IF;
                    IF NEW.sha256 <> encode(sha256(NEW.body), 'hex') THEN
                        RAISE EXCEPTION 'the hash is of another agreement';
                    END IF;
                    IF TG_OP = 'INSERT' THEN RETURN NEW; END IF;
                    IF NEW.entrant_id <> OLD.entrant_id OR NEW.version <> OLD.version
                        OR NEW.body <> OLD.body THEN
                        RAISE EXCEPTION 'what was offered is frozen';
                    END IF;
                    IF OLD.state <> 'offered' AND NEW.state <> OLD.state THEN
                        RAISE EXCEPTION 'a settled agreement stays so';
                    END IF;
                    IF NEW.state = 'agreed' AND OLD.state <> 'agreed' AND (
                        SELECT count(*) FROM marketplace_agreementacceptance
                        WHERE agreement_id = NEW.id) <> 2 THEN
                        RAISE EXCEPTION 'both parties accept it first';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]


class AgreementSide(models.TextChoices):
    OWNER = "owner", pgettext_lazy("agreement", "Demand owner")
    VENDOR = "vendor", pgettext_lazy("agreement", "Vendor")


class AgreementAcceptance(Recorded):
    """A person bound one party, proving anew who he is; of the text that he was shown."""

    append_only = True

    agreement = models.ForeignKey(
        RaceAgreement, on_delete=models.PROTECT, related_name="acceptances"
    )
    side = models.CharField(max_length=8, choices=AgreementSide.choices)
    sha256 = models.CharField(max_length=64)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    accepted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="acceptance_once_per_side", fields=["agreement", "side"]),
            models.CheckConstraint(
                name="acceptance_side_known", condition=Q(side__in=AgreementSide.values)
            ),
        ]
        triggers = [
            *append_only("agreement_acceptance"),
            pgtrigger.Trigger(
                name="acceptance_of_the_text",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NOT EXISTS (SELECT 1 FROM marketplace_raceagreement
                        WHERE id = NEW.agreement_id AND sha256 = NEW.sha256
                        AND state = 'offered') THEN
                        RAISE EXCEPTION 'this text is not offered';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
