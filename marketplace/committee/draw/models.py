"""A drawing of lots as rows. What only the opener can know is held against the deposits here."""

from __future__ import annotations

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from marketplace.accounts.models import Organisation, User
from marketplace.base.actor import Actor, Role
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.committee.draw.lottery import SECRETARY, WITNESS
from marketplace.experts.models import Expert
from marketplace.ledger.log.models import Checkpoint
from marketplace.ledger.models import append_only
from marketplace.scenarios.models import Scenario


class DrawState(models.TextChoices):
    PREPARED = "prepared", _("Being prepared")
    COMMITTED = "committed", _("List committed")
    DRAWN = "drawn", _("Drawn")
    VOID = "void", _("Void")


class DrawQuerySet(models.QuerySet["Draw"]):
    def visible_to(self, actor: Actor) -> DrawQuerySet:
        """That there is one, and how far it is: office, witness, inspector. Never a name."""
        if actor.is_office or actor.role == Role.WITNESS:
            return self.all()
        return self.filter(inspected(actor, "scenario__uid", "scenario__organisation__uid"))

    def running(self) -> DrawQuerySet:
        return self.filter(state__in=[DrawState.PREPARED, DrawState.COMMITTED])


class Draw(Recorded):
    """One round. `strata`: [{code, seats, reserve}]; `moved`: {code: seats that it took over}."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        DrawState.PREPARED: {DrawState.COMMITTED},
        DrawState.COMMITTED: {DrawState.DRAWN, DrawState.VOID},
    }

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="draws")
    round = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=DrawState.choices, default=DrawState.PREPARED)
    strata = models.JSONField()
    moved = models.JSONField(default=dict)
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    committed_at = models.DateTimeField(null=True)
    drawn_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)
    # Whose deposit did not fit its hash, or "strata" where the seats could not be filled.
    void_reason = models.CharField(max_length=16, blank=True)

    objects = DrawQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="draw_round_once", fields=["scenario", "round"]),
            models.UniqueConstraint(
                name="draw_one_running",
                fields=["scenario"],
                condition=Q(state__in=["prepared", "committed"]),
            ),
            models.CheckConstraint(
                name="draw_times_fit_state",
                condition=Q(state="prepared", committed_at=None)
                | Q(state="committed", committed_at__isnull=False, drawn_at=None)
                | Q(state="drawn", drawn_at__isnull=False)
                | Q(state="void", voided_at__isnull=False),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="draw_frozen_once_committed",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'DELETE' THEN
                        RAISE EXCEPTION 'a draw is not deleted';
                    END IF;
                    IF NEW.scenario_id <> OLD.scenario_id OR NEW.round <> OLD.round THEN
                        RAISE EXCEPTION 'a draw belongs to its demand';
                    END IF;
                    IF OLD.state <> 'prepared' AND (NEW.strata <> OLD.strata
                        OR NEW.moved <> OLD.moved OR NEW.committed_at <> OLD.committed_at
                        OR NEW.proposed_by_id <> OLD.proposed_by_id) THEN
                        RAISE EXCEPTION 'a committed draw is frozen';
                    END IF;
                    IF OLD.state IN ('drawn', 'void') AND NEW.state <> OLD.state THEN
                        RAISE EXCEPTION 'a draw that is over stays so';
                    END IF;
                    IF NEW.state = 'committed' AND NOT EXISTS (
                        SELECT 1 FROM marketplace_drawcommitment WHERE draw_id = NEW.id) THEN
                        RAISE EXCEPTION 'nothing was committed';
                    END IF;
                    IF NEW.state = 'drawn' AND NOT EXISTS (
                        SELECT 1 FROM marketplace_drawresult WHERE draw_id = NEW.id) THEN
                        RAISE EXCEPTION 'nothing was drawn';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    @property
    def seats(self) -> int:
        return sum(row["seats"] for row in self.strata)


class DrawDeposit(Recorded):
    """A nonce that only the opener can read, and the hash by which it is held."""

    append_only = True
    ROLES: ClassVar = [(SECRETARY, _("Secretary")), (WITNESS, _("Witness"))]

    draw = models.ForeignKey(Draw, on_delete=models.PROTECT, related_name="deposits")
    role = models.CharField(max_length=16, choices=ROLES)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    sealed = models.BinaryField()
    nonce_hash = models.CharField(max_length=64)
    deposited_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="deposit_once_per_role", fields=["draw", "role"]),
            models.UniqueConstraint(name="deposit_once_per_person", fields=["draw", "user"]),
            models.CheckConstraint(
                name="deposit_role_known", condition=Q(role__in=[SECRETARY, WITNESS])
            ),
        ]
        triggers = [
            *append_only("draw_deposit"),
            pgtrigger.Trigger(
                name="deposit_before_commitment",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NOT EXISTS (SELECT 1 FROM marketplace_draw
                                   WHERE id = NEW.draw_id AND state = 'prepared') THEN
                        RAISE EXCEPTION 'the list is committed already';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


class DrawCommitment(Recorded):
    """The list of candidates under codes, and what was said of it in the log."""

    append_only = True

    draw = models.OneToOneField(Draw, on_delete=models.PROTECT, related_name="commitment")
    document = models.BinaryField()
    document_salt = models.BinaryField(max_length=32)
    code_salt = models.BinaryField(max_length=32)
    commitment = models.BinaryField(max_length=32)
    event_id = models.BigIntegerField(unique=True)
    committed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    # [[expert uid, code of the reason, tie]]: read after the result, by inspector and office alone.
    excluded = models.JSONField(default=list)

    class Meta:
        triggers = [
            *append_only("draw_commitment"),
            pgtrigger.Trigger(
                name="commitment_of_both_deposits",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NEW.commitment <> sha256(NEW.document_salt || NEW.document) THEN
                        RAISE EXCEPTION 'the commitment is of another document';
                    END IF;
                    IF (SELECT count(*) FROM marketplace_drawdeposit
                        WHERE draw_id = NEW.draw_id) <> 2 THEN
                        RAISE EXCEPTION 'both nonces are deposited first';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


class DrawResult(Recorded):
    """Seed and order. Nobody can write it who does not know both nonces: the opener alone does."""

    append_only = True

    draw = models.OneToOneField(Draw, on_delete=models.PROTECT, related_name="result")
    nonce_secretary = models.BinaryField(max_length=32)
    nonce_witness = models.BinaryField(max_length=32)
    # The one that gave the root; under the fallback the last before the commitment, if any.
    checkpoint = models.ForeignKey(
        Checkpoint, null=True, on_delete=models.PROTECT, related_name="+"
    )
    fallback = models.BooleanField()
    leaf_hash = models.BinaryField(max_length=32)
    root = models.BinaryField(max_length=32)
    seed = models.BinaryField(max_length=32)
    # {stratum: [codes]}
    order = models.JSONField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="draw_result_has_a_checkpoint",
                condition=Q(fallback=True) | Q(checkpoint__isnull=False),
            )
        ]
        triggers = [
            *append_only("draw_result"),
            pgtrigger.Trigger(
                name="draw_result_follows_from_deposits",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("told", "text"), ("committed", "bytea"), ("upon", "bytea")],
                func="""
                    SELECT d.uid::text, c.commitment INTO told, committed
                    FROM marketplace_draw d JOIN marketplace_drawcommitment c ON c.draw_id = d.id
                    WHERE d.id = NEW.draw_id AND d.state = 'committed';
                    IF told IS NULL THEN
                        RAISE EXCEPTION 'nothing is committed that could be drawn';
                    END IF;
                    IF EXISTS (
                        SELECT 1 FROM marketplace_drawdeposit p WHERE p.draw_id = NEW.draw_id
                        AND p.nonce_hash <> encode(sha256(
                            CASE p.role WHEN 'secretary' THEN NEW.nonce_secretary
                            ELSE NEW.nonce_witness END
                            || convert_to(told, 'UTF8') || convert_to(p.role, 'UTF8')), 'hex')) THEN
                        RAISE EXCEPTION 'a nonce is not the one that was deposited';
                    END IF;
                    SELECT root INTO upon FROM marketplace_checkpoint WHERE id = NEW.checkpoint_id;
                    IF NEW.fallback THEN
                        upon := sha256(convert_to('jiebang-draw/1/fallback', 'UTF8')
                            || coalesce(upon, sha256(''::bytea)) || NEW.leaf_hash);
                    END IF;
                    IF NEW.root <> upon THEN
                        RAISE EXCEPTION 'the root is not that of the checkpoint';
                    END IF;
                    IF NEW.seed <> sha256(convert_to('jiebang-draw/1', 'UTF8')
                        || convert_to(told, 'UTF8') || committed || NEW.nonce_secretary
                        || NEW.nonce_witness || NEW.root) THEN
                        RAISE EXCEPTION 'the seed does not follow from what was committed';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


