from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.questions.models import ANSWER_MOST, TEXT_MOST
from marketplace.web.forms.typed import TypedForm, offer


def files_offered(files: Iterable[Attachment]) -> list[tuple[str, Any]]:
    return [("", _("No file, or a public one"))] + [
        (str(row.uid), row.title) for row in files if row.restricted
    ]


class QuestionForm(TypedForm):
    text = forms.CharField(
        label=_("Your question"),
        widget=forms.Textarea(attrs={"rows": 4, "maxlength": TEXT_MOST}),
        help_text=_(
            "No names, no addresses, no phone numbers: nobody is to learn who asks. Everybody reads"
            " the question together with its answer."
        ),
    )
    attachment = forms.ChoiceField(
        label=_("The restricted file that it speaks of"),
        required=False,
        help_text=_("Question and answer are then read by that file's readers only."),
    )

    def __init__(self, *args: Any, files: Iterable[Attachment] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = files_offered(files)
        offer(self, "attachment", choices)
        if len(choices) == 1:
            del self.fields["attachment"]


class AnswerForm(TypedForm):
    questions = forms.MultipleChoiceField(
        label=_("The questions that this answers"), widget=forms.CheckboxSelectMultiple
    )
    text = forms.CharField(
        label=_("The answer"),
        widget=forms.Textarea(attrs={"rows": 6, "maxlength": ANSWER_MOST}),
        help_text=_("It goes to everybody and never changes; a correction is another answer."),
    )
    attachment = forms.ChoiceField(
        label=_("The restricted file that it speaks of"),
        required=False,
        help_text=_("Then only that file's readers see questions and answer."),
    )

    def __init__(
        self,
        *args: Any,
        questions: Iterable[tuple[str, Any]] = (),
        files: Iterable[Attachment] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "questions", questions)
        choices = files_offered(files)
        offer(self, "attachment", choices)
        if len(choices) == 1:
            del self.fields["attachment"]
