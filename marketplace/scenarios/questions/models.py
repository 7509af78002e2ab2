"""答疑: questions under a pseudonym of the demand, and the answers that all may read."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, OuterRef, Q

from marketplace.accounts.models import Capability, Organisation, User
from marketplace.accounts.queries import granted_subjects
from marketplace.base.actor import Actor
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.ledger.models import Receipt, append_only
from marketplace.scenarios.attachments import Access, Attachment
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.undertakings import Undertaking

TEXT_MOST = 2000
ANSWER_MOST = 8000


def inside(actor: Actor) -> Q:
    """The owner's people, the office, and an inspector as far as a request reaches."""
    if actor.is_office:
        return ~Q(pk=None)
    seen = inspected(actor, "scenario__uid", "scenario__organisation__uid")
    if actor.organisation_id:
        seen |= Q(scenario__organisation_id=actor.organisation_id)
    return seen


class Asker(models.Model):
    """One organisation's pseudonym on one demand: 提问方 and a number. Shown to nobody else.

    That an organisation asks is no sign of a bid.
    """

    append_only = True

    id = models.BigAutoField(primary_key=True)
    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="askers")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="asker_once", fields=["scenario", "organisation"]),
            models.UniqueConstraint(name="asker_number_once", fields=["scenario", "number"]),
        ]
        triggers = append_only("asker")


class AnswerQuerySet(models.QuerySet["Answer"]):
    def visible_to(self, actor: Actor) -> AnswerQuerySet:
        """Where the demand is seen; one that speaks of a restricted file, where that may be read.

        Its released readers see it once they have signed the undertaking for the file.
        """
        seen = inside(actor) | Q(attachment=None) | Q(attachment__access=Access.PUBLIC)
        if actor.user_id and actor.organisation_id:
            signed = Undertaking.objects.filter(
                attachment=OuterRef("attachment"),
                user=actor.user_id,
                organisation=actor.organisation_id,
            )
            released = granted_subjects(actor, Capability.READ)
            seen |= Q(Exists(signed), attachment__uid__in=released)
        demands = Scenario.objects.visible_to(actor)
        return self.filter(seen, scenario_id__in=demands.values("pk"))


class Answer(Recorded):
    """One answer to one or several questions, for all within its class. It never changes."""

    append_only = True

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="answers")
    number = models.PositiveSmallIntegerField()
    text = models.TextField(max_length=ANSWER_MOST)
    # What it speaks of, and whose class it has.
    attachment = models.ForeignKey(
        Attachment, null=True, on_delete=models.PROTECT, related_name="+"
    )
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    by_office = models.BooleanField()
    answered_at = models.DateTimeField()

    objects = AnswerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="answer_number_once", fields=["scenario", "number"])
        ]
        triggers = append_only("answer")


class QuestionQuerySet(models.QuerySet["Question"]):
    def visible_to(self, actor: Actor) -> QuestionQuerySet:
        """One's own; all to the demand's owner and the office; to others with their answer."""
        answers = Answer.objects.visible_to(actor).values("pk")
        seen = inside(actor) | Q(reply__answer__in=answers)
        if actor.organisation_id:
            seen |= Q(asker__organisation_id=actor.organisation_id)
        demands = Scenario.objects.visible_to(actor)
        return self.filter(seen, scenario_id__in=demands.values("pk"))

    def own(self, actor: Actor) -> QuestionQuerySet:
        if actor.organisation_id is None:
            return self.none()
        return self.filter(asker__organisation_id=actor.organisation_id)

    def unanswered(self) -> QuestionQuerySet:
        return self.filter(reply=None)


class Question(Recorded):
    """What a vendor asked. Who it was stands behind `asker`, which nothing shows."""

    append_only = True

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="questions")
    number = models.PositiveSmallIntegerField()
    asker = models.ForeignKey(Asker, on_delete=models.PROTECT, related_name="questions")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(max_length=TEXT_MOST)
    attachment = models.ForeignKey(
        Attachment, null=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="+")

    objects = QuestionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="question_number_once", fields=["scenario", "number"])
        ]
        triggers = append_only("question")


class Reply(models.Model):
    """Which answer a question got: one, once."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    question = models.OneToOneField(Question, on_delete=models.PROTECT, related_name="reply")
    answer = models.ForeignKey(Answer, on_delete=models.PROTECT, related_name="replies")

    class Meta:
        triggers = append_only("reply")
