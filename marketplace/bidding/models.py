from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Capability, Organisation, User
from marketplace.accounts.queries import granted_subjects
from marketplace.base.actor import Actor, Role
from marketplace.base.history import never_deleted
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.ledger.models import Receipt, append_only
from marketplace.scenarios.models import Condition, Envelope, Scenario
from marketplace.scenarios.models import State as ScenarioState

# Until one of these the existence of a bid is the bidder's secret.
AFTER_CLOSING = [
    ScenarioState.CLOSED,
    ScenarioState.OPENED,
    ScenarioState.ELIGIBILITY,
    ScenarioState.REVIEW,
    ScenarioState.DECISION,
    ScenarioState.PUBLICITY,
    ScenarioState.AWARDED,
    ScenarioState.IMPLEMENTING,
    ScenarioState.ACCEPTED,
    ScenarioState.FAILED,
    ScenarioState.TERMINATED,
]


class BidState(models.TextChoices):
    SUBMITTED = "submitted", _("Sealed and submitted")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    OPENED = "opened", _("Opened")
    UNOPENED = "unopened", _("Could not be opened")
    ELIGIBLE = "eligible", _("Eligible")
    INELIGIBLE = "ineligible", _("Not eligible")
    CANDIDATE = "candidate", _("Candidate")
    WON = "won", _("Awarded")
    LOST = "lost", _("Not awarded")
    VOID = "void", _("Void")


class BidQuerySet(models.QuerySet["Bid"]):
    def visible_to(self, actor: Actor) -> BidQuerySet:
        """The bidder's own always; the office, the witness and the owner once bidding has closed.

        An inspector, as far as a request reaches, also those withdrawn, but not earlier either.

        Reviewers never meet bids here: they read blind codes through the committee's room.
        """
        if not actor.user_id:
            return self.none()
        mine = Q(organisation_id=actor.organisation_id) if actor.organisation_id else Q(pk=None)
        closed = Q(scenario__state__in=AFTER_CLOSING) & ~Q(state=BidState.WITHDRAWN)
        if actor.is_office or actor.role == Role.WITNESS:
            return self.filter(mine | closed)
        if actor.role == Role.INSPECTOR:
            paths = ("scenario__uid", "scenario__organisation__uid", "organisation__uid")
            return self.filter(inspected(actor, *paths), scenario__state__in=AFTER_CLOSING)
        if actor.organisation_id:
            return self.filter(mine | (closed & Q(scenario__organisation=actor.organisation_id)))
        return self.filter(mine)


