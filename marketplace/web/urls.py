from django.urls import path

from marketplace.web import (
    acting,
    awards,
    bidding,
    committee,
    components,
    desk,
    files,
    notices,
    openings,
    pledges,
    public,
    scenarios,
    second_factor,
    tokens,
)

urlpatterns = [
    path("acting/", acting.switch, name="acting"),
    path("accounts/security/", second_factor.security, name="security"),
    path("components/", components.living_page, name="components"),
    *scenarios.urlpatterns,
    *bidding.urlpatterns,
    *openings.urlpatterns,
    *committee.urlpatterns,
    *awards.urlpatterns,
    *desk.urlpatterns,
    *files.urlpatterns,
    *notices.urlpatterns,
    *tokens.urlpatterns,
    *pledges.urlpatterns,
    *public.urlpatterns,
]
