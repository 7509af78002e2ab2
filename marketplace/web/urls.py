from django.urls import path

from marketplace.web import (
    acting,
<<<<<<< HEAD
    attachments,
=======
    approaches,
>>>>>>> main
    awards,
    bidding,
    committee,
    components,
    desk,
    files,
    inspections,
    members,
    notices,
    openings,
    organisations,
    pledges,
    public,
    registration,
    scenarios,
    second_factor,
    tips,
    tokens,
)

urlpatterns = [
    path("acting/", acting.switch, name="acting"),
    path("accounts/security/", second_factor.security, name="security"),
    path("components/", components.living_page, name="components"),
    *scenarios.urlpatterns,
    *attachments.urlpatterns,
    *bidding.urlpatterns,
    *openings.urlpatterns,
    *committee.urlpatterns,
    *awards.urlpatterns,
    *desk.urlpatterns,
    *files.urlpatterns,
    *notices.urlpatterns,
    *tokens.urlpatterns,
    *pledges.urlpatterns,
    *organisations.urlpatterns,
    *members.urlpatterns,
    *registration.urlpatterns,
    *inspections.urlpatterns,
    *approaches.urlpatterns,
    *tips.urlpatterns,
    *public.urlpatterns,
]
