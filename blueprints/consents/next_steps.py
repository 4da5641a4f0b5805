"""What is next with the consents of a case, each as a sentence and where to go."""

from collections.abc import Iterator, Sequence

from flask import url_for
from flask_babel import gettext as _

from portal import models as m
from portal.queries.sharing import ConsentRow, GrantRow, WishRow

Step = tuple[str, str]


def next_steps(
    case: m.Case,
    necessity: str | None,
    consents: Sequence[ConsentRow],
    grants: Sequence[GrantRow],
    wishes: Sequence[WishRow],
    *,
    born: str,
) -> list[Step]:
    """Return the steps that wait, the one that holds up others first.

    ``born`` is the child's date of birth, "" where nobody knows it.
    """
    steps = [] if necessity else [_necessity(case)]
    if not born and any(row.giver.kind == "guardian" for row in consents):
        steps.append(_birth_date(case))
    steps += [_link(row) for row in wishes if not row.linked]
    for row in consents:
        steps += _of_consent(row)
    start = url_for("consents.start", case_id=case.id)
    steps += [
        (_("%(agency)sへの共有がまもなく終わります。続けるかを聞く", agency=row.agency.name), start)
        for row in grants
        if row.ends_soon and row.lane == "consent"
    ]
    return steps


def _necessity(case: m.Case) -> Step:
    return (
        _("共有の必要性（3つの条件のどれか）を記録する"),
        url_for("support.assessment", case_id=case.id),
    )


def _birth_date(case: m.Case) -> Step:
    return (
        _("こどもの生年月日を確かめて記録する（保護者の同意は、18歳になる前の日までです）"),
        url_for("support.birth_date", case_id=case.id),
    )


def _link(row: WishRow) -> Step:
    return (
        _("「伝えてほしくない人」がだれかを結びつける"),
        url_for("consents.wish_link", wish_id=row.wish.id),
    )


def _of_consent(row: ConsentRow) -> Iterator[Step]:
    if row.unanswered:
        yield (
            _("%(name)sさんの答えを聞く", name=row.giver.called),
            url_for("consents.answers", consent_id=row.consent.id),
        )
    for answer in row.answers:
        if answer.waits and row.consent.for_person_id is None:
            yield (
                _("%(agency)sに見えるものを確かめて、共有する", agency=answer.agency.name),
                url_for("consents.preview", consent_id=row.consent.id, agency_id=answer.agency.id),
            )
