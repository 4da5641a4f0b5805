"""Reports that are sent first, permissions that two people give, and sharing by contract."""

import datetime as dt
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import ConsentAges
from portal.database import ConflictError, PortalSession, SystemSession
from portal.policy.permissions import NotPermittedError
from portal.policy.terms import Terms, clock, refused_slices, unnoted_permissions
from portal.services.actions import answer_action
from portal.services.consented import share
from portal.services.consents import Answers, Asking, answer, ask
from portal.services.contracts import entrust
from portal.services.denials import add_never_tell, exclude
from portal.services.lawful import (
    INFORMATION,
    REFERRAL,
    REPORT,
    approve,
    propose,
    record_report,
    refuse,
    send_report,
    word_for,
)
from portal.services.meetings import (
    Paper,
    PutOff,
    close_meeting,
    invite,
    open_meeting,
    release_brief,
)
from portal.services.meetings import write_brief as write_the_brief
from portal.services.sharing import RefusedShareError, end_grant, give_grant, take_back
from portal.vault import Scope, create_key, equip, reveal, seal
from portal.working_hours import jst
from tests import city as towns
from tests.conftest import Database
from tests.portal.conftest import Acting

REASON = "あざがあり、帰りたくないと話したため、法律にもとづいて伝える。"
DAY = dt.timedelta(days=1)
AGES = ConsentAges()


def case_of(session: Session, town: towns.City) -> m.Case:
    return session.scalars(select(m.Case).where(m.Case.id == town.case_id)).one()


def duty(session: Session, town: towns.City, **changes: Any) -> Terms:
    terms = Terms(
        agency_id=town.agencies["cgc"],
        slices=("basic", "safety"),
        subject_id=None,
        purpose="statutory_report",
        basis="CAPA6",
        necessity="agencies_needed",
        until=clock(session) + 89 * DAY,
        reason=REASON,
    )
    return replace(terms, **changes)


def permission(session: Session, town: towns.City, **changes: Any) -> Terms:
    terms = Terms(
        agency_id=town.agencies["school"],
        slices=("basic", "safety"),
        subject_id=None,
        purpose="protection",
        basis="APPI69_2_3",
        necessity="agencies_needed",
        until=clock(session) + 30 * DAY,
        reason=REASON,
        told="まだ話していない。保護者に知られるおそれがある。",
        ruled_out="endangers",
        why_not_asked="聞くと、保護者に伝わるおそれがある。",
    )
    return replace(terms, **changes)


def proposed(session: Session, town: towns.City, **changes: Any) -> m.ShareProposal:
    beside = {name: changes.pop(name) for name in ("told_first", "new_facts") if name in changes}
    proposal = propose(
        session,
        case_of(session, town),
        permission(session, town, **changes),
        proposal_id=uuid.uuid4(),
        **beside,
    )
    session.commit()
    return proposal


def theirs(session: Session, row: Any) -> Any:
    """Return a row as another session sees it."""
    return session.scalars(select(type(row)).where(type(row).id == row.id)).one()


def refusal_of(deed: Callable[[], object]) -> str:
    with pytest.raises(RefusedShareError) as error:
        deed()
    return error.value.code


# ------------------------------------------------------------------------------------- the report


@pytest.mark.parametrize(
    ("basis", "recipient", "receives", "word"),
    [
        ("CAPA6", "cgc", False, REPORT),
        ("CWA25", "ward_child_health", False, REPORT),
        ("CWA33_12", "cgc", False, REPORT),
        ("CWA25_7", "cgc", False, REFERRAL),
        ("TSV18", "police", False, INFORMATION),
        # A centre that receives reports itself makes none: it refers, or informs its own city.
        ("CAPA6", "cgc", True, REFERRAL),
        ("CAPA6", "ward_child_health", True, INFORMATION),
        ("CWA25_7", "cgc", True, REFERRAL),
    ],
)
def test_a_report_is_called_by_who_we_are(
    basis: str,
    recipient: str,
    receives: bool,  # noqa: FBT001 -- a column of the table above.
    word: str,
) -> None:
    assert word_for(basis, recipient, centre_receives=receives) == word


