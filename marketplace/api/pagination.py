from rest_framework.pagination import CursorPagination


class KeysetPagination(CursorPagination):
    """Pages by key, not by offset: the millionth costs what the first one does."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering = "-id"
