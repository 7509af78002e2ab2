from django.urls import path
from rest_framework.views import APIView

from marketplace.api import (
    awards,
    bids,
    drafts,
    gate,
    members,
    notices,
    openings,
    organisations,
    panels,
    pledges,
    reports,
    sheets,
    supervision,
    ties,
    tokens,
)
from marketplace.api.indicators import IndicatorList, IndicatorOne
from marketplace.api.schema import Docs, Schema
from marketplace.api.uploads import UploadList, UploadOne

# name of the address -> (address, view)
ADDRESSES: dict[str, tuple[str, type[APIView]]] = {
    # First, since it is asked by all in the last minute and addresses are tried in turn
    "package-submit": ("packages/<uuid:uid>/submit/", bids.PackageSubmit),
    # A demand
    "scenarios": ("scenarios/", drafts.Scenarios),
    "scenario": ("scenarios/<uuid:uid>/", drafts.ScenarioOne),
    "scenario-submit": ("scenarios/<uuid:uid>/submit/", drafts.ScenarioSubmit),
    "scenario-demonstrate": ("scenarios/<uuid:uid>/demonstrate/", gate.ScenarioDemonstrate),
    "scenario-return": ("scenarios/<uuid:uid>/return/", gate.ScenarioReturn),
    "scenario-reject": ("scenarios/<uuid:uid>/reject/", gate.ScenarioReject),
    "scenario-conclude": ("scenarios/<uuid:uid>/conclude/", gate.ScenarioConclude),
    "scenario-publish": ("scenarios/<uuid:uid>/publish/", gate.ScenarioPublish),
    "scenario-withdraw": ("scenarios/<uuid:uid>/withdraw/", gate.ScenarioWithdraw),
    "key-holders": ("scenarios/<uuid:uid>/key-holders/", gate.KeyHolderCandidates),
    "experts": ("scenarios/<uuid:uid>/experts/", panels.ExpertCandidates),
    "eligibility": ("scenarios/<uuid:uid>/eligibility/", openings.Eligibility),
    "eligibility-start": (
        "scenarios/<uuid:uid>/eligibility/start/",
        openings.EligibilityStart,
    ),
    "eligibility-conclude": (
        "scenarios/<uuid:uid>/eligibility/conclude/",
        openings.EligibilityConclude,
    ),
    "choose-winner": ("scenarios/<uuid:uid>/choose-winner/", awards.ChooseWinner),
    "decide-by-minutes": ("scenarios/<uuid:uid>/decide-by-minutes/", awards.DecideByMinutes),
    "choose-nobody": ("scenarios/<uuid:uid>/choose-nobody/", awards.ChooseNobody),
    # Bids
    "bids": ("bids/", bids.Bids),
    "bid": ("bids/<uuid:uid>/", bids.BidOne),
    "bid-revise": ("bids/<uuid:uid>/revise/", bids.BidRevise),
    "bid-withdraw": ("bids/<uuid:uid>/withdraw/", bids.BidWithdraw),
    "bid-checks": ("bids/<uuid:uid>/checks/", openings.BidCheck),
    "bid-submit": ("scenarios/<uuid:uid>/bids/", bids.BidSubmit),
    "package-seal": ("scenarios/<uuid:uid>/packages/", bids.PackageSeal),
    "package": ("packages/<uuid:uid>/", bids.PackageOne),
    "receipt": ("receipts/<uuid:uid>/", bids.ReceiptOne),
    "openings": ("openings/", openings.Openings),
    "opening": ("openings/<uuid:uid>/", openings.OpeningOne),
    "opening-confirm": ("openings/<uuid:uid>/confirm/", openings.OpeningConfirm),
    # The review
    "panels": ("panels/", panels.Panels),
    "panel-appoint": ("scenarios/<uuid:uid>/panel/", panels.PanelAppoint),
    "panel": ("panels/<uuid:uid>/", panels.PanelOne),
    "panel-members": ("panels/<uuid:uid>/members/", panels.PanelMembers),
    "member-recuse": (
        "panels/<uuid:uid>/members/<uuid:member>/recuse/",
        panels.MemberRecuse,
    ),
    "panel-declare": ("panels/<uuid:uid>/declare/", panels.PanelDeclare),
    "panel-start": ("panels/<uuid:uid>/start-scoring/", panels.PanelStart),
    "panel-finish": ("panels/<uuid:uid>/finish-review/", panels.PanelFinish),
    "sheets": ("sheets/", sheets.Sheets),
    "sheet": ("sheets/<uuid:uid>/", sheets.SheetOne),
    "sheet-lock": ("sheets/<uuid:uid>/lock/", sheets.SheetLock),
    "reports": ("reports/", reports.Reports),
    "report": ("reports/<uuid:uid>/", reports.ReportOne),
    # The award
    "awards": ("awards/", awards.Awards),
    "award": ("awards/<uuid:uid>/", awards.AwardOne),
    "award-publicise": ("awards/<uuid:uid>/publicise/", awards.AwardPublicise),
    "award-confirm": ("awards/<uuid:uid>/confirm/", awards.AwardConfirm),
    "award-refuse": ("awards/<uuid:uid>/refuse/", awards.AwardRefuse),
    # People
    "organisations": ("organisations/", organisations.Organisations),
    "organisation": ("organisations/<uuid:uid>/", organisations.OrganisationOne),
    "verification-ask": (
        "organisations/<uuid:uid>/verification/",
        organisations.VerificationAsk,
    ),
    "verification-give": ("organisations/<uuid:uid>/verify/", organisations.VerificationGive),
    "verification-refuse": (
        "organisations/<uuid:uid>/refuse-verification/",
        organisations.VerificationRefuse,
    ),
    "evidence-attach": ("organisations/<uuid:uid>/evidence/", organisations.EvidenceAttach),
    "evidence": ("evidence/<uuid:uid>/", organisations.EvidenceOne),
    "invite": ("organisations/<uuid:uid>/invitations/", members.InvitationSend),
    "members": ("members/", members.Members),
    "member": ("members/<uuid:uid>/", members.MemberOne),
    "invitations": ("invitations/", members.Invitations),
    "invitation": ("invitations/<uuid:uid>/", members.InvitationOne),
    "invitation-again": ("invitations/<uuid:uid>/send-again/", members.InvitationAgain),
    "invitation-accept": ("invitations/accept/", members.InvitationAccept),
    "control-state": ("organisations/<uuid:uid>/controls/", ties.ControlState),
    "controls": ("controls/", ties.controls.list()),
    "control": ("controls/<uuid:uid>/", ties.controls.one()),
    "control-end": ("controls/<uuid:uid>/end/", ties.ControlEnd),
    "relation-state": ("organisations/<uuid:uid>/relations/", ties.RelationState),
    "relations": ("relations/", ties.relations.list()),
    "relation": ("relations/<uuid:uid>/", ties.relations.one()),
    "relation-end": ("relations/<uuid:uid>/end/", ties.RelationEnd),
    "pledge-texts": ("pledge-texts/", pledges.PledgeTexts),
    "pledge-text": ("pledge-texts/<uuid:uid>/", pledges.PledgeTextOne),
    "pledge-sign": ("pledge-texts/<uuid:uid>/sign/", pledges.PledgeSign),
    "pledges": ("pledges/", pledges.Pledges),
    "pledge": ("pledges/<uuid:uid>/", pledges.PledgeOne),
    "tokens": ("tokens/", tokens.Tokens),
    "token": ("tokens/<uuid:uid>/", tokens.TokenOne),
    "notices": ("notices/", notices.Notices),
    "notices-unread": ("notices/unread/", notices.UnreadNotices),
    "notices-read": ("notices/read/", notices.NoticesRead),
    "notice": ("notices/<uuid:uid>/", notices.NoticeOne),
    "notice-read": ("notices/<uuid:uid>/read/", notices.NoticeRead),
    # Supervision
    "approaches": ("approaches/", supervision.Approaches),
    "approach": ("approaches/<uuid:uid>/", supervision.ApproachOne),
    "inspections": ("inspections/", supervision.Inspections),
    "inspection": ("inspections/<uuid:uid>/", supervision.InspectionOne),
    "inspection-end": ("inspections/<uuid:uid>/end/", supervision.InspectionEnd),
    "tips": ("tips/", supervision.Tips),
    # Files, in pieces (tus)
    "uploads": ("uploads/", UploadList),
    "upload": ("uploads/<uuid:uid>/", UploadOne),
    # The goals, and this description
    "indicators": ("indicators/", IndicatorList),
    "indicator": ("indicators/<slug:key>/", IndicatorOne),
    "schema": ("schema/", Schema),
    "docs": ("docs/", Docs),
}
urlpatterns = [
    path(address, view.as_view(), name=f"api-{name}") for name, (address, view) in ADDRESSES.items()
]
