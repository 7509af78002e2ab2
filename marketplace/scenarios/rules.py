"""Who may do what to a demand. Never when: states and clocks are the actions' matter."""

from __future__ import annotations

from marketplace.accounts.models import Organisation
from marketplace.accounts.queries import are_related
from marketplace.base.actor import Actor, Role
from marketplace.scenarios.amendments.models import Amendment
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.batches.models import Batch, BatchTask
from marketplace.scenarios.demonstration.models import Demonstration
from marketplace.scenarios.documents.kinds import FORMS, DocumentKind
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.releases.models import ReleaseRequest
from marketplace.scenarios.undertakings import undertakes


def can_draft_scenario(actor: Actor, organisation: Organisation | None) -> bool:
    """Owners and editors of an organisation that posts demands, for that organisation."""
    return (
        organisation is not None
        and actor.writes
        and actor.organisation_id == organisation.pk
        and organisation.is_owner
    )


def can_edit_scenario(actor: Actor, scenario: Scenario) -> bool:
    """Owners and editors of the organisation whose demand it is; they also file and delete it."""
    return actor.writes and actor.organisation_id == scenario.organisation_id


def follows_demands(actor: Actor) -> bool:
    """Whoever has an inbox; an inspector follows demands by requests alone."""
    return actor.user_id is not None and actor.role != Role.INSPECTOR


def can_save_search(actor: Actor, _search: object) -> bool:
    """Whoever may follow demands, for himself."""
    return follows_demands(actor)


def can_watch_scenario(actor: Actor, _scenario: Scenario) -> bool:
    """Whoever may follow demands, for himself."""
    return follows_demands(actor)


def can_keep_calendar(actor: Actor, _address: object) -> bool:
    """Whoever may follow demands: a secret address of what he watches himself."""
    return follows_demands(actor)


def can_demonstrate_scenario(actor: Actor, scenario: Scenario) -> bool:
    """Officers who neither wrote the demand nor belong to its owner: take up, return, reject."""
    return actor.role == Role.OFFICER and stands_apart(actor, scenario)


def can_invite_experts(actor: Actor, scenario: Scenario) -> bool:
    """The office asks experts: officers and secretaries who stand apart."""
    return actor.is_office and stands_apart(actor, scenario)


def can_give_opinion(actor: Actor, demonstration: Demonstration) -> bool:
    """The experts who were asked, as such."""
    if actor.role != Role.EXPERT or actor.user_id is None:
        return False
    return demonstration.seats.filter(user_id=actor.user_id).exists()


def can_conclude_demonstration(actor: Actor, scenario: Scenario) -> bool:
    """A secretary who stands apart, from the experts' opinions."""
    return actor.role == Role.SECRETARY and stands_apart(actor, scenario)


def can_run_batch(actor: Actor, batch: Batch) -> bool:
    """Calls, meetings and announcements are the officers'; each demand still asks its own rule."""
    return actor.role == Role.OFFICER


def can_take_into_batch(actor: Actor, scenario: Scenario) -> bool:
    """Officers who stand apart gather a demand into a batch, and take it out."""
    return actor.role == Role.OFFICER and stands_apart(actor, scenario)


def can_report_task(actor: Actor, task: BatchTask) -> bool:
    """Who is responsible, and every officer."""
    return actor.is_office and (actor.role == Role.OFFICER or actor.user_id == task.responsible_id)


def can_publish_scenario(actor: Actor, scenario: Scenario) -> bool:
    """Who publishes is an officer, not the author, and not of the owner's organisation."""
    return actor.role == Role.OFFICER and stands_apart(actor, scenario)


def can_file_document(actor: Actor, document: GateDocument) -> bool:
    """The demand's side its own two, of which only an owner commits money; officers the others."""
    form = FORMS.get(document.kind)
    if form is None or document.kind == DocumentKind.OPINION:
        return False
    if not form.by_owner:
        return actor.role == Role.OFFICER and stands_apart(actor, document.scenario)
    own = actor.organisation_id == document.scenario.organisation_id
    return own and (actor.role == Role.OWNER if form.amount else actor.writes)


def can_check_document(actor: Actor, document: GateDocument) -> bool:
    """An officer who did not file it, and stands apart from the demand."""
    officer = actor.role == Role.OFFICER and actor.user_id != document.filed_by_id
    return officer and stands_apart(actor, document.scenario)


def can_withdraw_scenario(actor: Actor, scenario: Scenario) -> bool:
    """Taking back what was posted binds the organisation: its owners only."""
    return actor.role == Role.OWNER and actor.organisation_id == scenario.organisation_id


def can_close_scenario(actor: Actor, scenario: Scenario) -> bool:
    """Nobody closes by hand; the sweep records what the clock has made true."""
    return actor.role == Role.SYSTEM


def can_extend_deadline(actor: Actor, scenario: Scenario) -> bool:
    """Nobody moves a deadline; the record of outages does, by the published rule."""
    return actor.role == Role.SYSTEM


def can_release_attachment(actor: Actor, attachment: Attachment) -> bool:
    """Who reads a restricted file is the owner's matter: those who write for it."""
    return actor.writes and actor.organisation_id == attachment.scenario.organisation_id


def can_undertake(actor: Actor, attachment: Attachment) -> bool:
    """Whoever reads a restricted file because it was released to the organisation."""
    return actor.user_id is not None and undertakes(actor, attachment)


def can_ask_release(actor: Actor, scenario: Scenario) -> bool:
    """Whoever may ask about a demand may ask to read its restricted parts."""
    return can_ask_question(actor, scenario)


def can_answer_release(actor: Actor, request: ReleaseRequest) -> bool:
    """Who reads on is the owner's matter: those who write for it."""
    return can_edit_scenario(actor, request.scenario)


def can_ask_question(actor: Actor, scenario: Scenario) -> bool:
    """Whoever may bid may ask; asking is no sign of a bid."""
    return vies(actor, scenario) and not are_related(actor.party.pk, scenario.organisation_id)


def can_answer_questions(actor: Actor, scenario: Scenario) -> bool:
    """Those who write for the owner, and an officer of neither side where the owner is silent."""
    return can_edit_scenario(actor, scenario) or (
        actor.role == Role.OFFICER and stands_apart(actor, scenario)
    )


def can_draft_amendment(actor: Actor, scenario: Scenario) -> bool:
    """Those who write for the owner, and officers who stand apart; they also drop a draft."""
    return can_answer_questions(actor, scenario)


def can_publish_amendment(actor: Actor, amendment: Amendment) -> bool:
    """An officer who stands apart from the demand and did not draft the change."""
    apart = actor.role == Role.OFFICER and stands_apart(actor, amendment.scenario)
    return apart and actor.user_id != amendment.drafted_by_id


def can_suspend_scenario(actor: Actor, scenario: Scenario) -> bool:
    """Officers who stand apart; they also let it go on."""
    return actor.role == Role.OFFICER and stands_apart(actor, scenario)


def vies(actor: Actor, scenario: Scenario) -> bool:
    """Owners and editors of a verified vendor that did not post the demand."""
    vendor = actor.organisation
    if vendor is None or not actor.writes or not vendor.is_vendor or vendor.verified_at is None:
        return False
    return vendor.pk != scenario.organisation_id


def stands_apart(actor: Actor, scenario: Scenario) -> bool:
    """Neither the author nor a member of the organisation whose demand it is."""
    if actor.user is None or actor.user_id == scenario.author_id:
        return False
    # .all(), so that a desk can have read them once for a whole list.
    return all(
        member.organisation_id != scenario.organisation_id
        for member in actor.user.memberships.all()
    )
