"""The walls as tables: who is let in where. Generated cells are in test_walls.py.

A letter says in which states of the demand a role is let in, that is answered otherwise than by
401, 403 or 404; what then is possible is for state and content to say (409, 412, 422). Everywhere
else it must be turned away. `-` is nowhere.
"""

from __future__ import annotations

ROLES = "visitor owner vendor rival officer secretary expert holder inspector witness".split()
STATES = [
    "draft",
    "submitted",
    "demonstrated",
    "published",
    "closed",
    "eligibility",
    "review",
    "decided",
    "publicity",
    "awarded",
]
LETTERS = {
    "-": set(),
    "a": set(STATES),
    "f": set(STATES[1:]),  # once filed
    "p": set(STATES[3:]),  # once published
    "c": set(STATES[4:]),  # once closed
    "e": set(STATES[5:]),  # once opened
    "r": set(STATES[6:]),  # once a panel sits
    "v": {"review"},  # a seat is held, its sheets are there
    "d": set(STATES[7:]),  # once decided
    "n": set(STATES[8:]),  # once publicised
}
# operation: visitor owner vendor rival officer secretary expert holder inspector witness
DEMANDS = {
    "scenarios_list":                  "a a a a a a a a a a",
    "scenarios_retrieve":              "p a p p f f p p p p",
    "scenarios_edit":                  "- a - - - - - - - -",
    "scenarios_delete":                "- a - - - - - - - -",
    "scenarios_submit":                "- a - - - - - - - -",
    "scenarios_withdraw":              "- a - - - - - - - -",
    "scenarios_demonstrate":           "- - - - f - - - - -",
    "scenarios_return":                "- - - - f - - - - -",
    "scenarios_reject":                "- - - - f - - - - -",
    "scenarios_conclude":              "- - - - f - - - - -",
    "scenarios_publish":               "- - - - f - - - - -",
    "scenarios_key_holder_candidates": "- - - - f - - - - -",
    "scenarios_expert_candidates":     "- - - - - f - - - -",
    "bids_submit":                     "- - p p - - - - - -",
    "packages_seal":                   "- - p p - - - - - -",
    "eligibility_start":               "- - - - - f - - - -",
    "eligibility_conclude":            "- - - - - f - - - -",
    "eligibility_retrieve":            "- e - - e e - - - -",
    "panels_appoint":                  "- - - - - f - - - -",
    "scenarios_choose_winner":         "- a - - - - - - - -",
    "scenarios_choose_nobody":         "- a - - - - - - - -",
    "scenarios_decide_by_minutes":     "- - - - f - - - - -",
    "bids_list":                       "- a a a a a a a a a",
    "bids_retrieve":                   "- c p - c c - - - c",
    "bids_revise":                     "- - p - - - - - - -",
    "bids_withdraw":                   "- - p - - - - - - -",
    "bids_check_condition":            "- - - - - c - - - -",
    "receipts_retrieve":               "- c p - c c - - - c",
    "openings_list":                   "- a a a a a a a a a",
    "openings_retrieve":               "- c c - c c - c - c",
    "openings_confirm":                "- - - - - - - c - -",
    "panels_list":                     "- a a a a a a a a a",
    "panels_retrieve":                 "- - - - r r r - - -",
    "panels_declare":                  "- - - - - - r - - -",
    "panels_add_member":               "- - - - - r - - - -",
    "panels_recuse_member":            "- - - - - r r - - -",
    "panels_start_scoring":            "- - - - - r - - - -",
    "panels_finish_review":            "- - - - - r - - - -",
    "sheets_list":                     "- a a a a a a a a a",
    "sheets_retrieve":                 "- - - - d d r - - -",
    "sheets_save":                     "- - - - - - r - - -",
    "sheets_lock":                     "- - - - - - r - - -",
    "reports_list":                    "- a a a a a a a a a",
    "reports_retrieve":                "- d - - d d - - - -",
    "awards_list":                     "a a a a a a a a a a",
    "awards_retrieve":                 "n d n n d d n n n n",
    "awards_publicise":                "- - - - d - - - - -",
    "awards_confirm":                  "- - - - d - - - - -",
    "awards_refuse":                   "- - n - - - - - - -",
}  # fmt: skip
# The same for what belongs to no demand: objects of the vendor's, and of its organisation.
PEOPLE = {
    "scenarios_create":                "- + - - - - - - - -",
    "packages_retrieve":               "- - + - - - - - - -",
    "packages_submit":                 "- - + - - - - - - -",
    "organisations_list":              "+ + + + + + + + + +",
    "organisations_retrieve":          "+ + + + + + + + + +",
    "organisations_save":              "- - + - - - - - - -",
    "organisations_ask_verification":  "- - + - - - - - - -",
    "organisations_verify":            "- - - - + - - - - -",
    "organisations_refuse_verification": "- - - - + - - - - -",
    "organisations_attach_evidence":   "- - + - + - - - - -",
    "evidence_remove":                 "- - + - - - - - - -",
    "invitations_list":                "- + + + + + + + + +",
    "invitations_retrieve":            "- - + - - - - - - -",
    "invitations_send":                "- - + - - - - - - -",
    "invitations_send_again":          "- - + - - - - - - -",
    "invitations_revoke":              "- - + - - - - - - -",
    "invitations_accept":              "- - - - - - - - - -",  # the token of an example opens nothing
    "controls_list":                   "- + + + + + + + + +",
    "controls_retrieve":               "- - + - + + - - - -",
    "controls_state":                  "- - + - - - - - - -",
    "controls_end":                    "- - + - - - - - - -",
    "relations_list":                  "- + + + + + + + + +",
    "relations_retrieve":              "- - + - + + - - - -",
    "relations_state":                 "- - + - - - - - - -",
    "relations_end":                   "- - + - - - - - - -",
    "pledge_texts_list":               "- + + + + + + + + +",
    "pledge_texts_retrieve":           "- + + + - - - - - -",
    "pledges_sign":                    "- + + + - - - - - -",
    "pledges_list":                    "- + + + + + + + + +",
    "pledges_retrieve":                "- - + - - - - - - -",
    "approaches_list":                 "- + + + + + + + + +",
    "approaches_register":             "- + + + + + + + + +",
    "approaches_retrieve":             "- - + - - - - - - -",
    "inspections_list":                "- + + + + + + + + +",
    "inspections_retrieve":            "- - - - - - - - + -",
    "inspections_request":             "- - - - - - - - + -",
    "inspections_end":                 "- - - - - - - - + -",
    "tips_send":                       "+ + + + + + + + + +",
    "members_list":                    "- + + + + + + + + +",
    "members_retrieve":                "- - + - + + - - - -",
    "members_change_role":             "- - + - - - - - - -",
    "members_remove":                  "- - + - - - - - - -",
    "tokens_list":                     "- + + + + + + + + +",
    "tokens_create":                   "- + + + + + + + + +",
    "tokens_retrieve":                 "- - + - - - - - - -",
    "tokens_revoke":                   "- - + - - - - - - -",
    "notices_list":                    "- + + + + + + + + +",
    "notices_unread_list":             "- + + + + + + + + +",
    "notices_mark_all_read":           "- + + + + + + + + +",
    "notices_retrieve":                "- - + - - - - - - -",
    "notices_mark_read":               "- - + - - - - - - -",
    "uploads_list":                    "- + + + + + + + + +",
    "uploads_create":                  "- - + + - - - - - -",
    "uploads_retrieve":                "- - + - - - - - - -",
    "uploads_append":                  "- - + - - - - - - -",
    "uploads_end":                     "- - + - - - - - - -",
    "indicators_list":                 "+ + + + + + + + + +",
    "indicators_retrieve":             "+ + + + + + + + + +",
}  # fmt: skip
