"""Files inside ordinary forms stay in memory; large ones come piece by piece (tus)."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler, SkipFile
from django.http import HttpRequest

from marketplace.files.limits import FILE_LIMIT, REQUEST_LIMIT

__all__ = ["FILE_LIMIT", "REQUEST_LIMIT", "BoundedMemoryUploadHandler"]


class BoundedMemoryUploadHandler(MemoryFileUploadHandler):
    """Keeps files in memory whatever their size; of a request over the limit it keeps none.

    A form over the limit arrives without its files and with `request.upload_refused` set, so the
    page can say which limit it was.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803  # Django's own name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        self.activated = True
        self.refused = content_length > REQUEST_LIMIT
        if self.refused:
            assert isinstance(self.request, HttpRequest)
            self.request.upload_refused = True  # type: ignore[attr-defined]

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        # The fields are still read, so the form keeps what was typed; the files are read past.
        if self.refused:
            raise SkipFile
        super().new_file(*args, **kwargs)
