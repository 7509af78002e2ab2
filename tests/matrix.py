"""Permission matrices: one readable table per room, and none of its rules left out.

WHO = "owner editor viewer officer"
MATRIX = {
    can_edit_scenario: "+ + - -",
}

@pytest.mark.parametrize(("rule", "who", "allowed"), cells(WHO, MATRIX))
def test_matrix(rule, who, allowed): ...

def test_every_rule_has_a_row():
    assert rules_of("scenarios") == set(MATRIX)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

Rule = Callable[..., bool]
SIGNS = {"+": True, "-": False}


def rules_of(room: str) -> set[Rule]:
    """Every `can_…` that the room's rules define, not those that they import."""
    name = f"marketplace.{room}.rules"
    if find_spec(name) is None:
        return set()
    module = import_module(name)
    return {
        rule
        for called, rule in inspect.getmembers(module, inspect.isfunction)
        if called.startswith("can_") and rule.__module__ == name
    }


def cells(who: str, matrix: Mapping[Rule, str]) -> list[Any]:
    """The table as parameters (rule, who, allowed), one test per cell."""
    found = []
    for rule, row in matrix.items():
        signs = row.split()
        assert len(signs) == len(who.split()), f"{rule.__name__}: a sign is missing"
        found += [
            pytest.param(rule, person, SIGNS[sign], id=f"{rule.__name__}-{person}")
            for person, sign in zip(who.split(), signs, strict=True)
        ]
    return found