def test_a_report_opens_at_once_and_the_call_is_recorded_after(
    acting: Acting, town: towns.City
) -> None:
    session, reader = acting("counsellor"), acting("cgc_worker")
    assert reader.scalars(select(m.Case.id)).all() == []
    reader.rollback()
    report_id = uuid.uuid4()
    case = case_of(session, town)
    report = send_report(session, case, duty(session, town), report_id=report_id)
    again = send_report(session, case, duty(session, town), report_id=report_id)
    session.commit()
    assert again.id == report.id
    assert report.word == REPORT
    assert reader.scalars(select(m.Case.id)).all() == [town.case_id]
    [task] = session.scalars(select(m.Task)).all()
    assert (task.kind, task.grant_id, task.done_at) == ("law_report", report.grant_id, None)

    now = clock(session)
    call: dict[str, Any] = {"phoned_at": now, "phoned_to": "児相 受付 佐藤", "told": "先に話した。"}
    for code, changes in (
        ("phone_missing", {"phoned_to": ""}),
        ("phone_time", {"phoned_at": now + dt.timedelta(minutes=2)}),
        ("phone_time", {"phoned_at": now - dt.timedelta(hours=25)}),
        ("not_said_whether_told", {"told": ""}),
    ):
        broken = {**call, **changes}
        assert refusal_of(lambda broken=broken: record_report(session, report, **broken)) == code  # type: ignore[misc]
    for _ in range(2):
        record_report(session, report, **call)
    session.commit()
    session.refresh(task)
    assert task.done_at is not None
    assert reveal(session, report, "phoned_to") == "児相 受付 佐藤"
    events = session.scalars(select(m.AuditEvent.event)).all()
    assert events.count("report.sent") == events.count("report.recorded") == 1


