"""Asking, answering, sharing, taking back and denying, through both walls."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import ConsentAges
from portal.database import PortalSession, SystemSession
from portal.policy.bundles import BUNDLES, bundles_for, slices_of
from portal.policy.permissions import NotPermittedError
from portal.policy.terms import Terms, clock
from portal.services.consented import share, terms_of
from portal.services.consents import (
    Answers,
    Asking,
    Deed,
    answer,
    ask,
    draft_of,
    keep_draft,
    last_day_for,
    record_action_consent,
    record_objection,
)
from portal.services.denials import (
    WrongTargetError,
    add_never_tell,
    end_exclusion,
    end_never_tell,
    exclude,
    link_never_tell,
)
from portal.services.guardians import NotAGuardianError, record_guardian
from portal.services.sharing import RefusedShareError, end_grant, give_grant, take_back
from portal.vault import equip, reveal, seal
from portal.vocabulary import EXPERT_TYPES, codes
from portal.working_hours import inclusive_to_instant, instant_to_inclusive, jst
from tests import city as towns
from tests.conftest import Database
from tests.portal.conftest import Acting, record_necessity

AGES = ConsentAges()
REASON = "あざがあり、帰りたくないと話したため、法律にもとづいて通告する。"


def case_of(session: Session, town: towns.City) -> m.Case:
    return session.scalars(select(m.Case).where(m.Case.id == town.case_id)).one()


def asked(
    session: Session, town: towns.City, *agencies: str, giver: str = "child", **changes: object
) -> m.Consent:
    """Ask somebody about agencies as the session's viewer."""
    asking = Asking(
        giver_id=town.persons[giver],
        agency_ids=tuple(town.agencies[name] for name in agencies),
        method="screen",
        witness_id=None,
        words="つたえるかどうか、あなたが きめていいです。",
        level="child",
        language="ja",
    )
    changed = replace(asking, **changes)  # type: ignore[arg-type]
    return ask(session, case_of(session, town), changed, consent_id=uuid.uuid4())


def answers_of(town: towns.City, months: int = 6, **given: dict[str, str]) -> Answers:
    return Answers(
        {
            (town.agencies[agency], bundle): said
            for agency, answers in given.items()
            for bundle, said in answers.items()
        },
        months,
        said_back="学校の先生に、学校のことを言っていい。",
    )


def shared(session: Session, town: towns.City, agency: str = "school", **given: str) -> m.Grant:
    """Ask, answer and share with one agency; commit."""
    giver = given.pop("giver", "child")
    consent = asked(session, town, agency, giver=giver)
    answer(session, consent, answers_of(town, **{agency: given or {"school": "yes"}}))
    grant = share(session, consent, town.agencies[agency], ages=AGES)
    session.commit()
    return grant


def law_terms(session: Session, town: towns.City, **changes: object) -> Terms:
    terms = Terms(
        agency_id=town.agencies["cgc"],
        slices=("basic", "safety"),
        subject_id=None,
        purpose="statutory_report",
        basis="CAPA6",
        necessity="agencies_needed",
        until=clock(session) + dt.timedelta(days=89),
        reason=REASON,
        told="通告の前に、本人に話した。",
    )
    return replace(terms, **changes)  # type: ignore[arg-type]


def refused(session: Session, town: towns.City, terms: Terms) -> str:
    with pytest.raises(RefusedShareError) as error:
        give_grant(session, case_of(session, town), terms)
    return error.value.code


# ---------------------------------------------------------------------------------- the bundles


def test_every_kind_of_agency_has_at_most_four_questions() -> None:
    for kind in codes("org_type"):
        assert len(bundles_for(kind)) <= 4
    assert {kind for kind in codes("org_type") if not bundles_for(kind)} == {
        "support_center",
        "family_court",
        *EXPERT_TYPES,
    }


def test_basic_goes_with_every_yes_but_to_a_cafeteria_the_watch_points_alone() -> None:
    for kind in codes("org_type"):
        for bundle in bundles_for(kind):
            assert ("basic" in slices_of(bundle, kind)) == (kind != "cafeteria")
    assert bundles_for("cafeteria") == ("watch",)
    assert slices_of("watch", "cafeteria") == ("watch_points",)
    # The control: no bundle ever opens the reporter or the advice.
    assert not {"reporter", "advice"} & {code for opened in BUNDLES.values() for code in opened}


# -------------------------------------------------------------------------- asking and answering


