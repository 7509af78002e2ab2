"""Attempts of entrants, what was measured of them, and whose turn it is."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import pgettext_lazy

from marketplace.accounts.models import Organisation, User
from marketplace.base.actor import Actor
from marketplace.base.history import append_only, never_deleted
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.files.models import Upload
from marketplace.races.models import HeatEntry

SCENARIO = "entry__heat__race__scenario"


class AttemptState(models.TextChoices):
    QUEUED = "queued", pgettext_lazy("attempt", "Queued")
    RUNNING = "running", pgettext_lazy("attempt", "Being measured")
    SCORED = "scored", pgettext_lazy("attempt", "Scored")
    REFUSED = "refused", pgettext_lazy("attempt", "File refused")
    FAILED = "failed", pgettext_lazy("attempt", "Failed by our fault")
    CANCELLED = "cancelled", pgettext_lazy("attempt", "Cancelled")


WAITING = [AttemptState.QUEUED, AttemptState.RUNNING]


class Step(models.TextChoices):
    """How far a running one is. None of them says anything about the truth."""

    FETCHING = "fetching", pgettext_lazy("attempt", "Files are being fetched")
    READING = "reading", pgettext_lazy("attempt", "The file is being read")
    MEASURING = "measuring", pgettext_lazy("attempt", "Figures are being computed")


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def visible_to(self, actor: Actor) -> AttemptQuerySet:
        """The entrant's own; once its heat has closed also the office's and the demand owner's."""
        closed = Q(entry__heat__closed_at__isnull=False)
        if actor.is_office:
            return self.filter(closed)
        paths = (f"{SCENARIO}__uid", f"{SCENARIO}__organisation__uid", "organisation__uid")
        seen = closed & inspected(actor, *paths)
        if actor.organisation_id:
            seen |= Q(organisation=actor.organisation_id)
            seen |= closed & Q(**{f"{SCENARIO}__organisation": actor.organisation_id})
        return self.filter(seen)

    def spending(self) -> AttemptQuerySet:
        """Those that count against the quota."""
        return self.filter(spent=True)


