"""再发榜: what failed or was withdrawn is listed anew, whole or in parts, tied to its root."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, StateConflict
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.ledger import actions as ledger
from marketplace.scenarios.actions.draft import write_content
from marketplace.scenarios.actions.found import find, profile_label
from marketplace.scenarios.content import Content
from marketplace.scenarios.disclosure.withheld import whole_content
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import rounds_on_the_way
from marketplace.scenarios.rules import can_edit_scenario

ENDED = (State.FAILED, State.WITHDRAWN, State.TERMINATED)
PARTS_MOST = 5
TITLE_MOST = 120


@transaction.atomic
def relist_scenario(*, actor: Actor, scenario_uid: UUID, parts: int = 1) -> list[Scenario]:
    """New drafts with the content of one that ended: another round, or several parts of it.

    parts: 1 relists it whole, 2 to 5 split it. Files and the deadline are not taken along. All
    rounds name the same root, which counts once. Raises Invalid, and StateConflict where it has
    not ended or another round is on its way.
    """
    if not 1 <= parts <= PARTS_MOST:
        sentence = _("A demand is split into 2 to %(most)s parts.") % {"most": PARTS_MOST}
        raise Invalid(errors={"parts": [sentence]})
    scenario = find(actor, scenario_uid)
    require(can_edit_scenario, actor, scenario)
    root = scenario.root or scenario
    if root.pk != scenario.pk:
        root = lock(Scenario, pk=root.pk)
    if scenario.state not in ENDED:
        raise StateConflict(
            gettext_lazy("Only what failed or was withdrawn is listed anew."),
            code="relisting.not_ended",
        )
    if rounds_on_the_way(root).exists():
        raise StateConflict(
            gettext_lazy("Another round of this demand is on its way already."),
            code="relisting.under_way",
        )
    content = whole_content(scenario)
    made = [
        clone(actor, root, content, number=number, parts=parts) for number in range(1, parts + 1)
    ]
    ledger.append(
        "scenario.split" if parts > 1 else "scenario.relisted",
        actor=actor,
        subjects=[*(draft.uid for draft in made), scenario.uid],
        profile_version=profile_label(scenario),
        data={"root": root.uid, "parts": parts},
    )
    return made


def clone(actor: Actor, root: Scenario, content: Content, *, number: int, parts: int) -> Scenario:
    values = content.values | {"deadline_at": None}
    if parts > 1:
        mark = f"（{number}/{parts}）"
        values["title"] = f"{values['title'][: TITLE_MOST - len(mark)]}{mark}"
    draft = Scenario(organisation=actor.party, author=actor.user, root=root)
    write_content(draft, Content(values, content.rows))
    return draft
