"""What the page that seals says while it works; handed to its script in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

WORDS = {
    "business": _("Business"),
    "technical": _("Technical"),
    "price": _("Price"),
    "step_done": _("done"),
    "step_now": _("present step"),
    "step_next": _("to come"),
    # drafts
    "draft_kept": _("Kept in this browser as you type."),
    "draft_back": _(
        "What you typed here before stands here again. Chosen files are not kept: choose them anew "
        "(%(files)s)."
    ),
    "draft_submitted": _(
        "These are the answers of your last submission from this browser: change what is to "
        "change. Files are not kept: choose them anew (%(files)s)."
    ),
    "no_files": _("none were chosen"),
    "between": pgettext_lazy("between file names", ", "),
    "draft_forgotten": _("The draft is gone from this browser."),
    # checking
    "nothing_missing": _("Nothing is missing. The bid can be sealed and submitted."),
    "envelope_large": _("The files are too large: a sealed envelope may have at most %(most)s."),
    "file_names_bidder": _(
        "The technical envelope is anonymous, but the file “%(file)s” names the bidder inside or "
        "in its properties: “%(name)s”."
    ),
    "properties_found": _(
        "What the technical files tell of their maker. Take out what names you, or confirm below "
        "that you have looked at it."
    ),
    "no_properties": _("no telling properties found"),
    "unread": _("of a kind that is not read here: look at it yourself"),
    "confirm_first": _("Confirm first that the technical envelope is anonymous."),
    # trying and sealing
    "doing_business": _("Envelope one: reading, hashing, encrypting…"),
    "doing_technical": _("Envelope two: reading, hashing, encrypting…"),
    "doing_price": _("Envelope three: reading, hashing, encrypting…"),
    "rehearsing": _("Sealing and opening again…"),
    "rehearsed": _(
        "Sealed with a key of the moment, opened again, and every hash came back. Nothing of it "
        "was kept or sent."
    ),
    "rehearsal_failed": _(
        "A hash did not come back as it was. Do not seal with this browser; try another one."
    ),
    "same": _("came back the same"),
    "not_same": _("came back different"),
    "sealing": _("Sealing in this browser…"),
    "sealed": _("Sealed. Only the three encrypted envelopes will leave this browser."),
    "sealed_before": _(
        "Sealed envelopes of an earlier visit are still in this browser: hand them in, or discard "
        "them."
    ),
    "changed": _("What you changed is not in the sealed envelopes: seal again."),
    "discarded": _("The sealed envelopes are gone from this browser."),
    # envelopes that were sealed elsewhere
    "three_files": _("Choose all three files: business.age, technical.age and price.age."),
    "taking": _("Taking over the sealed files…"),
    "taken": _("The sealed files are taken over as they are; they were not looked into."),
    "not_age": _("This is not a file sealed with age to one recipient."),
    "recipients_held": _(
        "The keys to which this bid is sealed are those that the log announced (log size %(size)s)."
    ),
    "recipients_waiting": _(
        "The log has not yet taken in the publication: the keys are those that the platform names."
    ),
    "recipients_other": _(
        "The keys that the platform names are not those that the log announced. Do not seal; tell "
        "the office."
    ),
    # committing hashes first
    "committing": _("Committing to the hashes…"),
    "committed": _(
        "The hashes are committed and receipted. Exactly these three files are taken until "
        "%(until)s (Beijing time): upload them by then."
    ),
    "committed_other": _(
        "The hashes committed last are those of other envelopes: only the committed ones are taken "
        "after the deadline."
    ),
    "committed_here": _("The committed envelopes are still in this browser: hand them in."),
    "other_files": _("These are not the files whose hashes were committed last."),
    # handing in
    "uploading": _("Sending: %(done)s of %(whole)s"),
    "submitting": _("All is there; submitting…"),
    "broken": _("The connection broke; it is tried again by itself."),
    "paused": _("Paused. What was sent is kept; it goes on from there."),
    "sealed_stay": _("The sealed envelopes are still in this browser; you can try again."),
    "no_answer": _("The server did not answer."),
    "signed_out": _(
        "You are signed out. The sealed envelopes stay in this browser: sign in and submit then."
    ),
    "sign_in": _("Sign in"),
    # what went wrong here
    "file_changed": _("A chosen file has changed or cannot be read any more: choose it anew."),
    "no_room": _("This browser has no room for the sealed envelopes: free some and seal again."),
    "failed": _("That did not work in this browser. What you typed is still here."),
}