class Attempt(Recorded):
    """One result file, handed in for measuring.

    faults: why the file was refused, as `evaluation.faults.Fault.plain` gives it, of the vendor's
    own file alone; `more_faults` says that there are others. spent: it counts against the quota.
    chosen: the vendor wants this one to count, where the design leaves the choice.
    While it runs, whoever holds `lease` works on it until `leased_until`; then others may.
    """

    MOVES: ClassVar[dict[str, set[str]]] = {
        AttemptState.QUEUED: {AttemptState.RUNNING, AttemptState.CANCELLED},
        AttemptState.RUNNING: {
            AttemptState.QUEUED,
            AttemptState.SCORED,
            AttemptState.REFUSED,
            AttemptState.FAILED,
            AttemptState.CANCELLED,
        },
    }

    entry = models.ForeignKey(HeatEntry, on_delete=models.PROTECT, related_name="attempts")
    # The entrant's, so that rules, querysets and the queue need not join.
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    upload = models.OneToOneField(Upload, on_delete=models.PROTECT, related_name="attempt")
    name = models.CharField(max_length=150)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    received_at = models.DateTimeField()
    # In Shanghai, by which the quota of a day is counted.
    received_date = models.DateField()
    state = models.CharField(
        max_length=16, choices=AttemptState.choices, default=AttemptState.QUEUED
    )
    spent = models.BooleanField(default=True)
    chosen = models.BooleanField(default=False)
    # From when it may be taken (again).
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    step = models.CharField(max_length=16, choices=Step.choices, blank=True)
    started_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    faults = models.JSONField(default=list)
    more_faults = models.BooleanField(default=False)

    objects = AttemptQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                name="attempt_waiting", fields=["due_at", "id"], condition=Q(state="queued")
            ),
            models.Index(
                name="attempt_leased", fields=["leased_until"], condition=Q(state="running")
            ),
            models.Index(name="attempt_by_organisation", fields=["organisation", "id"]),
        ]
        constraints = [
            models.UniqueConstraint(name="attempt_number_once", fields=["entry", "number"]),
            models.UniqueConstraint(
                name="attempt_one_chosen", fields=["entry"], condition=Q(chosen=True)
            ),
            models.CheckConstraint(
                name="attempt_running_is_leased",
                condition=Q(state="running", lease__isnull=False, leased_until__isnull=False)
                | (~Q(state="running") & Q(lease=None, leased_until=None)),
            ),
            models.CheckConstraint(
                name="attempt_settled_has_time",
                condition=Q(state__in=["queued", "running"], settled_at=None)
                | (~Q(state__in=["queued", "running"]) & Q(settled_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="attempt_chosen_is_scored", condition=Q(chosen=False) | Q(state="scored")
            ),
            models.CheckConstraint(
                name="attempt_failed_is_given_back", condition=~Q(state="failed", spent=True)
            ),
        ]
        triggers = [
            never_deleted("attempt"),
            pgtrigger.Trigger(
                name="attempt_file_stands",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF NEW.entry_id <> OLD.entry_id OR NEW.number <> OLD.number
                        OR NEW.upload_id <> OLD.upload_id OR NEW.sha256 <> OLD.sha256
                        OR NEW.received_at <> OLD.received_at
                        OR NEW.organisation_id <> OLD.organisation_id THEN
                        RAISE EXCEPTION 'what was handed in stands';
                    END IF;
                    IF OLD.state = 'scored' AND NEW.state <> OLD.state THEN
                        RAISE EXCEPTION 'a scored attempt stays so';
                    END IF;
                    IF NEW.state = 'scored' AND NOT EXISTS (
                        SELECT 1 FROM marketplace_run WHERE attempt_id = NEW.id) THEN
                        RAISE EXCEPTION 'a scored attempt has its run';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


class LineCode(models.TextChoices):
    """What the log of an attempt tells its vendor, in the pages' words."""

    RECEIVED = "received", pgettext_lazy("attempt", "Received")
    STARTED = "started", pgettext_lazy("attempt", "Measuring began")
    READ = "read", pgettext_lazy("attempt", "The file was read")
    SCORED = "scored", pgettext_lazy("attempt", "Scored")
    REFUSED = "refused", pgettext_lazy("attempt", "The file was refused")
    AGAIN = "again", pgettext_lazy("attempt", "Interrupted by our fault; it is tried again")
    FAILED = "failed", pgettext_lazy("attempt", "Given up by our fault; it costs no attempt")
    CANCELLED = "cancelled", pgettext_lazy("attempt", "Cancelled")
    CHOSEN = "chosen", pgettext_lazy("attempt", "Chosen to count")


class AttemptLine(models.Model):
    """A line of an attempt's log."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="lines")
    at = models.DateTimeField()
    code = models.CharField(max_length=16, choices=LineCode.choices)

    class Meta:
        triggers = append_only("attempt_line")


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, actor: Actor) -> RunQuerySet:
        return self.filter(attempt__in=Attempt.objects.visible_to(actor))


class Run(Recorded):
    """What measured an attempt, and what its board may show meanwhile.

    inputs: {"ids": …, "truth": …, "result": …}, SHA-256 in hex; the truth's is the salted one that
    was published. board: {metric: {"value": "0.87"} or {"missing": reason}} of the public split,
    rounded by the design; empty where nothing is shown before the end. The exact figures lie
    in FullResult.
    """

    append_only = True

    attempt = models.OneToOneField(Attempt, on_delete=models.PROTECT, related_name="run")
    evaluator = models.CharField(max_length=80)
    version = models.CharField(max_length=40)
    inputs = models.JSONField()
    environment = models.JSONField()
    board = models.JSONField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="run_ends_after_start", condition=Q(finished_at__gte=F("started_at"))
            )
        ]
        triggers = append_only("run")


class FullResultQuerySet(models.QuerySet["FullResult"]):
    def visible_to(self, actor: Actor) -> FullResultQuerySet:
        """Nobody's while the heat runs: not the owner's, the office's or an inspector's either.

        After it those who see the attempt; everybody who sees the race once its result is public.
        """
        closed = self.filter(run__attempt__entry__heat__closed_at__isnull=False)
        told = Q(run__attempt__entry__heat__publicised_at__isnull=False)
        return closed.filter(told | Q(run__attempt__in=Attempt.objects.visible_to(actor)))


class FullResult(Recorded):
    """The exact figures of a run, hidden until its heat has closed.

    public, private, whole: RFC 8785 bytes (`evaluation.figures.Outcome.bytes`) of the three
    splits; public is null where the design has no public split. sha256: of `whole`.
    """

    append_only = True

    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="full")
    public = models.BinaryField(null=True)
    private = models.BinaryField()
    whole = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    objects = FullResultQuerySet.as_manager()

    class Meta:
        triggers = append_only("full_result")


class EvaluationTurn(models.Model):
    """When a vendor was served last: whoever waits longest since is served first."""

    organisation = models.OneToOneField(
        Organisation, on_delete=models.PROTECT, primary_key=True, related_name="+"
    )
    served_at = models.DateTimeField()
