"""发榜五件: which documents stand before a publication, what each states, who files and checks it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Of the statements below: a change of words is a new version, told in every document.
FORM_VERSION = 1


class DocumentKind(models.TextChoices):
    CONFIDENTIALITY = "confidentiality", _("Confidentiality review")
    COMPETITION = "competition", _("Fair competition review")
    FUNDING = "funding", _("Commitment of funds or budget number")
    OPINION = "opinion", _("Opinion of the demonstration")
    APPROVAL = "approval", _("Approval sheet")


@dataclass(frozen=True)
class Form:
    """What a document asks for.

    statements: {code: sentence}, each to be affirmed; who cannot affirm one does not file. numbered:
    a document number must be told, unless a file is given where `or_file`. amount: the sum committed.
    by_owner: filed by the demand's side, else by an officer. checked: a second person, an officer,
    accepts it before it counts.
    """

    statements: dict[str, Promise]
    by_owner: bool = False
    checked: bool = False
    numbered: bool = False
    or_file: bool = False
    amount: bool = False


FORMS: dict[str, Form] = {
    DocumentKind.CONFIDENTIALITY: Form(
        {
            "no_state_secret": _("The text and its public files contain no state or work secret."),
            "no_exposure": _(
                "They name no addresses, topology, asset lists or unpatched vulnerabilities."
            ),
            "restricted_apart": _(
                "What vendors may read only on release is in restricted files, not in the text."
            ),
            "owner_agrees": _("The owner has reviewed what everybody will read and agrees to it."),
        },
        by_owner=True,
        checked=True,
    ),
    DocumentKind.COMPETITION: Form(
        {
            "no_local_registration": _(
                "No condition asks for registration, a branch or taxes paid in a place."
            ),
            "no_named_brand": _("No brand, product, patent or supplier is named or implied."),
            "no_ownership": _("No condition treats bidders differently by ownership or origin."),
            "conditions_fit": _(
                "Every condition serves the need; none is stricter than the need asks."
            ),
        },
        checked=True,
    ),
    DocumentKind.FUNDING: Form(
        {
            "funds_available": _("The amount is available, or in the approved budget."),
            "payment_as_posted": _("It is paid by the nodes of the demand as posted."),
        },
        by_owner=True,
        checked=True,
        numbered=True,
        or_file=True,
        amount=True,
    ),
    DocumentKind.OPINION: Form({}),
    DocumentKind.APPROVAL: Form(
        {
            "documents_read": _("The other four documents were read and agree with the demand."),
            "ready": _("The demand is ready to be published as it stands."),
        },
        numbered=True,
    ),
}
# The opinion comes out of the demonstration; nobody files it by hand.
BY_HAND = [kind for kind in DocumentKind if kind != DocumentKind.OPINION]
