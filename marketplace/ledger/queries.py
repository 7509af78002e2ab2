from uuid import UUID

from django.db.models import QuerySet

from marketplace.ledger.models import Audience, Event


def history(subject_uid: UUID) -> QuerySet[Event]:
    """What everybody may know of one record, oldest first."""
    events = Event.objects.filter(subjects__contains=[subject_uid], audience=Audience.PUBLIC)
    return events.order_by("id")
