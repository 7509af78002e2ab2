from django.urls import path

from marketplace.web import acting, awards, bidding, committee, public, scenarios

urlpatterns = [
    path("acting/", acting.switch, name="acting"),
    *scenarios.urlpatterns,
    *bidding.urlpatterns,
    *committee.urlpatterns,
    *awards.urlpatterns,
    *public.urlpatterns,
]
