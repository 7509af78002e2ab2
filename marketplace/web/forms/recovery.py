from django import forms
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.recovery.models import REASON_MOST


class AskResetForm(forms.Form):
    email = forms.EmailField(label=_("E-mail that the person signs in with"))
    reason = forms.CharField(
        label=_("How you made sure who it is"),
        max_length=REASON_MOST,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("In person with a document, or by a call to a number known before; no mail."),
    )