def test_asking_opens_nothing_and_answers_open_only_what_was_said_yes_to(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    consent = asked(session, town, "school", "welfare")
    answer(
        session,
        consent,
        answers_of(
            town,
            school={"school": "yes", "watch": "yes", "health": "no", "home": "later"},
            welfare={"living": "no"},
        ),
    )
    session.commit()

    items = session.scalars(select(m.ConsentItem)).all()
    assert {(item.bundle, item.answer) for item in items if item.answer != "later"} == {
        ("school", "yes"),
        ("watch", "yes"),
        ("health", "no"),
        ("living", "no"),
    }
    states = session.execute(select(m.ConsentEvent.agency_id, m.ConsentEvent.state)).all()
    assert (town.agencies["school"], "partial") in states
    assert (town.agencies["welfare"], "refused") in states
    assert (None, "explained") in states
    assert reveal(session, consent, "said_back") == "学校の先生に、学校のことを言っていい。"
    assert session.scalars(select(m.Grant)).all() == []

    grant = share(session, consent, town.agencies["school"], ages=AGES)
    assert grant.slices == ["basic", "school", "watch_points"]
    assert grant.subject_id == town.persons["child"]
    with pytest.raises(RefusedShareError, match="not_consented"):
        share(session, consent, town.agencies["welfare"], ages=AGES)


def test_silence_is_later_and_opens_nothing(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    consent = asked(session, town, "school")
    answer(session, consent, Answers({}))
    session.commit()

    assert {item.answer for item in session.scalars(select(m.ConsentItem))} == {"later"}
    states = set(session.scalars(select(m.ConsentEvent.state)))
    assert states == {"explained", "asked", "requested"}
    with pytest.raises(RefusedShareError, match="not_consented"):
        share(session, consent, town.agencies["school"], ages=AGES)


def test_a_yes_must_be_said_back_but_a_no_need_not(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    consent = asked(session, town, "school")
    school = town.agencies["school"]
    with pytest.raises(RefusedShareError, match="not_said_back"):
        answer(session, consent, Answers({(school, "school"): "yes"}))
    answer(session, consent, Answers({(school, "school"): "no"}))
    assert "refused" in set(session.scalars(select(m.ConsentEvent.state)))


def test_a_consent_is_answered_once(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    consent = asked(session, town, "school")
    answer(session, consent, answers_of(town, school={"school": "no"}))
    answer(session, consent, answers_of(town, school={"school": "yes"}))
    said = select(m.ConsentItem.answer).where(m.ConsentItem.bundle == "school")
    assert session.scalars(said).all() == ["no"]


def test_the_same_words_are_one_version(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    first, second = asked(session, town, "school"), asked(session, town, "welfare")
    other = asked(session, town, "npo", words="ほかのことば")
    assert first.wording_id == second.wording_id != other.wording_id


def test_a_guardian_who_must_not_know_is_not_asked(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    assert asked(session, town, "welfare", giver="mother").giver_kind == "guardian"
    add_never_tell(
        session,
        case_of(session, town),
        never_tell_id=uuid.uuid4(),
        person_id=town.persons["mother"],
    )
    with pytest.raises(RefusedShareError, match="giver_must_not_know"):
        asked(session, town, "welfare", giver="mother")


def test_what_is_only_spoken_needs_a_second_person_or_a_note_of_the_day(
    acting: Acting, town: towns.City, own: Database
) -> None:
    session = acting("counsellor")
    for witness in (town.accounts["counsellor"], town.accounts["nurse"]):
        with pytest.raises(RefusedShareError, match="witness"):
            asked(session, town, "school", method="oral", witness_id=witness)
    director = town.accounts["director"]
    consent = asked(session, town, "school", method="oral", witness_id=director)
    assert consent.witness_id == director
    said = answers_of(town, school={"school": "yes"})
    answer(session, consent, said)

    alone = asked(session, town, "school", method="oral")
    with pytest.raises(RefusedShareError, match="witness"):
        answer(session, alone, said)
    noted = replace(said, note="14時に電話し、読み上げて確かめた。")
    session.commit()
    _asked_days_ago(own, alone, 1)
    session.refresh(alone)
    with pytest.raises(RefusedShareError, match="note_too_late"):
        answer(session, alone, noted)
    _asked_days_ago(own, alone, 0)
    session.refresh(alone)
    answer(session, alone, noted)
    assert reveal(session, alone, "note") == noted.note


def _asked_days_ago(own: Database, consent: m.Consent, days: int) -> None:
    with SystemSession(own.system) as session, session.begin():
        row = session.get_one(m.Consent, consent.id)
        row.asked_at = clock(session) - dt.timedelta(days=days)


def test_every_step_says_who_until_when_and_in_which_words(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    consent = asked(session, town, "school", "welfare")
    answer(session, consent, answers_of(town, school={"school": "yes"}, welfare={"living": "no"}))
    session.commit()
    events = session.scalars(select(m.ConsentEvent)).all()
    assert {event.wording_id for event in events} == {consent.wording_id}
    assert {event.account_id for event in events} == {town.accounts["counsellor"]}
    assert {event.person_id for event in events} == {town.persons["child"]}
    until = {event.state: event.valid_until for event in events}
    [last_day] = {i.last_day for i in session.scalars(select(m.ConsentItem)) if i.last_day}
    assert until["partial"] == inclusive_to_instant(last_day)
    assert (until["explained"], until["asked"], until["refused"]) == (None, None, None)
    # Append-only: the application has no right to change or delete one.
    for forbidden in ("UPDATE consent_events SET state = 'given'", "DELETE FROM consent_events"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            session.connection().begin_nested(),
        ):
            session.connection().exec_driver_sql(forbidden)


def test_what_was_chosen_so_far_is_kept_and_opens_nothing(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    consent = asked(session, town, "school")
    keep_draft(session, consent, {"q": "yes", "said_back": "いいよ"})
    keep_draft(session, consent, {"q": "no"})
    session.commit()
    assert draft_of(session, consent) == {"q": "no", "said_back": "いいよ"}
    assert session.scalars(select(m.ConsentItem)).all() == []
    with pytest.raises(RefusedShareError, match="not_consented"):
        share(session, consent, town.agencies["school"], ages=AGES)
    answer(session, consent, answers_of(town, school={"school": "yes"}))
    assert draft_of(session, consent) == {}
    # Nothing is kept of a screen that somebody sends again after the end.
    keep_draft(session, consent, {"q": "yes"})
    assert draft_of(session, consent) == {}


def test_a_newer_share_replaces_the_older_one_of_the_same_person(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    mothers = shared(session, town, "welfare", living="yes", giver="mother")
    other = shared(session, town, "school", school="yes")
    first = shared(session, town, "welfare", living="yes", health="yes")
    second = shared(session, town, "welfare", living="yes")
    for grant in (first, second, mothers, other):
        session.refresh(grant)
    assert first.ended_at is not None
    # The controls: the newer one, another person's and another agency's stand.
    assert [g.ended_at for g in (second, mothers, other)] == [None, None, None]
    steps = select(m.ConsentEvent).where(m.ConsentEvent.grant_id.is_not(None))
    assert [(e.state, e.grant_id) for e in session.scalars(steps)] == [("superseded", first.id)]
    # Nobody took anything back, so nobody is asked whether somebody was forced.
    assert session.scalars(select(m.Task)).all() == []


def test_a_new_no_takes_back_at_once_what_it_is_about(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    grant = shared(session, town, "school", school="yes", home="yes")
    kept = shared(session, town, "welfare", living="yes")
    again = asked(session, town, "school", "welfare")
    said = {"school": "yes", "home": "no"}
    answer(session, again, answers_of(town, school=said, welfare={"living": "later"}))
    session.commit()
    session.refresh(grant)
    session.refresh(kept)
    assert (grant.ended_at is None, kept.ended_at) == (False, None)
    assert [task.grant_id for task in session.scalars(select(m.Task))] == [grant.id]


# ------------------------------------------------------------------- who consents for whose data


def _made_younger(own: Database, town: towns.City, years: int) -> None:
    with SystemSession(own.system) as session, session.begin():
        equip(session, own.keys)
        child = session.get_one(m.Person, town.persons["child"])
        seal(session, child, birth_date=towns.born(years))


def holder(session: Session, town: towns.City, **changes: object) -> None:
    known = {"authority": "sole", "lives_with": True, "concerned": False, **changes}
    record_guardian(
        session,
        case_of(session, town),
        town.persons["mother"],
        record_id=uuid.uuid4(),
        **known,  # type: ignore[arg-type]
    )


def for_child(session: Session, town: towns.City, **given: str) -> m.Consent:
    """Let the mother answer for the child about the school."""
    consent = asked(session, town, "school", giver="mother", for_child=True)
    # Asked and answered are two requests, and so two instants of the database.
    session.commit()
    answer(session, consent, answers_of(town, school=given))
    session.commit()
    return consent


def test_a_young_childs_yes_needs_a_guardians_beside_it(
    acting: Acting, visiting: Callable[[str], PortalSession], town: towns.City, own: Database
) -> None:
    _made_younger(own, town, 9)
    session = acting("counsellor")
    school = town.agencies["school"]
    consent = asked(session, town, "school")
    answer(session, consent, answers_of(town, school={"school": "yes", "home": "yes"}))
    session.commit()

    def refused_for(reason: str) -> None:
        with pytest.raises(RefusedShareError, match=reason):
            share(session, consent, school, ages=AGES)

    refused_for("authority_unknown")
    with pytest.raises(RefusedShareError, match="not_for_the_child"):
        for_child(session, town, school="yes")
    holder(session, town)
    refused_for("guardian_missing")
    for_child(session, town, school="no")
    refused_for("guardian_refused")
    mothers = for_child(session, town, school="yes", watch="yes")
    with pytest.raises(RefusedShareError, match="beside_the_childs"):
        share(session, mothers, school, ages=AGES)
    grant = share(session, consent, school, ages=AGES)
    session.commit()
    # Only what both said yes to, and each of them is told by it.
    assert grant.slices == ["basic", "school"]
    assert (grant.subject_id, grant.guardian_consent_ids) == (town.persons["child"], [mothers.id])

    mother = visiting("mother")
    [seen] = mother.scalars(select(m.Grant)).all()
    take_back(mother, seen)
    mother.commit()
    session.refresh(grant)
    assert grant.ended_at is not None
    [event] = session.scalars(select(m.ConsentEvent).where(m.ConsentEvent.grant_id == grant.id))
    assert (event.consent_id, event.state) == (mothers.id, "withdrawn")
    again = asked(session, town, "school")
    answer(session, again, answers_of(town, school={"school": "yes"}))
    with pytest.raises(RefusedShareError, match="guardian_refused"):
        share(session, again, school, ages=AGES)


def test_a_guardian_sees_no_share_that_rests_on_the_child_alone(
    acting: Acting, visiting: Callable[[str], PortalSession], town: towns.City, own: Database
) -> None:
    alone = shared(acting("counsellor"), town)
    assert alone.guardian_consent_ids is None
    mother = visiting("mother")
    assert mother.scalars(select(m.Grant)).all() == []
    # The control: the child sees it.
    assert [g.id for g in visiting("child").scalars(select(m.Grant))] == [alone.id]


@pytest.mark.parametrize("bar", ["concerned", "never_told"])
def test_who_is_barred_is_not_asked_and_only_a_law_is_left(
    acting: Acting, town: towns.City, own: Database, bar: str
) -> None:
    _made_younger(own, town, 13)
    session = acting("counsellor")
    holder(session, town, concerned=bar == "concerned")
    if bar == "never_told":
        add_never_tell(
            session,
            case_of(session, town),
            never_tell_id=uuid.uuid4(),
            person_id=town.persons["mother"],
        )
    consent = asked(session, town, "school")
    answer(session, consent, answers_of(town, school={"school": "yes"}))
    with pytest.raises(RefusedShareError, match="law_left"):
        share(session, consent, town.agencies["school"], ages=AGES)
    for about_child in (True, False):
        with pytest.raises(RefusedShareError, match="giver_must_not_know"):
            asked(session, town, "school", giver="mother", for_child=about_child)
    # The control: the newest record holds, and a city that asks nobody else shares.
    if bar == "concerned":
        # Two records are two requests, and so two instants of the database.
        session.commit()
        holder(session, town)
        asked(session, town, "school", giver="mother", for_child=True)
    share(session, consent, town.agencies["school"], ages=ConsentAges(10, 13))


def test_a_child_of_thirteen_objects_for_a_good_reason(
    acting: Acting, town: towns.City, own: Database
) -> None:
    _made_younger(own, town, 13)
    session = acting("counsellor")
    holder(session, town)
    consent = asked(session, town, "school")
    answer(session, consent, answers_of(town, school={"school": "yes"}))
    with pytest.raises(RefusedShareError, match="guardian_missing"):
        share(session, consent, town.agencies["school"], ages=AGES)
    with pytest.raises(RefusedShareError, match="reason_too_short"):
        record_objection(session, consent, "いやだから")
    record_objection(session, consent, "部活のことで、自分で先生に話したいと本人が言っている。")
    share(session, consent, town.agencies["school"], ages=AGES)


def test_a_neighbour_answers_for_the_own_data_and_a_sibling_in_a_case_of_its_own(
    acting: Acting, town: towns.City, own: Database
) -> None:
    with SystemSession(own.system) as system, system.begin():
        equip(system, own.keys)
        for name, kind in (("neighbour", "other"), ("brother", "sibling")):
            person_id = towns.add_person(system, town, name, "見本", "となり")
            system.add(towns.linked(system.get_one(m.Case, town.case_id), person_id, kind))
    session = acting("counsellor")
    with pytest.raises(RefusedShareError, match="in_own_case"):
        asked(session, town, "school", giver="brother")
    with pytest.raises(RefusedShareError, match="not_for_the_child"):
        asked(session, town, "school", giver="neighbour", for_child=True)
    grant = shared(session, town, "school", giver="neighbour", school="yes")
    assert grant.subject_id == town.persons["neighbour"]
    assert session.get_one(m.Consent, grant.consent_id).giver_kind == "consulter"
    with pytest.raises(NotAGuardianError):
        record_guardian(
            session,
            case_of(session, town),
            town.persons["neighbour"],
            authority="sole",
            lives_with=True,
            concerned=False,
            record_id=uuid.uuid4(),
        )


def test_only_the_centre_asks(acting: Acting, town: towns.City) -> None:
    counsellor = acting("counsellor")
    shared(counsellor, town)
    nurse = acting("nurse")
    with pytest.raises(NotPermittedError):
        asked(nurse, town, "welfare")


def test_how_long_a_yes_holds() -> None:
    now = dt.datetime(2026, 11, 23, 5, tzinfo=dt.UTC)
    assert last_day_for(now, 6, "school", "child", None) == dt.date(2027, 5, 22)
    assert last_day_for(now, 12, "school", "child", None) == dt.date(2027, 11, 22)
    # The 31st of a month that has none.
    august = dt.datetime(2026, 8, 31, 5, tzinfo=dt.UTC)
    assert last_day_for(august, 6, "school", "child", None) == dt.date(2027, 2, 27)
    # The police at most thirty days, whoever asks for longer.
    assert last_day_for(now, 6, "police", "child", None) == dt.date(2026, 12, 22)
    # A guardian's consent ends on the child's 18th birthday at 00:00 JST; the child's own does not.
    birth = dt.date(2009, 1, 15)
    assert last_day_for(now, 6, "school", "guardian", birth) == dt.date(2027, 1, 14)
    assert last_day_for(now, 6, "school", "child", birth) == dt.date(2027, 5, 22)


def test_an_evening_in_utc_is_already_the_next_day_in_japan() -> None:
    late = dt.datetime(2026, 11, 23, 15, tzinfo=dt.UTC)
    assert last_day_for(late, 1, "school", "child", None) == dt.date(2026, 12, 23)
    assert last_day_for(late - dt.timedelta(seconds=1), 1, "school", "child", None) == dt.date(
        2026, 12, 22
    )


# --------------------------------------------------------------------------------------- sharing


def test_a_share_lasts_through_the_day_that_was_said(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    grant = shared(session, town)
    item = session.scalars(select(m.ConsentItem).where(m.ConsentItem.answer == "yes")).one()
    assert item.last_day is not None
    assert grant.valid_until == inclusive_to_instant(item.last_day)
    assert instant_to_inclusive(grant.valid_until) == item.last_day
    assert item.last_day > jst(clock(session)).date()


def test_no_share_without_a_recorded_necessity(
    acting: Acting, town: towns.City, own: Database
) -> None:
    session = acting("counsellor")
    consent = asked(session, town, "school")
    answer(session, consent, answers_of(town, school={"school": "yes"}))
    session.commit()
    with SystemSession(own.system) as system, system.begin():
        for record in system.scalars(select(m.NecessityRecord)):
            system.delete(record)
    with pytest.raises(RefusedShareError, match="no_necessity"):
        share(session, consent, town.agencies["school"], ages=AGES)
    with SystemSession(own.system) as system, system.begin():
        equip(system, own.keys)
        record_necessity(system, town)
    session.rollback()
    assert (
        share(session, consent, town.agencies["school"], ages=AGES).necessity == "agencies_needed"
    )


def test_a_consent_opens_no_more_than_was_said(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    consent = asked(session, town, "school")
    answer(session, consent, answers_of(town, school={"school": "yes"}))
    terms = terms_of(session, consent, town.agencies["school"], ages=AGES)
    for code, changes in {
        "not_consented": {"slices": ("basic", "home")},
        "longer_than_consented": {"until": terms.until + dt.timedelta(seconds=1)},
        "consent_of_another": {"subject_id": town.persons["mother"]},
        "consent_without_giver": {"consent_id": uuid.uuid4()},
        "slice": {"slices": ("reporter",)},
        "recipient_not_allowed": {},
    }.items():
        if changes:
            assert refused(session, town, replace(terms, **changes)) == code
    assert refused(session, town, replace(terms, purpose="protection")) == "purpose_not_allowed"
    assert give_grant(session, case_of(session, town), terms).slices == ["basic", "school"]


def test_named_readers_work_for_the_agency(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    consent = asked(session, town, "school")
    answer(session, consent, answers_of(town, school={"school": "yes"}))
    officer, nurse = town.accounts["officer"], town.accounts["nurse"]
    with pytest.raises(RefusedShareError, match="not_of_agency"):
        share(session, consent, town.agencies["school"], ages=AGES, account_ids=(officer,))
    grant = share(session, consent, town.agencies["school"], ages=AGES, account_ids=(nurse,))
    assert grant.account_ids == [nurse]


def test_shared_twice_is_one_grant_and_after_taking_back_one_asks_anew(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    grant = shared(session, town)
    consent = session.get_one(m.Consent, grant.consent_id)
    assert share(session, consent, town.agencies["school"], ages=AGES).id == grant.id
    take_back(session, grant, asked_by=town.persons["child"])
    with pytest.raises(RefusedShareError, match="asked_anew"):
        share(session, consent, town.agencies["school"], ages=AGES)
    again = shared(session, town)
    assert again.id != grant.id


def test_the_police_need_the_director_and_get_thirty_days(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    consent = asked(session, town, "police")
    answer(session, consent, answers_of(town, 12, police={"safety": "yes"}))
    session.commit()
    with pytest.raises(RefusedShareError, match="director_only"):
        share(session, consent, town.agencies["police"], ages=AGES)
    session.rollback()
    director = acting("director")
    theirs = director.scalars(select(m.Consent).where(m.Consent.id == consent.id)).one()
    grant = share(director, theirs, town.agencies["police"], ages=AGES)
    assert grant.valid_until is not None
    assert grant.valid_until - clock(director) <= dt.timedelta(days=30)


def test_a_duty_to_the_police_is_no_longer_than_thirty_days(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    terms = law_terms(
        session, town, agency_id=town.agencies["police"], basis="TSV18", slices=("basic", "safety")
    )
    assert refused(session, town, terms) == "too_long_for_police"
    shorter = replace(terms, until=clock(session) + dt.timedelta(days=30))
    assert give_grant(session, case_of(session, town), shorter).basis == "TSV18"


def test_experts_and_the_own_agency_are_never_given_a_grant(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    for agency in ("lawyers", "centre"):
        terms = law_terms(session, town, agency_id=town.agencies[agency])
        assert refused(session, town, terms) == "never_reads"


# ----------------------------------------------------------------------------------- duty and law


def test_a_duty_needs_a_reason_and_what_the_child_was_told(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    assert refused(session, town, law_terms(session, town, reason="短い")) == "reason_too_short"
    assert refused(session, town, law_terms(session, town, told="")) == "not_said_whether_told"
    grant = give_grant(session, case_of(session, town), law_terms(session, town))
    kept = session.scalars(select(m.GrantReason)).one()
    assert kept.grant_id == grant.id
    assert reveal(session, kept, "reason") == REASON
    assert reveal(session, kept, "told") == "通告の前に、本人に話した。"


def test_permissions_and_emergencies_are_not_given_here(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    for basis in ("APPI69_2_2", "APPI69_2_4", "CWA25_2", "EMERGENCY", "EXPERT", "CAPA8"):
        terms = law_terms(session, town, basis=basis, purpose="safety")
        assert refused(session, town, terms) == "basis_not_offered"


def test_the_machine_checks_the_row_of_the_basis(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    school = law_terms(session, town, agency_id=town.agencies["school"])
    assert refused(session, town, school) == "recipient_not_allowed"
    assert refused(session, town, law_terms(session, town, basis="CAPA10", purpose="safety")) == (
        "recipient_not_allowed"
    )
    wrong = law_terms(session, town, purpose="support")
    assert refused(session, town, wrong) == "purpose_not_allowed"
    long = law_terms(session, town, until=clock(session) + dt.timedelta(days=91))
    assert refused(session, town, long) == "too_long"
    over = law_terms(session, town, until=clock(session))
    assert refused(session, town, over) == "over_already"


# --------------------------------------------------------------------------------- whom not to tell


def test_a_never_tell_ends_and_blocks_the_agency_but_not_a_duty(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    case = case_of(session, town)
    consented = shared(session, town, "cgc", home="yes")
    other = shared(session, town, "school")
    duty = give_grant(session, case, law_terms(session, town))
    add_never_tell(session, case, never_tell_id=uuid.uuid4(), agency_id=town.agencies["cgc"])
    session.commit()
    for grant in (consented, other, duty):
        session.refresh(grant)
    assert consented.ended_at is not None
    # A withdrawal by whatever road asks whether somebody was forced; what ends by no consent, not.
    tasks = session.scalars(select(m.Task).where(m.Task.kind == "safety_check")).all()
    assert [task.grant_id for task in tasks] == [consented.id]
    # The controls: another agency's grant and the duty's stand.
    assert other.ended_at is None
    assert duty.ended_at is None

    with pytest.raises(RefusedShareError, match="never_tell_agency"):
        asked(session, town, "cgc")
    with pytest.raises(RefusedShareError, match=r"asked_anew|never_tell_agency"):
        give_grant(
            session,
            case,
            terms_of(
                session,
                session.get_one(m.Consent, consented.consent_id),
                town.agencies["cgc"],
                ages=AGES,
            ),
        )


def test_a_duty_against_a_wish_needs_a_second_person_of_the_centre(
    acting: Acting, town: towns.City, own: Database
) -> None:
    session = acting("counsellor")
    case = case_of(session, town)
    add_never_tell(session, case, never_tell_id=uuid.uuid4(), agency_id=town.agencies["cgc"])
    exclude(
        session,
        case,
        account_id=town.accounts["investigator"],
        reason="親族",
        exclusion_id=uuid.uuid4(),
    )
    for second in (None, "counsellor", "nurse", "clerk", "investigator"):
        approved_by = None if second is None else town.accounts[second]
        terms = law_terms(session, town, approved_by=approved_by)
        assert refused(session, town, terms) == "second_person"
    grant = give_grant(
        session, case, law_terms(session, town, approved_by=town.accounts["director"])
    )
    assert grant.approved_by == town.accounts["director"]


def test_words_that_name_nobody_block_until_somebody_states_it(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    case = case_of(session, town)
    wish = add_never_tell(session, case, never_tell_id=uuid.uuid4(), words="おとなりのおばさん")
    consent = asked(session, town, "school")
    answer(session, consent, answers_of(town, school={"school": "yes"}))
    school = town.agencies["school"]
    with pytest.raises(RefusedShareError, match="never_tell_unlinked"):
        share(session, consent, school, ages=AGES)
    share(session, consent, school, ages=AGES, nobody_unlinked=True)
    stated = select(m.AuditEvent).where(m.AuditEvent.event == "recipients.stated")
    session.commit()
    assert session.scalars(stated).one().details["never_tells"] == [str(wish.id)]


def test_a_linked_wish_blocks_exactly_whom_it_means(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    case = case_of(session, town)
    grant = shared(session, town, "welfare", living="yes")
    wish = add_never_tell(session, case, never_tell_id=uuid.uuid4(), words="お金のまどぐちの人")
    link_never_tell(session, case, wish, agency_id=town.agencies["welfare"])
    session.refresh(grant)
    assert grant.ended_at is not None
    with pytest.raises(WrongTargetError):
        link_never_tell(session, case, wish, agency_id=town.agencies["school"])
    # The control: nothing is unlinked any more, so others can be shared with.
    assert shared(session, town, "school").ended_at is None


def test_a_wish_has_one_target_of_the_case_and_ends_when_nobody_wants_it(
    acting: Acting, town: towns.City, own: Database
) -> None:
    session = acting("counsellor")
    case = case_of(session, town)
    with SystemSession(own.system) as system, system.begin():
        equip(system, own.keys)
        stranger = towns.add_person(system, town, "stranger", "見本", "よそ")
    for targets in (
        {},
        {"agency_id": town.agencies["school"], "person_id": town.persons["mother"]},
        {"person_id": stranger},
        {"person_id": town.persons["child"]},
    ):
        with pytest.raises(WrongTargetError):
            add_never_tell(session, case, never_tell_id=uuid.uuid4(), **targets)
    wish = add_never_tell(
        session, case, never_tell_id=uuid.uuid4(), agency_id=town.agencies["school"]
    )
    with pytest.raises(RefusedShareError):
        asked(session, town, "school")
    end_never_tell(session, case, wish)
    session.commit()
    assert asked(session, town, "school").kind == "sharing"


def test_an_exclusion_closes_and_its_end_opens_again(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    case = case_of(session, town)
    shared(session, town)
    cases = select(func.count()).select_from(select(m.Case).subquery())
    teacher, nurse = acting("teacher"), acting("nurse")
    assert teacher.scalars(select(m.Case.id)).all() == [town.case_id]
    teacher.rollback()
    exclusion = exclude(
        session,
        case,
        account_id=town.accounts["teacher"],
        reason="申立てのあった教職員",
        exclusion_id=uuid.uuid4(),
    )
    session.commit()
    assert teacher.scalars(select(m.Case.id)).all() == []
    teacher.rollback()
    assert nurse.scalars(select(m.Case.id)).all() == [town.case_id]
    end_exclusion(session, case, exclusion)
    session.commit()
    assert teacher.scalars(select(m.Case.id)).all() == [town.case_id]
    assert cases is not None


# ------------------------------------------------------------------------------------- taking back


def test_the_child_takes_back_and_a_safety_task_is_opened(
    acting: Acting, visiting: Callable[[str], PortalSession], town: towns.City
) -> None:
    counsellor = acting("counsellor")
    grant_id = shared(counsellor, town).id
    child = visiting("child")
    grant = child.scalars(select(m.Grant).where(m.Grant.id == grant_id)).one()
    take_back(child, grant)
    child.commit()

    counsellor.rollback()
    counsellor.expire_all()
    event = counsellor.scalars(
        select(m.ConsentEvent).where(m.ConsentEvent.state == "withdrawn")
    ).one()
    assert event.thread_id is not None
    assert event.account_id is None
    task = counsellor.scalars(select(m.Task)).one()
    assert (task.kind, task.grant_id) == ("safety_check", grant_id)
    assert task.due_at > clock(counsellor)
    nurse = acting("nurse")
    assert nurse.scalars(select(m.Case.id)).all() == []


def test_taken_back_twice_opens_one_task(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    grant = shared(session, town)
    for _ in range(2):
        take_back(session, grant, asked_by=town.persons["child"])
    assert len(session.scalars(select(m.Task)).all()) == 1


def test_a_guardian_ends_the_own_consent_and_never_the_childs(
    acting: Acting, visiting: Callable[[str], PortalSession], town: towns.City
) -> None:
    counsellor = acting("counsellor")
    childs = shared(counsellor, town, "welfare", living="yes").id
    mothers = shared(counsellor, town, "welfare", living="yes", giver="mother").id
    mother = visiting("mother")
    assert mother.scalars(select(m.Grant.id)).all() == [mothers]
    # Not even past the first gate: the wall itself updates no row of the child's.
    changed = mother.connection().exec_driver_sql(
        "UPDATE grants SET ended_at = portal_clock() WHERE basis = 'CONSENT'"
    )
    assert changed.rowcount == 1
    mother.rollback()
    take_back(mother, mother.scalars(select(m.Grant).where(m.Grant.id == mothers)).one())
    mother.commit()

    counsellor.rollback()
    counsellor.expire_all()
    assert counsellor.get_one(m.Grant, mothers).ended_at is not None
    assert counsellor.get_one(m.Grant, childs).ended_at is None
    # The child may end either.
    child = visiting("child")
    assert set(child.scalars(select(m.Grant.id))) == {childs, mothers}


def test_a_guardians_code_writes_nothing_into_the_childs_consent(
    acting: Acting, visiting: Callable[[str], PortalSession], town: towns.City
) -> None:
    counsellor = acting("counsellor")
    childs = shared(counsellor, town).consent_id
    mothers = shared(counsellor, town, "welfare", living="yes", giver="mother").consent_id
    mother = visiting("mother")
    event = {
        "case_id": town.case_id,
        "owner_agency_id": town.agencies["centre"],
        "state": "withdrawn",
    }
    mother.add(m.ConsentEvent(consent_id=mothers, **event))
    mother.flush()
    mother.add(m.ConsentEvent(consent_id=childs, **event))
    with pytest.raises(ProgrammingError, match="row-level security"):
        mother.flush()


def test_staff_take_back_for_who_gave_it_or_for_the_child(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    childs = shared(session, town)
    mothers = shared(session, town, "welfare", living="yes", giver="mother")
    for asker in (None, town.persons["mother"]):
        with pytest.raises(RefusedShareError, match="not_theirs"):
            take_back(session, childs, asked_by=asker)
    take_back(session, mothers, asked_by=town.persons["child"])
    take_back(session, childs, asked_by=town.persons["child"])
    asked_by = select(m.ConsentEvent.person_id).where(m.ConsentEvent.state == "withdrawn")
    assert session.scalars(asked_by).all() == [town.persons["child"]] * 2


def test_a_share_under_law_is_not_taken_back(
    acting: Acting, visiting: Callable[[str], PortalSession], town: towns.City
) -> None:
    session = acting("counsellor")
    grant = give_grant(session, case_of(session, town), law_terms(session, town))
    session.commit()
    with pytest.raises(RefusedShareError, match="not_by_consent"):
        take_back(session, grant, asked_by=town.persons["child"])
    child = visiting("child")
    changed = child.connection().exec_driver_sql(
        "UPDATE grants SET ended_at = portal_clock() WHERE basis <> 'CONSENT'"
    )
    assert changed.rowcount == 0
    # The control: the owner can, as when a case is closed.
    assert end_grant(session, grant, state="expired")
    assert grant.ended_at is not None


# ---------------------------------------------------------------------------- consent to an action


def test_agreeing_to_an_action_shares_nothing(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    deed = Deed(
        giver_id=town.persons["child"],
        what="担任の先生に、席をかえてもらうよう話す。",
        agreed=True,
        method="screen",
        witness_id=None,
    )
    consent = record_action_consent(session, case_of(session, town), deed, consent_id=uuid.uuid4())
    assert reveal(session, consent, "what") == deed.what
    assert session.scalars(select(m.ConsentEvent.state)).all() == ["given"]
    with pytest.raises(RefusedShareError, match="not_consented"):
        share(session, consent, town.agencies["school"], ages=AGES)
    terms = law_terms(
        session,
        town,
        agency_id=town.agencies["school"],
        basis="CONSENT",
        purpose="support",
        subject_id=town.persons["child"],
        consent_id=consent.id,
    )
    assert refused(session, town, terms) == "consent_without_giver"
    again = replace(deed, agreed=False)
    record_action_consent(session, case_of(session, town), again, consent_id=uuid.uuid4())
    assert set(session.scalars(select(m.ConsentEvent.state))) == {"given", "refused"}
