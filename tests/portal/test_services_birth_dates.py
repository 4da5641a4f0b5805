"""What a date of birth does to consents that were answered while nobody knew it."""

import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import ConflictError, PortalSession, SystemSession
from portal.policy.permissions import NotPermittedError
from portal.queries.people import people_of
from portal.queries.receipts import receipt_of
from portal.queries.sharing import consents_of
from portal.services.birth_dates import beyond_18, record_birth_date
from portal.services.consented import share
from portal.services.consents import answer
from portal.services.guardians import consents_for_child
from portal.services.sharing import RefusedShareError
from portal.vault import equip, seal
from portal.working_hours import ONE_DAY, eighteenth_birthday, instant_to_inclusive, jst
from tests import city as towns
from tests.conftest import Database
from tests.portal.conftest import Acting, record_necessity
from tests.portal.test_services_sharing import (
    AGES,
    answers_of,
    asked,
    case_of,
    for_child,
    holder,
)


@pytest.fixture
def town(town: towns.City, own: Database) -> towns.City:
    """Return the city whose child was born nobody knows when, and the mother may answer for it."""
    with SystemSession(own.system) as session, session.begin():
        equip(session, own.keys)
        record_necessity(session, town)
        seal(session, session.get_one(m.Person, town.persons["child"]), birth_date=None)
    return town


def eighteen_in(days: int) -> dt.date:
    """Return when somebody was born whose eighteenth birthday is in so many days, in JST."""
    birthday = jst(dt.datetime.now(dt.UTC)).date() + days * ONE_DAY
    born = birthday - 18 * 365 * ONE_DAY
    near = (born + n * ONE_DAY for n in range(-10, 10))
    return next(d for d in near if jst(eighteenth_birthday(d)).date() == birthday)


def known(session: Session, town: towns.City, born: dt.date, seen: str = "") -> int:
    """Enter a date of birth as the session's viewer, and commit."""
    child = town.persons["child"]
    count = record_birth_date(session, case_of(session, town), born, seen=seen, child_id=child)
    session.commit()
    return count


def steps_of(session: Session, consent: m.Consent) -> list[str]:
    steps = select(m.ConsentEvent.state).where(
        m.ConsentEvent.consent_id == consent.id, m.ConsentEvent.agency_id.is_not(None)
    )
    return list(session.scalars(steps.order_by(m.ConsentEvent.happened_at, m.ConsentEvent.id)))


def mothers_own(session: Session, town: towns.City) -> m.Consent:
    """Let the mother say yes for her own data to the welfare division; nothing is shared yet."""
    consent = asked(session, town, "welfare", giver="mother")
    session.commit()
    answer(session, consent, answers_of(town, welfare={"living": "yes"}))
    session.commit()
    return consent


