"""A demand's file is read where its attachment is seen."""

from marketplace.base.actor import Actor
from marketplace.files.models import Purpose, Upload
from marketplace.files.serving import Readable, reads
from marketplace.scenarios.attachments import Attachment


@reads(Purpose.ATTACHMENT)
def read_attachment(actor: Actor, upload: Upload) -> Readable | None:
    row = Attachment.objects.visible_to(actor).filter(upload=upload).first()
    return Readable(row.uid, restricted=row.restricted) if row else None