class DrawPlace(models.Model):
    """Who stands behind a code of the order. Read by nobody before the result."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    draw = models.ForeignKey(Draw, on_delete=models.PROTECT, related_name="places")
    stratum = models.CharField(max_length=64)
    place = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=32)
    expert = models.ForeignKey(Expert, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="place_once", fields=["draw", "stratum", "place"]),
            models.UniqueConstraint(name="place_once_per_code", fields=["draw", "stratum", "code"]),
        ]
        triggers = [
            *append_only("draw_place"),
            pgtrigger.Trigger(
                name="place_follows_from_order",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("drawn", "jsonb"), ("salt", "bytea"), ("who", "text")],
                func="""
                    SELECT r.order, c.code_salt INTO drawn, salt
                    FROM marketplace_drawresult r
                    JOIN marketplace_drawcommitment c ON c.draw_id = r.draw_id
                    WHERE r.draw_id = NEW.draw_id;
                    SELECT uid::text INTO who FROM marketplace_expert WHERE id = NEW.expert_id;
                    IF drawn IS NULL OR (drawn -> NEW.stratum ->> NEW.place::int) IS DISTINCT FROM
                        NEW.code OR NEW.code <> substr(
                            encode(sha256(salt || convert_to(who, 'UTF8')), 'hex'), 1, 32) THEN
                        RAISE EXCEPTION 'this place was drawn for somebody else';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


