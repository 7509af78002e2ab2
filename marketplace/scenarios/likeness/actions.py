"""What the owner says of an earlier demand that its own is much like."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.ledger import actions as ledger
from marketplace.scenarios.actions.found import find, profile_label, stated
from marketplace.scenarios.actions.relisting import ENDED
from marketplace.scenarios.likeness.models import LikenessAnswer, Verdict
from marketplace.scenarios.likeness.queries import Like, likes
from marketplace.scenarios.models import OWNER_EDITS, Scenario, State
from marketplace.scenarios.queries import rounds_on_the_way
from marketplace.scenarios.rules import can_edit_scenario


@transaction.atomic
def answer_likeness(
    *, actor: Actor, scenario_uid: UUID, other_uid: UUID, verdict: str, reason: str = ""
) -> LikenessAnswer:
    """Say of a like demand that this one differs and why, or that it is that one, listed anew.

    verdict: a Verdict. The same: only of the organisation's own that ended, and then both share a
    root and count once. Answering again changes the answer while the demand is with its owner.
    Raises Invalid, NotFound for what the actor may not see or is not like it, StateConflict.
    """
    scenario = find(actor, scenario_uid)
    require(can_edit_scenario, actor, scenario)
    like = _like(actor, scenario, other_uid)
    if scenario.state not in OWNER_EDITS:
        raise StateConflict(
            gettext_lazy(
                "The demand has been filed; it can be changed only if the office returns it."
            ),
            code="scenario.state",
        )
    if verdict not in Verdict.values:
        raise Invalid(errors={"verdict": [_("Say whether it is the same demand or another.")]})
    words = stated(reason) if verdict == Verdict.DIFFERENT else ""
    before = like.answer.verdict if like.answer else None
    if verdict == Verdict.DUPLICATE:
        _link(scenario, like.other)
    elif before == Verdict.DUPLICATE:
        scenario.root = None
        scenario.save(update_fields=["root"])
    row, _new = LikenessAnswer.objects.update_or_create(
        scenario=scenario,
        other=like.other,
        defaults={
            "verdict": verdict,
            "reason": words,
            "percent": like.percent,
            "author": actor.person,
            "answered_at": clock.now(),
        },
    )
    ledger.append(
        "likeness.answered",
        actor=actor,
        subjects=[like.other.uid, scenario.uid],
        reason=words,
        profile_version=profile_label(scenario),
        data={"verdict": verdict, "percent": like.percent},
    )
    return row


def _like(actor: Actor, scenario: Scenario, other_uid: UUID) -> Like:
    for one in likes(actor, scenario):
        if one.other.uid == other_uid and one.strong and one.other.state != State.DRAFT:
            return one
    raise NotFound


def _link(scenario: Scenario, other: Scenario) -> None:
    """Both are rounds of one root from now on."""
    if other.organisation_id != scenario.organisation_id:
        raise StateConflict(
            gettext_lazy(
                "That demand is another organisation's: say how yours differs, or give it up and"
                " follow theirs."
            ),
            code="likeness.not_own",
        )
    if other.state not in ENDED:
        raise StateConflict(
            gettext_lazy("That demand has not ended; the same one is not listed beside it."),
            code="likeness.not_ended",
        )
    root = lock(Scenario, pk=other.root_id or other.pk)
    if rounds_on_the_way(root).exclude(pk=scenario.pk).exists():
        raise StateConflict(
            gettext_lazy("Another round of this demand is on its way already."),
            code="relisting.under_way",
        )
    scenario.root = root
    scenario.save(update_fields=["root"])
