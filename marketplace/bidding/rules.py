"""Who may bid, withdraw, confirm an opening and check eligibility. Never when."""

from marketplace.accounts.models import Capability, Grant, PersonRole
from marketplace.accounts.queries import are_related
from marketplace.base.actor import Actor, Role
from marketplace.base.inspected import inspects
from marketplace.bidding.failed.models import FailedOpening
from marketplace.bidding.models import Bid
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.rules import vies

# Where a demand that was read by such a statement keeps it: {vendor id: whether related}.
RELATED_VENDORS = "related_vendors"


def can_bid(actor: Actor, scenario: Scenario) -> bool:
    """Owners and editors of a verified vendor that neither posted the scenario nor is related.

    Related: under the same control as the demand owner, or one controlling the other.
    """
    return vies(actor, scenario) and not is_related(actor.party.pk, scenario)


def is_related(vendor_id: int, scenario: Scenario) -> bool:
    """`are_related`, unless the statement that locked the demand has asked it already."""
    known: dict[int, bool] = vars(scenario).get(RELATED_VENDORS, {})
    if vendor_id in known:
        return known[vendor_id]
    return are_related(vendor_id, scenario.organisation_id)


def can_withdraw_bid(actor: Actor, bid: Bid) -> bool:
    """Owners and editors of the bidder itself; nobody on its behalf."""
    return actor.writes and actor.organisation_id == bid.organisation_id


def can_confirm_opening(actor: Actor, scenario: Scenario) -> bool:
    """People who hold a key of this scenario, in person; never anybody who may be asked to score.

    A grant to an organisation is not enough: confirmations count people.
    """
    if actor.user is None or actor.role in {Role.EXPERT, Role.INSPECTOR}:
        return False
    grants = Grant.objects.in_force().filter(user=actor.user, subject_uid=scenario.uid)
    held = set(grants.values_list("capability", flat=True))
    if Capability.KEY_HOLDER not in held or Capability.REVIEW in held:
        return False
    return not PersonRole.objects.filter(user=actor.user, role=Role.EXPERT).exists()


def can_declare_failed_opening(actor: Actor, scenario: Scenario) -> bool:
    """An officer of the park office who holds no key of this demand."""
    return actor.role == Role.OFFICER and not has_held_key(actor, scenario)


def can_decide_failed_opening(actor: Actor, failure: FailedOpening) -> bool:
    """A second officer, who holds no key of this demand either."""
    other = actor.role == Role.OFFICER and actor.user_id != failure.declared_by_id
    return other and not has_held_key(actor, failure.opening.scenario)


def has_held_key(actor: Actor, scenario: Scenario) -> bool:
    """Now or once: who could have confirmed does not say that nobody can."""
    grants = Grant.objects.filter(user=actor.user, subject_uid=scenario.uid)
    return grants.filter(capability=Capability.KEY_HOLDER).exists()


def can_check_eligibility(actor: Actor, scenario: Scenario) -> bool:
    """The secretary of the park office."""
    return actor.role == Role.SECRETARY


def can_request_consortium_change(actor: Actor, bid: Bid) -> bool:
    """The lead's owners and editors; no other member, and nobody on its behalf."""
    return actor.writes and actor.organisation_id == bid.organisation_id


def can_decide_consortium_change(actor: Actor, bid: Bid) -> bool:
    """An officer of the park office."""
    return actor.role == Role.OFFICER


def can_certify_return(actor: Actor, bid: Bid) -> bool:
    """Officers of the park office, apart from a bid of their own organisation."""
    return actor.role == Role.OFFICER and actor.organisation_id != bid.organisation_id


def can_see_eligibility(actor: Actor, scenario: Scenario) -> bool:
    """The office, the owner's people, an inspector; a bidder reads its own result on its bid."""
    mine = actor.organisation_id is not None and actor.organisation_id == scenario.organisation_id
    return actor.is_office or mine or inspects(actor, scenario.uid, scenario.organisation.uid)