class Bid(Recorded):
    """One vendor's answer to one scenario. Its contents are sealed versions."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        BidState.SUBMITTED: {
            BidState.WITHDRAWN,
            BidState.OPENED,
            BidState.UNOPENED,
            BidState.VOID,
        },
        BidState.WITHDRAWN: {BidState.SUBMITTED},
        BidState.OPENED: {BidState.ELIGIBLE, BidState.INELIGIBLE, BidState.VOID},
        BidState.ELIGIBLE: {BidState.CANDIDATE, BidState.LOST, BidState.VOID},
        BidState.CANDIDATE: {BidState.WON, BidState.LOST, BidState.VOID},
        BidState.WON: {BidState.LOST, BidState.VOID},
    }

    # The constraint "one per organisation" has the index.
    scenario = models.ForeignKey(
        Scenario, on_delete=models.PROTECT, related_name="bids", db_index=False
    )
    # Organisations, people, bids, receipts and versions are never deleted: their triggers refuse it.
    # So a database that asks with each row whether they are there finds nothing out, and takes a
    # fifth of the time of a bid.
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="bids", db_constraint=False
    )
    state = models.CharField(max_length=16, choices=BidState.choices, default=BidState.SUBMITTED)
    versions_count = models.SmallIntegerField(default=0)
    # Of the newest version: the next receipt names it.
    last_receipt_sha256 = models.CharField(max_length=64, db_default="")
    # Given at opening, in random order: under it the panel scores.
    blind_code = models.CharField(max_length=4, blank=True)
    price_cny = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    price_opened_at = models.DateTimeField(null=True)
    # Why it became void; the ledger holds its salted hash.
    void_reason = models.TextField(max_length=2000, blank=True)

    objects = BidQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="bid_one_per_organisation", fields=["scenario", "organisation"]
            ),
            models.UniqueConstraint(
                name="bid_blind_code_once",
                fields=["scenario", "blind_code"],
                condition=~Q(blind_code=""),
            ),
            models.CheckConstraint(
                name="bid_price_only_once_opened",
                condition=Q(price_opened_at=None, price_cny=None)
                | Q(price_opened_at__isnull=False, price_cny__gt=0),
            ),
        ]
        triggers = [never_deleted("bid")]


class VersionKind(models.TextChoices):
    SUBMITTED = "submitted", _("Submitted")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class BidVersionQuerySet(models.QuerySet["BidVersion"]):
    def visible_to(self, actor: Actor) -> BidVersionQuerySet:
        return self.filter(bid__in=Bid.objects.visible_to(actor))


class BidVersion(Recorded):
    """What was received, in order; a withdrawal is a version too. Never changed or deleted."""

    append_only = True

    bid = models.ForeignKey(
        Bid, on_delete=models.PROTECT, related_name="versions", db_index=False, db_constraint=False
    )
    number = models.SmallIntegerField()
    kind = models.CharField(max_length=16, choices=VersionKind.choices)
    received_at = models.DateTimeField()
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    receipt = models.OneToOneField(
        Receipt, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )

    objects = BidVersionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(name="bid_version_once", fields=["bid", "number"])]
        triggers = append_only("bid_version")


class SealedEnvelope(Recorded):
    append_only = True

    version = models.ForeignKey(
        BidVersion,
        on_delete=models.PROTECT,
        related_name="envelopes",
        db_index=False,
        db_constraint=False,
    )
    envelope = models.CharField(max_length=16, choices=Envelope.choices)
    stored_name = models.CharField(max_length=80, unique=True)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    recipient = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="sealed_envelope_once", fields=["version", "envelope"])
        ]
        triggers = append_only("sealed_envelope")


class SealedPackageQuerySet(models.QuerySet["SealedPackage"]):
    def visible_to(self, actor: Actor) -> SealedPackageQuerySet:
        """The bidder's own, before and after the deadline."""
        if not actor.user_id or not actor.organisation_id:
            return self.none()
        return self.filter(organisation_id=actor.organisation_id)


class SealedPackage(Recorded):
    """Three envelopes, sealed, checked and durable, that wait to be submitted.

    Sealing takes its time before the deadline's transaction, which takes none. `envelopes` is a
    list of {envelope, stored_name, sha256, size}, with `upload` where the bidder sealed it. What is not submitted is swept.
    """

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    envelopes = models.JSONField()
    version = models.OneToOneField(
        BidVersion,
        null=True,
        on_delete=models.PROTECT,
        related_name="package",
        db_constraint=False,
    )

    objects = SealedPackageQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                name="sealed_package_waiting", fields=["created_at"], condition=Q(version=None)
            )
        ]


class OpeningStage(models.TextChoices):
    FIRST = "first", _("Business and technical envelopes")
    PRICE = "price", _("Price envelopes")


STAGE_ENVELOPES = {
    OpeningStage.FIRST: [Envelope.BUSINESS, Envelope.TECHNICAL],
    OpeningStage.PRICE: [Envelope.PRICE],
}


class OpeningState(models.TextChoices):
    WAITING = "waiting", _("Waiting for confirmations")
    CONFIRMED = "confirmed", _("Confirmed, being opened")
    FINISHED = "finished", _("Finished")
    IMPOSSIBLE = "impossible", _("Can never happen")
    SUPERSEDED = "superseded", _("Void: the deadline moved")


