from django.urls import path

from marketplace.api.indicators import IndicatorList, IndicatorOne
from marketplace.api.scenarios import ScenarioList, ScenarioOne
from marketplace.api.schema import Docs, Schema
from marketplace.api.uploads import UploadList, UploadOne

urlpatterns = [
    path("scenarios/", ScenarioList.as_view(), name="api-scenarios"),
    path("scenarios/<uuid:uid>/", ScenarioOne.as_view(), name="api-scenario"),
    path("indicators/", IndicatorList.as_view(), name="api-indicators"),
    path("indicators/<slug:key>/", IndicatorOne.as_view(), name="api-indicator"),
    path("uploads/", UploadList.as_view(), name="api-uploads"),
    path("uploads/<uuid:uid>/", UploadOne.as_view(), name="api-upload"),
    path("schema/", Schema.as_view(), name="api-schema"),
    path("docs/", Docs.as_view(), name="api-docs"),
]
