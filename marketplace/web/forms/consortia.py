"""Other members of a consortium after the opening: asked for by the lead, decided by an officer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from marketplace.base.errors import Invalid
from marketplace.bidding.consortia.models import ConsortiumMember

PARTS = ("name", "uscc", "work", "share_percent")
LABELS = {
    "name": _("Member of the consortium"),
    "uscc": _("Unified social credit code"),
    "work": _("What it does"),
    "share_percent": _("Share"),
}


class ChangeForm(forms.Form):
    """One row for each member that the demand allows, the lead above them."""

    lead_work = forms.CharField(label=_("What we do, as the lead"), required=False)
    lead_share_percent = forms.CharField(label=_("Our share"), required=False)
    agreement_name = forms.CharField(
        label=_("File name of the new agreement"),
        help_text=_("Signed by all members; you keep it and show it to the office."),
        required=False,
    )
    agreement_sha256 = forms.CharField(label=_("SHA-256 of the new agreement"), required=False)
    reason = forms.CharField(
        label=_("Why the consortium changes"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(
        self, post: QueryDict | None = None, *, members: Iterable[ConsortiumMember], most: int
    ) -> None:
        lead, *partners = members
        initial: dict[str, Any] = {
            "lead_work": lead.work,
            "lead_share_percent": f"{lead.share_percent:.2f}",
        }
        for place, row in enumerate(partners):
            for part in PARTS:
                initial[f"member_{place}_{part}"] = str(getattr(row, part))
        super().__init__(post, initial=initial)
        self.label_suffix = ""
        self.most = max(most - 1, len(partners))
        for place in range(self.most):
            for part in PARTS:
                self.fields[f"member_{place}_{part}"] = forms.CharField(
                    label=LABELS[part], required=False
                )

    @property
    def rows(self) -> list[list[forms.BoundField]]:
        return [[self[f"member_{place}_{p}"] for p in PARTS] for place in range(self.most)]

    def filled(self) -> list[int]:
        """The places that hold something; empty rows are members that leave."""
        return [
            place
            for place in range(self.most)
            if any(str(self[f"member_{place}_{p}"].value() or "").strip() for p in PARTS)
        ]

    def asked(self) -> dict[str, Any]:
        """What the action takes."""
        given = {name: str(self[name].value() or "") for name in self.fields}
        rows = [{p: given[f"member_{place}_{p}"] for p in PARTS} for place in self.filled()]
        own = ("lead_work", "lead_share_percent", "agreement_name", "agreement_sha256", "reason")
        return {"members": rows, **{name: given[name] for name in own}}

    def put_refusal(self, refusal: Invalid) -> None:
        """Each sentence at its field; those of the whole consortium above all."""
        places = self.filled()
        for path, sentences in refusal.errors.items():
            head, _dot, rest = path.partition(".")
            place, _dot, part = rest.partition(".")
            name: str | None = path if path in self.fields else None
            if head == "members" and place.isdigit() and int(place) < len(places):
                name = f"member_{places[int(place)]}_{part}"
            for sentence in sentences:
                self.add_error(name if name in self.fields else None, str(sentence))


class DecideForm(forms.Form):
    change = forms.UUIDField(widget=forms.HiddenInput)
    approve = forms.ChoiceField(
        label=_("Decision"),
        choices=[("yes", _("Approve the change")), ("no", _("Refuse the change"))],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The bidder reads it."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