# Nothing is awaited any more.
OVER = (OpeningState.FINISHED, OpeningState.IMPOSSIBLE, OpeningState.SUPERSEDED)


class OpeningQuerySet(models.QuerySet["Opening"]):
    def standing(self) -> OpeningQuerySet:
        """All but those whose deadline moved after they had been asked for."""
        return self.exclude(state=OpeningState.SUPERSEDED)

    def visible_to(self, actor: Actor) -> OpeningQuerySet:
        """Those who take part: office, witness, key holders, the owner and the bidders.

        One that stands exists only once bidding has closed; another is nobody's to see, since
        bidding goes on. Experts learn no names from it.
        """
        return self.standing().seen_by(actor)

    def seen_by(self, actor: Actor) -> OpeningQuerySet:
        if not actor.user_id or actor.role == Role.EXPERT:
            return self.none()
        if actor.is_office or actor.role == Role.WITNESS:
            return self
        if actor.role == Role.INSPECTOR:
            return self.filter(inspected(actor, "scenario__uid", "scenario__organisation__uid"))
        seen = Q(scenario__uid__in=granted_subjects(actor, Capability.KEY_HOLDER))
        if actor.organisation_id:
            bids = Bid.objects.filter(organisation=actor.organisation_id)
            taking_part = bids.exclude(state=BidState.WITHDRAWN).values("scenario")
            seen |= Q(scenario__organisation=actor.organisation_id) | Q(scenario__in=taking_part)
        return self.filter(seen)


class TimeSource(models.TextChoices):
    """What an opening's time rests on, beside the clock of the opener's machine."""

    HOST = "host", _("The clock of the opener's machine only")
    AUTHORITY = "authority", _("A timestamp of an outside authority")
    NO_TOKEN = "no_token", _("The clock of the opener's machine; the authority did not answer")