class Answer(models.TextChoices):
    WAITING = "", _("Waiting for an answer")
    ACCEPTED = "accepted", pgettext_lazy("invitation", "Accepted")
    RECUSED = "recused", _("Recused")
    NO_TIME = "no_time", _("No time")
    SILENT = "silent", _("No answer in time")


class DrawInvitationQuerySet(models.QuerySet["DrawInvitation"]):
    def visible_to(self, actor: Actor) -> DrawInvitationQuerySet:
        """Each expert's own. Office and witness see codes on the page of the draw instead."""
        if actor.role != Role.EXPERT:
            return self.none()
        return self.filter(place__expert__user=actor.user_id)

    def standing(self) -> DrawInvitationQuerySet:
        """Those that hold a seat: unanswered, or accepted and not excluded since."""
        return self.filter(answer__in=[Answer.WAITING, Answer.ACCEPTED], excluded=False)


class DrawInvitation(Recorded):
    """One expert asked, in the order that was drawn. Answered once."""

    draw = models.ForeignKey(Draw, on_delete=models.PROTECT, related_name="invitations")
    number = models.PositiveSmallIntegerField()
    place = models.OneToOneField(DrawPlace, on_delete=models.PROTECT, related_name="invitation")
    invited_at = models.DateTimeField()
    answer_by = models.DateTimeField()
    answer = models.CharField(max_length=16, choices=Answer.choices, blank=True)
    answered_at = models.DateTimeField(null=True)
    reason = models.TextField(max_length=500, blank=True)
    # Ticked in the register, whatever it means; kept with the answer.
    ticked = models.JSONField(default=list)
    # Accepted, but tied to somebody concerned, or recused later: the seat went to the next.
    excluded = models.BooleanField(default=False)

    objects = DrawInvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="invitation_number_once", fields=["draw", "number"]),
            models.CheckConstraint(
                name="draw_invitation_answer_has_time",
                condition=Q(answer="", answered_at=None)
                | (~Q(answer="") & Q(answered_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(
                name="draw_invitation_waiting", fields=["answer_by"], condition=Q(answer="")
            )
        ]
        triggers = [
            pgtrigger.Trigger(
                name="draw_invitation_answered_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'DELETE' OR NEW.draw_id <> OLD.draw_id
                        OR NEW.number <> OLD.number OR NEW.place_id <> OLD.place_id
                        OR NEW.invited_at <> OLD.invited_at OR NEW.answer_by <> OLD.answer_by
                        OR (OLD.answer <> '' AND (NEW.answer <> OLD.answer
                            OR NEW.answered_at <> OLD.answered_at OR NEW.reason <> OLD.reason
                            OR NEW.ticked <> OLD.ticked))
                        OR (OLD.excluded AND NOT NEW.excluded) THEN
                        RAISE EXCEPTION 'an invitation is answered once and never withdrawn';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]


class RegisterEntry(Recorded):
    """A line of the register that every invitation for a demand carries, decoys among them."""

    append_only = True

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="register")
    position = models.PositiveSmallIntegerField()
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="+"
    )
    name = models.CharField(max_length=200)
    uscc = models.CharField(max_length=18)
    concerned = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="register_once", fields=["scenario", "uscc"]),
            models.UniqueConstraint(name="register_position", fields=["scenario", "position"]),
        ]
        triggers = append_only("register_entry")
