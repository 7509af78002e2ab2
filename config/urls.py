from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

from marketplace.web import health, log, metrics

urlpatterns = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("api/v1/", include("marketplace.api.urls")),
    *log.urlpatterns,
    *i18n_patterns(
        path("accounts/", include("allauth.account.urls")),
        path("accounts/2fa/", include("allauth.mfa.urls")),
        path("accounts/sessions/", include("allauth.usersessions.urls")),
        path("", include("marketplace.web.urls")),
        prefix_default_language=False,
    ),
]
handler404 = "marketplace.web.faults.not_found"
handler403 = "marketplace.web.faults.forbidden"
handler400 = "marketplace.web.faults.bad_request"
handler500 = "marketplace.web.faults.broken"
# Asked for by name by allauth's limits.
handler429 = "marketplace.web.faults.too_many"
