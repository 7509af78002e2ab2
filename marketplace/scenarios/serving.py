"""A demand's file is read where its attachment is seen, a document's where the document is."""

from marketplace.base.actor import Actor
from marketplace.files.models import Purpose, Upload
from marketplace.files.serving import Readable, reads
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.undertakings import UndertakingMissing, owes, undertakes


@reads(Purpose.ATTACHMENT)
def read_attachment(actor: Actor, upload: Upload) -> Readable | None:
    rows = Attachment.objects.visible_to(actor).filter(upload=upload)
    row = rows.select_related("scenario").first()
    if row is None:
        return None
    refusal = UndertakingMissing(row) if owes(actor, row) else None
    released = row.restricted and undertakes(actor, row)
    return Readable(
        row.uid,
        restricted=row.restricted,
        refusal=refusal,
        marked=released,
        printed=released and row.restricted_texts.exists(),
    )


@reads(Purpose.DOCUMENT)
def read_document(actor: Actor, upload: Upload) -> Readable | None:
    row = GateDocument.objects.visible_to(actor).filter(upload=upload).first()
    return Readable(row.uid, restricted=True) if row else None