class Opening(Recorded):
    """One opening of one scenario: confirmed by key holders, carried out by the opener."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        OpeningState.WAITING: {
            OpeningState.CONFIRMED,
            OpeningState.IMPOSSIBLE,
            OpeningState.SUPERSEDED,
        },
        OpeningState.CONFIRMED: {
            OpeningState.FINISHED,
            OpeningState.IMPOSSIBLE,
            OpeningState.SUPERSEDED,
        },
    }

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="openings")
    stage = models.CharField(max_length=8, choices=OpeningStage.choices)
    state = models.CharField(
        max_length=16, choices=OpeningState.choices, default=OpeningState.WAITING
    )
    confirmations_needed = models.PositiveSmallIntegerField()
    finished_at = models.DateTimeField(null=True)
    # Empty until the opener comes, and for openings from before it looked.
    time_source = models.CharField(
        max_length=16, choices=TimeSource.choices, blank=True, default="", db_default=""
    )
    # RFC 3161, over the opening's challenge at the closing; and the time that it attests.
    time_token = models.BinaryField(null=True)
    token_at = models.DateTimeField(null=True)
    # When the opener began with the first envelope: from then on no outage moves the deadline.
    begun_at = models.DateTimeField(null=True)
    # When the opener last unwrapped the identities of these envelopes.
    openable_at = models.DateTimeField(null=True)
    # Since when a bid of it fails for a reason that nobody knows.
    stuck_at = models.DateTimeField(null=True)

    objects = OpeningQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="opening_stands_once_per_stage",
                fields=["scenario", "stage"],
                condition=~Q(state="superseded"),
            )
        ]


class OpeningConfirmation(Recorded):
    append_only = True

    opening = models.ForeignKey(Opening, on_delete=models.PROTECT, related_name="confirmations")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField()
    # What the key signed: the log's size at that time, and the WebAuthn assertion. Neither for
    # those from before assertions were asked for.
    tree_size = models.BigIntegerField(null=True)
    assertion = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="confirmation_once_per_person", fields=["opening", "user"])
        ]
        triggers = append_only("opening_confirmation")


class Outcome(models.TextChoices):
    OPENED = "opened", _("Opened")
    BIDDER_FAULT = "bidder_fault", _("The bidder's fault")
    PLATFORM_FAULT = "platform_fault", _("The platform's fault")


# From here on the office and the owner may read what was scored blind.
AFTER_SCORING = [
    ScenarioState.DECISION,
    ScenarioState.PUBLICITY,
    ScenarioState.AWARDED,
    ScenarioState.IMPLEMENTING,
    ScenarioState.ACCEPTED,
    ScenarioState.TERMINATED,
]


class OpenedEnvelopeQuerySet(models.QuerySet["OpenedEnvelope"]):
    def visible_to(self, actor: Actor) -> OpenedEnvelopeQuerySet:
        """A bidder reads its own; the office the business part for the eligibility check.

        The rest of it, and the owner, wait until nobody scores any more, so that names and
        anonymous texts do not meet in a person who may speak with the panel.
        """
        if not actor.user_id:
            return self.none()
        if actor.role == Role.INSPECTOR:
            return self.filter(sealed__version__bid__in=Bid.objects.visible_to(actor))
        mine = Q(pk=None)
        late = Q(sealed__version__bid__scenario__state__in=AFTER_SCORING)
        # What was returned, closed to use or destroyed is the bidder's alone.
        given_back = Q(sealed__version__bid__returns__isnull=False)
        if actor.organisation_id:
            mine = Q(sealed__version__bid__organisation=actor.organisation_id)
        if actor.is_office:
            open_to_office = late | Q(sealed__envelope=Envelope.BUSINESS)
            return self.filter(mine | (open_to_office & ~given_back))
        if actor.organisation_id:
            owner = Q(sealed__version__bid__scenario__organisation=actor.organisation_id)
            return self.filter(mine | (late & owner & ~given_back))
        return self.filter(mine)


class OpenedEnvelope(Recorded):
    """What came out of a sealed envelope, or whose fault it is that nothing did."""

    append_only = True
    # Set by queries: other bids failed alike, so the fault is presumed to be the platform's.
    is_presumed = False

    sealed = models.OneToOneField(SealedEnvelope, on_delete=models.PROTECT, related_name="opened")
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    reason = models.CharField(max_length=40, blank=True)
    form = models.JSONField(null=True)
    opened_at = models.DateTimeField()

    objects = OpenedEnvelopeQuerySet.as_manager()

    @property
    def blamed(self) -> Outcome:
        """The outcome with the presumption applied."""
        return Outcome.PLATFORM_FAULT if self.is_presumed else Outcome(self.outcome)

    class Meta:
        triggers = append_only("opened_envelope")


class OpenedFileQuerySet(models.QuerySet["OpenedFile"]):
    def visible_to(self, actor: Actor) -> OpenedFileQuerySet:
        return self.filter(envelope__in=OpenedEnvelope.objects.visible_to(actor))


class OpenedFile(Recorded):
    append_only = True

    envelope = models.ForeignKey(OpenedEnvelope, on_delete=models.PROTECT, related_name="files")
    name = models.CharField(max_length=120)
    stored_name = models.CharField(max_length=80, unique=True)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()

    objects = OpenedFileQuerySet.as_manager()

    class Meta:
        triggers = append_only("opened_file")


class Verdict(models.TextChoices):
    PASS = "pass", _("Met")
    FAIL = "fail", _("Not met")


class EligibilityCheck(Recorded):
    """One listed condition, one bid. A changed verdict is a new row; the last one stands."""

    append_only = True

    bid = models.ForeignKey(Bid, on_delete=models.PROTECT, related_name="checks")
    condition = models.ForeignKey(Condition, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    reason = models.TextField(max_length=2000, blank=True)
    checked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="eligibility_fail_has_reason",
                condition=~Q(verdict="fail") | ~Q(reason=""),
            )
        ]
        triggers = append_only("eligibility_check")
