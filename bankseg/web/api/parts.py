"""Every part of the API, and the two ways to say who calls."""

from typing import Any

from bankseg.web.api import (
    advisers,
    age_groups,
    applications,
    client_parts,
    design,
    files,
    firms,
    governance,
    life,
    lists,
    living,
    offers,
    pictures,
    policy_drafts,
    portfolio,
    positions,
    runs,
    scheme_life,
    segments,
    staff,
    studies,
    subjects,
    uploads,
    usage,
    views,
    work,
)

SECURITY: Any = {"session": {"type": "apiKey", "in": "cookie", "name": "bankseg_session"}, "token": {"type": "http", "scheme": "bearer"}}
PARTS = tuple(
    module.BLUEPRINT
    for module in (
        views, client_parts, firms, usage, portfolio, applications, lists, age_groups, work, segments, pictures, positions, design, scheme_life, life, living, offers, studies, governance, runs, uploads, files, staff, policy_drafts, subjects, advisers
    )
)  # fmt: skip
