from django.urls import path

from marketplace.web import (
    acting,
    approaches,
    awards,
    bidding,
    committee,
    components,
    desk,
    inspections,
    notices,
    openings,
    pledges,
    public,
    scenarios,
    second_factor,
    tips,
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
    *notices.urlpatterns,
    *pledges.urlpatterns,
    *inspections.urlpatterns,
    *approaches.urlpatterns,
    *tips.urlpatterns,
    *public.urlpatterns,
]
