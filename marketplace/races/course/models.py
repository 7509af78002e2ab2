"""The course of a heat: its public inputs and its hidden truth."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.history import never_deleted
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.files.models import Upload
from marketplace.races.models import STANDING, Heat, HeatState

FIXED = """
    IF EXISTS (SELECT 1 FROM marketplace_heat h WHERE h.id = {heat} AND h.state <> 'planned')
    THEN
        RAISE EXCEPTION 'the course of a heat that has begun stands';
    END IF;
"""


class CourseState(models.TextChoices):
    DRAFT = "draft", pgettext_lazy("course", "In preparation")
    CHECKING = "checking", pgettext_lazy("course", "Being checked")
    FIXED = "fixed", pgettext_lazy("course", "Fixed")
    REFUSED = "refused", pgettext_lazy("course", "Not usable")


class CourseQuerySet(models.QuerySet["Course"]):
    def visible_to(self, actor: Actor) -> CourseQuerySet:
        """The owner and the office at any time; who runs in the heat once it is open."""
        if actor.is_office:
            return self.all()
        seen = inspected(
            actor, "heat__race__scenario__uid", "heat__race__scenario__organisation__uid"
        )
        if actor.organisation_id:
            seen |= Q(heat__race__scenario__organisation=actor.organisation_id)
            begun = ~Q(heat__state=HeatState.PLANNED)
            runs = Q(heat__entries__entrant__organisation=actor.organisation_id)
            seen |= Q(pk__in=Course.objects.filter(begun & runs).values("pk"))
        return self.filter(seen)


class Course(Recorded):
    """What a heat is run over. It is checked by the evaluation, then published by its hashes.

    faults: what the check found, as `evaluation.faults.Fault.plain` gives it, for the owner alone.
    salt: 32 random bytes, sealed to the evaluation's recipient. They make the truth's published
    hash unguessable and choose the ids of the public split, so not even the owner knows these.
    """

    MOVES: ClassVar[dict[str, set[str]]] = {
        CourseState.DRAFT: {CourseState.CHECKING, CourseState.FIXED},
        CourseState.CHECKING: {CourseState.FIXED, CourseState.REFUSED, CourseState.DRAFT},
        CourseState.REFUSED: {CourseState.DRAFT},
        CourseState.FIXED: {CourseState.DRAFT},
    }

    heat = models.OneToOneField(Heat, on_delete=models.PROTECT, related_name="course")
    state = models.CharField(max_length=16, choices=CourseState.choices, default=CourseState.DRAFT)
    # Raised whenever a file comes or goes, so that a check never settles another set of files.
    revision = models.PositiveIntegerField(default=1)
    faults = models.JSONField(default=list)
    salt = models.BinaryField(null=True)
    truth_hash = models.CharField(max_length=64, blank=True)
    ids_count = models.PositiveBigIntegerField(null=True)
    fixed_at = models.DateTimeField(null=True)

    objects = CourseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="course_fixed_has_time",
                condition=Q(state="fixed", fixed_at__isnull=False)
                | (~Q(state="fixed") & Q(fixed_at=None, salt=None, truth_hash="")),
            )
        ]
        triggers = [
            never_deleted("course"),
            pgtrigger.Trigger(
                name="course_stands",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=FIXED.format(heat="NEW.heat_id") + "RETURN NEW;",
            ),
        ]


class CourseKind(models.TextChoices):
    IDS = "ids", _("List of ids")
    INPUT = "input", _("Input")
    TRUTH = "truth", _("Hidden truth, sealed")


class CourseFileQuerySet(models.QuerySet["CourseFile"]):
    def visible_to(self, actor: Actor) -> CourseFileQuerySet:
        return self.filter(course__in=Course.objects.visible_to(actor))

    def present(self) -> CourseFileQuerySet:
        return self.filter(removed_at=None)

    def readable_by(self, actor: Actor) -> CourseFileQuerySet:
        """Whose bytes he may have: never the truth's, though it is sealed.

        A vendor that no longer runs keeps the record and gets no more copies.
        """
        rows = (
            self.present()
            .exclude(kind=CourseKind.TRUTH)
            .filter(course__in=Course.objects.visible_to(actor))
        )
        if actor.is_office:
            return rows
        own = Q(course__heat__race__scenario__organisation=actor.organisation_id)
        runs = Q(
            course__heat__entries__entrant__organisation=actor.organisation_id,
            course__heat__entries__entrant__state__in=STANDING,
        )
        asked = inspected(
            actor,
            "course__heat__race__scenario__uid",
            "course__heat__race__scenario__organisation__uid",
        )
        return self.filter(pk__in=rows.filter(own | runs | asked).values("pk"))


class CourseFile(Recorded):
    """A file of a course. What was replaced before the heat opened stays on record."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=8, choices=CourseKind.choices)
    upload = models.OneToOneField(Upload, on_delete=models.PROTECT, related_name="course_file")
    name = models.CharField(max_length=150)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    objects = CourseFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="course_one_of_a_kind",
                fields=["course", "kind"],
                condition=Q(removed_at=None, kind__in=["ids", "truth"]),
            ),
            models.CheckConstraint(
                name="course_file_kind_known", condition=Q(kind__in=CourseKind.values)
            ),
        ]
        triggers = [
            never_deleted("course_file"),
            pgtrigger.Trigger(
                name="course_file_stands",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                    IF EXISTS (SELECT 1 FROM marketplace_course c
                        JOIN marketplace_heat h ON h.id = c.heat_id
                        WHERE c.id = NEW.course_id AND h.state <> 'planned') THEN
                        RAISE EXCEPTION 'the course of a heat that has begun stands';
                    END IF;
                    IF TG_OP = 'UPDATE' AND (NEW.sha256 <> OLD.sha256
                        OR NEW.upload_id <> OLD.upload_id OR NEW.kind <> OLD.kind
                        OR NEW.course_id <> OLD.course_id) THEN
                        RAISE EXCEPTION 'a file of a course is replaced by another one';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
