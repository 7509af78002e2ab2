from django.urls import path

from marketplace.web import acting

urlpatterns = [
    path("acting/", acting.switch, name="acting"),
]