def test_a_report_needs_a_duty_and_where_a_wish_stands_says_before_what_the_child_was_told(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    case = case_of(session, town)

    def sent(**changes: Any) -> m.LawReport:
        return send_report(session, case, duty(session, town, **changes), report_id=uuid.uuid4())

    for basis in ("APPI69_2_3", "EMERGENCY", "EXPERT", "CONSENT", "STAT", "nothing"):
        assert refusal_of(lambda basis=basis: sent(basis=basis)) == "basis_not_offered"  # type: ignore[misc]
    add_never_tell(session, case, never_tell_id=uuid.uuid4(), agency_id=town.agencies["cgc"])
    director = town.accounts["director"]
    assert refusal_of(lambda: sent(approved_by=director)) == "not_said_whether_told"
    told = "先に話した。"
    assert refusal_of(lambda: sent(told=told)) == "second_person"
    assert sent(told=told, approved_by=director).word == REPORT


def test_consent_is_not_asked_for_show_while_a_duty_stands(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    case, cgc = case_of(session, town), town.agencies["cgc"]

    def asking() -> m.Consent:
        wanted = Asking(town.persons["child"], (cgc,), "screen", None, "ことば", "child", "ja")
        return ask(session, case, wanted, consent_id=uuid.uuid4())

    before = asking()
    slices = ("basic", "home", "school")
    report = send_report(session, case, duty(session, town, slices=slices), report_id=uuid.uuid4())
    answer(session, before, Answers({(cgc, "home"): "yes", (cgc, "health"): "yes"}, said_back="x"))
    items = session.scalars(select(m.ConsentItem).where(m.ConsentItem.consent_id == before.id))
    # What the duty opens is no question any more; what it does not is asked.
    assert {item.bundle for item in items} == {"talk", "health"}
    grant = share(session, before, cgc, ages=AGES)
    assert grant.slices == ["basic", "health"]
    wide = (*slices, "health", "summary", "child_view", "plan", "progress")
    send_report(session, case, duty(session, town, slices=wide), report_id=uuid.uuid4())
    assert refusal_of(asking) == "duty_stands"
    # The control: when the duties are over, one can ask again.
    for given in session.scalars(select(m.Grant).where(m.Grant.basis == "CAPA6")).all():
        end_grant(session, given)
    assert asking().kind == "sharing"
    assert report.grant_id is not None


# -------------------------------------------------------------------------------- the permissions


def test_a_permission_is_proposed_by_one_and_approved_by_another(
    acting: Acting, town: towns.City
) -> None:
    session, director, nurse = acting("counsellor"), acting("director"), acting("nurse")
    proposal = proposed(session, town)
    assert proposal.decision is None
    assert nurse.scalars(select(m.Case.id)).all() == []
    nurse.rollback()
    with pytest.raises(NotPermittedError):
        approve(session, case_of(session, town), proposal)
    session.rollback()

    case, row = case_of(director, town), theirs(director, proposal)
    grant = approve(director, case, row)
    assert approve(director, case, row).id == grant.id
    director.commit()
    assert (grant.approved_by, grant.recorded_by) == (
        town.accounts["director"],
        town.accounts["counsellor"],
    )
    assert nurse.scalars(select(m.Case.id)).all() == [town.case_id]
    with pytest.raises(ConflictError):
        refuse(director, case, row, words="必要がない。")
    assert len(director.scalars(select(m.Grant)).all()) == 1


def test_nobody_approves_the_own_proposal(acting: Acting, town: towns.City) -> None:
    director = acting("director")
    proposal = proposed(director, town)
    case = case_of(director, town)
    assert refusal_of(lambda: approve(director, case, proposal)) == "own_proposal"
    assert refusal_of(lambda: refuse(director, case, proposal, words="いや")) == "own_proposal"
    assert director.scalars(select(m.Grant)).all() == []


def test_a_refused_proposal_opens_nothing_and_says_why(acting: Acting, town: towns.City) -> None:
    session, director = acting("counsellor"), acting("director")
    proposal = proposed(session, town)
    case, row = case_of(director, town), theirs(director, proposal)
    assert refusal_of(lambda: refuse(director, case, row, words="")) == "refusal_without_reason"
    for _ in range(2):
        refuse(director, case, row, words="本人に聞ける状態にある。")
    director.commit()
    assert reveal(director, row, "refusal") == "本人に聞ける状態にある。"
    with pytest.raises(ConflictError):
        approve(director, case, row)
    assert director.scalars(select(m.Grant)).all() == []


def test_what_the_row_forbids_is_refused_already_when_it_is_proposed(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    for code, changes in {
        "basis_not_offered": {"basis": "CAPA6"},
        "recipient_not_allowed": {"agency_id": town.agencies["npo"]},
        "provider_not_allowed": {"basis": "SCHPOL", "agency_id": town.agencies["police"]},
        "purpose_not_allowed": {"purpose": "watching"},
        "too_long": {"until": clock(session) + 91 * DAY},
        "too_long_for_police": {
            "agency_id": town.agencies["police"],
            "until": clock(session) + 31 * DAY,
        },
        "reason_too_short": {"reason": "短い"},
        "asking_not_ruled_out": {"ruled_out": ""},
        "not_said_whether_told": {"told": ""},
        "over_already": {"until": clock(session)},
        "slice": {"slices": ("reporter",)},
        "not_of_agency": {"account_ids": (town.accounts["officer"],)},
        "never_reads": {"agency_id": town.agencies["lawyers"]},
        "statute_missing": {"basis": "APPI69_1"},
        "statute_unfit": {"basis": "APPI69_1", "other_statute": "CAPA6"},
    }.items():
        assert refusal_of(lambda changes=changes: proposed(session, town, **changes)) == code  # type: ignore[misc]
    assert session.scalars(select(m.ShareProposal)).all() == []
    # The control.
    assert proposed(session, town).decision is None


def test_a_wish_said_after_the_proposal_is_minded_at_the_approval(
    acting: Acting, town: towns.City
) -> None:
    session, director = acting("counsellor"), acting("director")
    proposal = proposed(session, town)
    case = case_of(session, town)
    add_never_tell(session, case, never_tell_id=uuid.uuid4(), agency_id=town.agencies["school"])
    session.commit()
    row = theirs(director, proposal)
    refused = refusal_of(lambda: approve(director, case_of(director, town), row))
    assert refused == "never_tell_agency"
    director.rollback()
    assert refusal_of(lambda: proposed(session, town)) == "never_tell_agency"


def test_after_a_no_only_on_new_facts_and_after_telling_the_child(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor")
    case, school = case_of(session, town), town.agencies["school"]
    wanted = Asking(town.persons["child"], (school,), "screen", None, "ことば", "child", "ja")
    consent = ask(session, case, wanted, consent_id=uuid.uuid4())
    said = {(school, "home"): "no", (school, "school"): "yes", (school, "health"): "yes"}
    answer(session, consent, Answers(said, said_back="うちのことは言わないで"))
    session.commit()
    # A no to one bundle is no no to what another brings along.
    assert refused_slices(session, case.id, school) == {"home"}
    assert refused_slices(session, case.id, town.agencies["welfare"]) == set()

    home = {"slices": ("basic", "home")}
    facts, told = "新しく、夜に締め出されたと本人が話した。", "伝えることを本人に先に話した。"
    for code, changes in (
        ("new_facts_missing", {}),
        ("new_facts_missing", {"new_facts": "短い", "told_first": True}),
        ("child_not_told_first", {"new_facts": facts}),
    ):
        broken = {**home, "told": told, **changes}
        assert refusal_of(lambda broken=broken: proposed(session, town, **broken)) == code  # type: ignore[misc]
    proposal = proposed(session, town, **home, told=told, told_first=True, new_facts=facts)
    assert reveal(session, proposal, "new_facts") == facts
    # The control: what was not said no to needs none of it.
    assert proposed(session, town, slices=("basic", "safety")).decision is None

    take_back(session, share(session, consent, school, ages=AGES), asked_by=town.persons["child"])
    session.commit()
    assert refused_slices(session, case.id, school) == {"basic", "health", "home", "school"}
    health = {"slices": ("health",)}
    assert refusal_of(lambda: proposed(session, town, **health)) == "new_facts_missing"


def test_a_council_decides_per_meeting_among_its_members_on_the_day(
    acting: Acting, town: towns.City, own: Database
) -> None:
    session = acting("counsellor")
    today = jst(clock(session)).date()
    kinds = {"case_conf": today, "policy": today, "working": today + DAY}
    meetings = {
        kind: open_meeting(session, meeting_id=uuid.uuid4(), held_on=day, kind=kind).id
        for kind, day in kinds.items()
    }
    session.commit()

    def exchanged(meeting: str | None, **changes: Any) -> m.ShareProposal:
        return proposed(
            session,
            town,
            basis="CWA25_2",
            agency_id=town.agencies["cgc"],
            purpose="protection",
            meeting_id=None if meeting is None else meetings[meeting],
            **changes,
        )

    def member(agency: str, since: dt.timedelta, until: dt.timedelta | None = None) -> None:
        with SystemSession(own.system) as system, system.begin():
            now = clock(system)
            system.add(
                m.CouncilMembership(
                    agency_id=town.agencies[agency],
                    valid_from=now + since,
                    valid_until=None if until is None else now + until,
                )
            )

    assert refusal_of(lambda: exchanged("case_conf")) == "recipient_not_allowed"
    session.rollback()
    member("cgc", -DAY)
    assert refusal_of(lambda: exchanged("case_conf")) == "provider_not_allowed"
    session.rollback()
    # Long ago and not yet: neither is on the day.
    member("centre", -9 * DAY, -DAY)
    member("centre", DAY)
    assert refusal_of(lambda: exchanged("case_conf")) == "provider_not_allowed"
    session.rollback()
    member("centre", -DAY, DAY)
    assert refusal_of(lambda: exchanged(None)) == "meeting_missing"
    assert refusal_of(lambda: exchanged("policy")) == "meeting_missing"
    assert refusal_of(lambda: exchanged("working")) == "meeting_not_held"
    proposal = exchanged("case_conf")
    assert proposal.decision == "carried_out"
    grant = session.scalars(select(m.Grant)).one()
    assert grant.meeting_id == meetings["case_conf"]


def test_a_permission_stands_before_the_next_meeting_and_its_close_notes_it(
    acting: Acting, town: towns.City, own: Database
) -> None:
    session, director = acting("counsellor"), acting("director")
    grant = approve(director, case_of(director, town), theirs(director, proposed(session, town)))
    director.commit()
    session.rollback()
    centre, today = town.agencies["centre"], jst(clock(session)).date()
    assert [row.id for row in unnoted_permissions(session, centre)] == [grant.id]
    meeting = open_meeting(session, meeting_id=uuid.uuid4(), held_on=today)
    close_meeting(session, meeting, PutOff("no_time", today + DAY))
    session.commit()
    assert unnoted_permissions(session, centre) == []
    noted = session.scalars(select(m.PermissionNoting)).one()
    assert (noted.grant_id, noted.meeting_id) == (grant.id, meeting.id)
    with SystemSession(own.system) as system:
        assert "permissions.noted" in set(system.scalars(select(m.AuditEvent.event)))


def test_two_directors_at_once_decide_once(acting: Acting, town: towns.City, own: Database) -> None:
    """Approving and refusing race: one wins, and what stands is what one of them did."""
    second = m.Account()
    with SystemSession(own.system) as system, system.begin():
        equip(system, own.keys)
        system.add(second)
        system.flush()
        towns.add_profile(system, own.keys, second.id, "second@example.jp", "見本 second")
        system.add(
            m.Membership(
                account_id=second.id,
                agency_id=town.agencies["centre"],
                role="center_director",
                valid_from=towns.LONG_AGO,
            )
        )
        second_id = second.id
    proposal_id = proposed(acting("counsellor"), town).id
    town.accounts["second"], town.acting["second"] = second_id, town.agencies["centre"]
    towns.PEOPLE["second"] = ("centre", "center_director", False, False)
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def decide(person: str, deed: Callable[[PortalSession], object]) -> None:
        session = acting(person)
        session.connection(execution_options={"isolation_level": "READ COMMITTED"})
        barrier.wait(timeout=30)
        try:
            deed(session)
            session.commit()
            outcomes.append(person)
        except ConflictError:
            session.rollback()

    def proposal(session: PortalSession) -> m.ShareProposal:
        wanted = select(m.ShareProposal).where(m.ShareProposal.id == proposal_id)
        return session.scalars(wanted).one()

    def approving(session: PortalSession) -> None:
        approve(session, case_of(session, town), proposal(session))

    def refusing(session: PortalSession) -> None:
        refuse(session, case_of(session, town), proposal(session), words="まだ早い。")

    threads = [
        threading.Thread(target=decide, args=("director", approving)),
        threading.Thread(target=decide, args=("second", refusing)),
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        del towns.PEOPLE["second"]
    assert len(outcomes) == 1
    session = acting("counsellor")
    grants = session.scalars(select(m.Grant)).all()
    assert len(grants) == (1 if outcomes == ["director"] else 0)


# ---------------------------------------------------------------------------------- by contract


def an_action(session: Session, town: towns.City, own: Database, agency: str) -> m.Action:
    """Ask an agency for something as the counsellor; the system role writes the row."""
    action = m.Action(
        case_id=town.case_id,
        owner_agency_id=town.agencies["centre"],
        agency_id=town.agencies[agency],
        kind="interview",
        due_on=jst(clock(session)).date() + 7 * DAY,
        asked_by=town.accounts["counsellor"],
    )
    with SystemSession(own.system) as system, system.begin():
        equip(system, own.keys)
        create_key(system, Scope("action", action.id))
        seal(system, action, request="面談をお願いします。")
        system.add(action)
        system.flush()
        action_id = action.id
    session.rollback()
    return session.scalars(select(m.Action).where(m.Action.id == action_id)).one()


def test_an_entrusted_npo_reads_the_minimum_until_its_task_ends(
    acting: Acting, town: towns.City, own: Database
) -> None:
    session, npo = acting("counsellor"), acting("npo_worker")
    case = case_of(session, town)
    action = an_action(session, town, own, "npo")
    for code, changes in (
        ("not_minimum", {"slices": ("detail",)}),
        ("not_minimum", {"slices": ()}),
        ("reason_too_short", {"reason": "短い"}),
    ):
        kept: dict[str, Any] = {"slices": ("basic", "plan"), "reason": REASON, **changes}
        assert refusal_of(lambda kept=kept: entrust(session, case, action, **kept)) == code  # type: ignore[misc]
    other = an_action(session, town, own, "school")
    refused = refusal_of(lambda: entrust(session, case, other, slices=("plan",), reason=REASON))
    assert refused == "recipient_not_allowed"

    grant = entrust(session, case, action, slices=("basic", "plan"), reason=REASON)
    again = entrust(session, case, action, slices=("basic", "plan"), reason=REASON)
    assert again.id == grant.id
    session.commit()
    assert npo.scalars(select(m.Case.id)).all() == [town.case_id]
    theirs_ = npo.scalars(select(m.Action)).one()
    answer_action(npo, theirs_, "done", step_id=uuid.uuid4(), words="会って話した。")
    npo.commit()
    assert npo.scalars(select(m.Case.id)).all() == []
    # The NPO's own record stays its own.
    assert npo.scalars(select(m.ActionEvent.status)).all() == ["done"]
    session.rollback()
    assert session.get_one(m.Grant, grant.id).ended_at is not None
    refused = refusal_of(lambda: entrust(session, case, action, slices=("plan",), reason=REASON))
    assert refused == "task_over"


def test_an_entrusted_npo_is_under_every_rule_that_denies(
    acting: Acting, town: towns.City, own: Database
) -> None:
    session, npo = acting("counsellor"), acting("npo_worker")
    case = case_of(session, town)
    action = an_action(session, town, own, "npo")
    wish = add_never_tell(session, case, never_tell_id=uuid.uuid4(), words="あのひと")
    terms: dict[str, Any] = {"slices": ("basic", "plan"), "reason": REASON}
    refused = refusal_of(lambda: entrust(session, case, action, **terms))
    assert refused == "never_tell_unlinked"
    grant = entrust(session, case, action, **terms, nobody_unlinked=True)
    session.commit()
    assert npo.scalars(select(m.Case.id)).all() == [town.case_id]
    npo.rollback()
    exclude(
        session, case, account_id=town.accounts["npo_worker"], reason="親族",
        exclusion_id=uuid.uuid4(),
    )  # fmt: skip
    session.commit()
    assert npo.scalars(select(m.Case.id)).all() == []
    add_never_tell(session, case, never_tell_id=uuid.uuid4(), agency_id=town.agencies["npo"])
    session.commit()
    session.refresh(grant)
    assert grant.ended_at is not None
    assert wish.valid_until is None


def test_a_brief_stands_in_the_record_of_sharing_until_the_meeting_closes(
    acting: Acting, town: towns.City, visiting: Callable[[str], PortalSession]
) -> None:
    session = acting("counsellor")
    case, today = case_of(session, town), jst(clock(session)).date()
    meeting = open_meeting(session, meeting_id=uuid.uuid4(), held_on=today)
    paper = Paper("席替えを求めてよいか", "本人は静か。", "見本 あおい")
    brief = write_the_brief(session, meeting, case, paper, brief_id=uuid.uuid4())
    release_brief(session, brief, looked_through=True)
    assert session.scalars(select(m.Grant)).all() == []
    invite(session, meeting, town.accounts["lawyer"])
    session.commit()
    child, lawyer = visiting("child"), acting("lawyer")
    [grant] = child.scalars(select(m.Grant)).all()
    assert (grant.basis, grant.slices, grant.meeting_id) == ("EXPERT", ["summary"], meeting.id)
    # It tells of the brief and opens nothing: experts never read a slice (rule 5 (c)).
    assert lawyer.scalars(select(m.Case.id)).all() == []
    assert lawyer.scalars(select(m.Entry.id)).all() == []
    close_meeting(session, meeting, PutOff("no_time", today + DAY))
    session.commit()
    session.refresh(session.get_one(m.Grant, grant.id))
    assert session.get_one(m.Grant, grant.id).ended_at is not None


def test_only_the_owners_people_share_by_law_or_contract(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    give_grant(session, case_of(session, town), duty(session, town, told="話した。"))
    session.commit()
    for person in ("cgc_worker", "clerk"):
        stranger = acting(person)
        case = case_of(session, town)
        with pytest.raises(NotPermittedError):
            send_report(stranger, case, duty(session, town), report_id=uuid.uuid4())
        with pytest.raises(NotPermittedError):
            propose(stranger, case, permission(session, town), proposal_id=uuid.uuid4())
