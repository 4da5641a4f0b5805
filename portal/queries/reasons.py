"""Why somebody sees something, in parts that a page makes a sentence of (閲覧できる理由)."""

import datetime as dt
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from portal import models as m
from portal.policy.explain import OWNER
from portal.vocabulary import bases, lane
from portal.working_hours import instant_to_inclusive

_ARTICLE = re.compile(r"(\d+)((?:-\d+)*)(?:\((\d+)\)(?!-))?(?:\((\d+)\)(?!-))?")


@dataclass(frozen=True)
class Reason:
    """What opened a row.

    Attributes:
        lane: ``owner``, ``consent``, ``law``, ``contract`` or ``emergency``.
        basis: code of the legal basis, "" for the owner.
        last_day: the last day in JST on which it holds; None for the owner and where it has no end.
        until: the instant at which it ends, which in an emergency is a matter of hours.

    """

    lane: str
    basis: str = ""
    last_day: dt.date | None = None
    until: dt.datetime | None = None

    def law(self, locale: str) -> str:
        """Return the law and article of the basis, as 児童虐待の防止等に関する法律6条1項3号."""
        basis = bases()[self.basis]
        if locale == "en":
            return f"{basis.law_en}, art. {basis.article}"
        return f"{basis.law_ja}{article(basis.article)}"

    def name(self, locale: str) -> str:
        """Return the name of the basis, as 児童虐待の通告."""
        basis = bases()[self.basis]
        return basis.name_en if locale == "en" else basis.name_ja


def article(code: str) -> str:
    """Return the first article of a reference in Japanese: ``25-2(2)`` is 25条の2第2項.

    A range of paragraphs gives the article alone, and what is no number nothing.
    """
    found = _ARTICLE.match(code)
    if found is None:
        return ""
    number, branch, paragraph, item = found.groups()
    text = f"{number}条{branch.replace('-', 'の')}"
    # After a branch number, 2項 alone would read as part of it.
    if paragraph:
        text += f"{'第' if branch else ''}{paragraph}項"
    return text + (f"{item}号" if item else "")


def reason_of(grant: m.Grant) -> Reason:
    """Return the reason that a grant is."""
    until = grant.valid_until
    last_day = None if until is None else instant_to_inclusive(until)
    return Reason(lane(grant.basis), grant.basis, last_day, until)


def reasons(grants: Iterable[m.Grant]) -> dict[uuid.UUID | None, Reason]:
    """Return the reasons that some grants are, by their ids; None stands for the owner's."""
    owners: dict[uuid.UUID | None, Reason] = {None: Reason(OWNER)}
    return owners | {grant.id: reason_of(grant) for grant in grants}