def test_what_waits_to_be_shared_is_shortened_and_shared_no_longer_than_that(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    consent, born = mothers_own(session, town), eighteen_in(40)
    beyond = beyond_18(session, town.persons["child"], born)
    assert (beyond.over, list(beyond.grants)) == (False, [])
    assert [yes.consent.id for yes in beyond.waiting] == [consent.id]
    assert known(session, town, born) == 0
    assert steps_of(session, consent) == ["asked", "partial", "shortened"]

    last_day = instant_to_inclusive(eighteenth_birthday(born))
    [row] = consents_of(session, case_of(session, town), people_of(session, town.case_id))
    [told] = row.answers
    assert (row.state, told.state, told.waits) == ("partial", "partial", True)
    assert told.shortened_to == last_day
    receipt = receipt_of(session, consent, entrance="https://example.jp")
    [purpose] = receipt["processing"]["purposes"]
    assert purpose["retention_period"] == {"until": last_day.isoformat()}

    grant = share(session, consent, town.agencies["welfare"], ages=AGES)
    session.commit()
    assert grant.valid_until == eighteenth_birthday(born)
    # Nothing reaches beyond it now, and a later date brings nothing back.
    assert known(session, town, eighteen_in(90), seen=born.isoformat()) == 0
    session.refresh(grant)
    assert grant.valid_until == eighteenth_birthday(born)
    assert steps_of(session, consent) == ["asked", "partial", "shortened"]


def test_what_waits_at_eighteen_is_over_and_stays_so(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    consent, born = mothers_own(session, town), eighteen_in(-1)
    known(session, town, born)
    assert steps_of(session, consent) == ["asked", "partial", "expired"]
    for _ in range(2):
        with pytest.raises(RefusedShareError, match="asked_anew"):
            share(session, consent, town.agencies["welfare"], ages=AGES)
        session.rollback()
        # A later date lengthens nothing either.
        known(session, town, eighteen_in(60), seen=born.isoformat())


def test_a_share_on_the_childs_word_ends_with_the_guardians_beside_it(
    acting: Acting, town: towns.City
) -> None:
    session, school = acting("counsellor"), town.agencies["school"]
    holder(session, town)
    session.commit()
    childs = asked(session, town, "school")
    session.commit()
    answer(session, childs, answers_of(town, school={"school": "yes"}))
    session.commit()
    mothers = for_child(session, town, school="yes")
    grant = share(session, childs, school, ages=AGES)
    session.commit()
    born = eighteen_in(20)
    assert beyond_18(session, town.persons["child"], born).waiting == []
    assert known(session, town, born) == 1
    session.refresh(grant)
    assert (grant.valid_until, grant.ended_at) == (eighteenth_birthday(born), None)
    # Both histories tell of it, and the mother's yes is still a yes.
    assert steps_of(session, childs)[-1] == steps_of(session, mothers)[-1] == "shortened"
    said = consents_for_child(session, town.case_id, school)
    assert [state for _consent, state in said.values()] == ["partial"]


def test_what_the_child_alone_gave_has_nothing_to_do_with_it(
    acting: Acting, town: towns.City, own: Database
) -> None:
    with SystemSession(own.system) as session, session.begin():
        equip(session, own.keys)
        seal(session, session.get_one(m.Person, town.persons["child"]), birth_date=towns.born(16))
    session = acting("counsellor")
    childs = asked(session, town, "school")
    session.commit()
    answer(session, childs, answers_of(town, school={"school": "yes"}))
    session.commit()
    until = share(session, childs, town.agencies["school"], ages=AGES).valid_until
    session.commit()
    assert known(session, town, eighteen_in(-1), seen=towns.born(16)) == 0
    [grant] = session.scalars(select(m.Grant)).all()
    assert (grant.valid_until, grant.ended_at) == (until, None)


def test_a_date_that_somebody_else_entered_is_not_written_over(
    acting: Acting, town: towns.City
) -> None:
    session, other = acting("counsellor"), acting("director")
    known(other, town, dt.date(2015, 5, 1))
    with pytest.raises(ConflictError) as lost:
        known(session, town, dt.date(2015, 5, 2))
    assert (lost.value.theirs, lost.value.mine) == ("2015-05-01", "2015-05-02")
    session.rollback()
    # The same date is no conflict, and no second time.
    assert known(session, town, dt.date(2015, 5, 1)) == 0
    written = select(m.AuditEvent).where(m.AuditEvent.event == "birth_date.recorded")
    assert len(acting("counsellor").scalars(written).all()) == 1


def test_nobody_but_the_owner_writes_it(
    acting: Callable[[str], PortalSession], town: towns.City
) -> None:
    for person in ("clerk", "admin"):
        session = acting(person)
        assert session.scalars(select(m.Case)).all() == []
    with pytest.raises(NotPermittedError):
        record_birth_date(
            acting("nurse"),
            case_of(acting("counsellor"), town),
            dt.date(2015, 5, 1),
            seen="",
            child_id=town.persons["child"],
        )
