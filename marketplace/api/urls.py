from django.urls import path

from marketplace.api import drafts, gate
from marketplace.api.indicators import IndicatorList, IndicatorOne
from marketplace.api.schema import Docs, Schema

ONE = "scenarios/<uuid:uid>/"
urlpatterns = [
    path("scenarios/", drafts.Scenarios.as_view(), name="api-scenarios"),
    path(ONE, drafts.ScenarioOne.as_view(), name="api-scenario"),
    path(f"{ONE}submit/", drafts.ScenarioSubmit.as_view(), name="api-scenario-submit"),
    path(f"{ONE}demonstrate/", gate.ScenarioDemonstrate.as_view(), name="api-scenario-demonstrate"),
    path(f"{ONE}return/", gate.ScenarioReturn.as_view(), name="api-scenario-return"),
    path(f"{ONE}reject/", gate.ScenarioReject.as_view(), name="api-scenario-reject"),
    path(f"{ONE}conclude/", gate.ScenarioConclude.as_view(), name="api-scenario-conclude"),
    path(f"{ONE}publish/", gate.ScenarioPublish.as_view(), name="api-scenario-publish"),
    path(f"{ONE}withdraw/", gate.ScenarioWithdraw.as_view(), name="api-scenario-withdraw"),
    path(f"{ONE}key-holders/", gate.KeyHolderCandidates.as_view(), name="api-key-holders"),
    path("indicators/", IndicatorList.as_view(), name="api-indicators"),
    path("indicators/<slug:key>/", IndicatorOne.as_view(), name="api-indicator"),
    path("schema/", Schema.as_view(), name="api-schema"),
    path("docs/", Docs.as_view(), name="api-docs"),
]
