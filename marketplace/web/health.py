from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, JsonResponse

from marketplace.base import clock


@login_not_required
def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@login_not_required
def ready(request: HttpRequest) -> JsonResponse:
    """503 while the database is away. Redis is not asked: nothing is lost without it."""
    try:
        now = clock.now()
    except Error:
        connection.close()
        return JsonResponse({"status": "database"}, status=503, headers={"Retry-After": "5"})
    return JsonResponse({"status": "ok", "database_time": now.isoformat()})
