"""Whatever happens to a case, in whatever order, both walls show what the oracle says of it.

A state machine lets people do through the real services what a case lives through; after each step
the register is dumped, and everybody's sight through either wall is held against the oracle. The
oracle knows nothing of services: only what the register says in the end. `PORTAL_LIVES` says how
many lives, `PORTAL_STEPS` of how many steps.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from portal import models as m
from portal.config import ConsentAges
from portal.database import NotVisibleError, find_visible
from portal.policy.bundles import bundles_for
from portal.policy.terms import Terms
from portal.services import (
    birth_dates,
    concealment,
    consented,
    consents,
    denials,
    emergencies,
    ends,
    guardians,
    handovers,
    memberships,
    progress,
)
from portal.services.administration import add_team_member, end_team_member
from portal.services.entries import post_entry, retract_entry, writable
from portal.services.sharing import give_grant, take_back
from portal.vocabulary import EMERGENCY_SLICES
from portal.working_hours import eighteenth_birthday, jst
from tests import city as towns
from tests.conftest import Database
from tests.rules.bugs import BUGS
from tests.rules.lives import Life, settle_city
from tests.rules.oracle import live
from tests.rules.planting import Bug, plant

LIVES = int(os.environ.get("PORTAL_LIVES", "6"))
STEPS = int(os.environ.get("PORTAL_STEPS", "12"))
# In so many steps drawn at random everything has happened; in a few each thing is a matter of luck.
ENOUGH_STEPS = 12_000

OWNERS = ("director", "counsellor", "investigator")
AGENCIES = ("school", "other_school", "welfare", "cgc", "police", "npo", "cafeteria")
STAFF = ("counsellor", "investigator", "nurse", "teacher", "officer", "cgc_worker", "watcher")
# Who takes over from whom, and the manager who sees to it.
COLLEAGUES = {
    "nurse": ("teacher", "principal"),
    "teacher": ("nurse", "principal"),
    "counsellor": ("investigator", "director"),
    "investigator": ("counsellor", "director"),
}
REASON = "あざがあり、帰りたくないと話したため、法律にもとづいて通告する。"
TICK = dt.timedelta(microseconds=1)
A_WEEK = dt.timedelta(days=7)

owners, agencies = st.sampled_from(OWNERS), st.sampled_from(AGENCIES)
staff = st.sampled_from(STAFF)
# Which of the rows there are is meant: the index wraps around.
index = st.integers(0, 7)


class Lives(RuleBasedStateMachine):
    """What can happen to a case."""

    database: ClassVar[Database]
    town: ClassVar[towns.City]
    counts: ClassVar[Counter[str]]
    planted: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(self.database, self.town, self.planted)
        self.world = self.life.register()

    def teardown(self) -> None:
        self.counts.update(self.life.done)
        self.counts["lives"] += 1
        self.life.end()

    @invariant()
    def the_walls_show_what_the_oracle_says(self) -> None:
        self.world = self.life.register()
        found = self.life.disagreements(self.world)
        assert not found, "\n".join(found[:20])

    def _one_of(self, column: Any, number: int, *conditions: Any) -> uuid.UUID | None:
        """Return an id from a table of the register, or None where there is none such."""
        table = column.table.c
        order = (getattr(table, "recorded_at", table.id), table.id)
        ids = [row[0] for row in self.life.rows(select(column).where(*conditions).order_by(*order))]
        return ids[number % len(ids)] if ids else None

    def _grant(self, number: int, *conditions: Any) -> uuid.UUID | None:
        """Return a grant that is not over."""
        row = m.Grant.__table__.c
        going_on = (row.ended_at.is_(None), row.valid_until > self.life.now)
        return self._one_of(row.id, number, *going_on, *conditions)

    def _name(self, account_id: uuid.UUID) -> str:
        return next(name for name, known in self.town.accounts.items() if known == account_id)

    def _team(self) -> set[str]:
        """Return who of the school's people is on its team now."""
        row = m.TeamMember.__table__.c
        on_team = self.life.rows(select(row.account_id).where(row.valid_until.is_(None)))
        return {self._name(each[0]) for each in on_team} & {"nurse", "teacher"}

    def _working(self, name: str) -> bool:
        row = m.Membership.__table__.c
        still = row.valid_until.is_(None)
        return (
            self._one_of(row.id, 0, row.account_id == self.town.accounts[name], still) is not None
        )

    def _any(self, key: str, **like: str) -> bool:
        """Return whether the case has such a row that nobody has ended and that is not over."""
        return any(
            live(row, self.life.now) and like.items() <= row.items()
            for row in self.world["cases"][0][key]
        )

    @property
    def closed(self) -> bool:
        return bool(self.world["cases"][0]["status"] == "closed")

    # -- give and take back

    @initialize(agency=agencies)
    def begin(self, agency: str) -> None:
        """Nobody sees anything in the beginning, which is soon told."""
        self.give("director", "school", "child", (["yes"] * 4, 6), "the team")
        self.give("director", agency, "mother", (["yes"] * 4, 1), "one of them")
        self.fulfil_a_duty("director", "cgc", "CAPA6", "counsellor", {"safety", "home"})

    @rule(
        who=owners,
        agency=agencies,
        giver=st.sampled_from(("child", "child", "mother")),
        said=st.tuples(
            st.lists(st.sampled_from(("yes", "yes", "no", "later")), min_size=4, max_size=4),
            st.sampled_from((1, 6, 12)),
        ),
        readers=st.sampled_from(("the team", "one of them")),
    )
    def give(
        self, who: str, agency: str, giver: str, said: tuple[list[str], int], readers: str
    ) -> None:
        """Ask, hear the answer, and share what was said yes to; a yes again extends it."""
        says, months = said
        city, life = self.town, self.life
        agency_id = city.agencies[agency]
        bundles = bundles_for(towns.AGENCIES[agency][0])
        given = {(agency_id, bundle): word for bundle, word in zip(bundles, says, strict=False)}
        reader = next(name for name, row in towns.PEOPLE.items() if row[0] == agency)

        def deed(session: Any) -> None:
            case = life.case(session)
            asking = consents.Asking(
                giver_id=city.persons[giver],
                agency_ids=(agency_id,),
                method="screen",
                witness_id=None,
                words="つたえてもいいですか",
                level="child",
                language="ja",
            )
            consent = consents.ask(session, case, asking, consent_id=uuid.uuid4())
            answers = consents.Answers(given, months=months, said_back="いいよといった")
            consents.answer(session, consent, answers)
            consented.share(
                session,
                consent,
                agency_id,
                account_ids=(city.accounts[reader],) if readers == "one of them" else (),
                nobody_unlinked=True,
                ages=ConsentAges(),
            )

        life.do("give by consent", who, deed)

    @rule(
        who=owners,
        agency=st.sampled_from(("cgc", "welfare", "school")),
        basis=st.sampled_from(("CAPA6", "CWA25")),
        second=owners,
        slices=st.sets(st.sampled_from(("basic", "safety", "home", "health")), min_size=1),
    )
    def fulfil_a_duty(
        self, who: str, agency: str, basis: str, second: str, slices: set[str]
    ) -> None:
        city, life = self.town, self.life
        terms = Terms(
            agency_id=city.agencies[agency],
            slices=tuple(sorted(slices)),
            subject_id=None,
            purpose="statutory_report",
            basis=basis,
            necessity="agencies_needed",
            until=life.now + dt.timedelta(days=30),
            approved_by=city.accounts[second],
            reason=REASON,
            told="本人に先に話した。",
            nobody_unlinked=True,
        )
        life.do("give by law", who, lambda s: give_grant(s, life.case(s), terms))

    @precondition(lambda self: self._any("grants"))
    @rule(who=owners, number=index, asker=st.sampled_from(("child", "child", "mother")))
    def withdraw(self, who: str, number: int, asker: str) -> None:
        grant_id = self._grant(number, m.Grant.__table__.c.basis == "CONSENT")
        if grant_id is not None:
            person = self.town.persons[asker]
            self.life.do(
                "withdraw",
                who,
                lambda s: take_back(s, find_visible(s, m.Grant, grant_id), asked_by=person),
            )

    # -- emergency

    @rule(who=st.sampled_from((*OWNERS, *["cgc_worker"] * 6, "nurse", "liaison")))
    def look_in_an_emergency(self, who: str) -> None:
        def deed(session: Any) -> None:
            case_id = emergencies.case_to_open(session, case_id=self.town.case_id)
            emergencies.open_view(session, case_id, reason=REASON, on_duty=True)

        self.life.do("look in an emergency", who, deed)

    @rule(
        who=owners,
        second=owners,
        to=st.sampled_from((("cgc", "CAPA6"), ("cgc", "CWA25"), ("police", "APPI69_2_3"))),
        slices=st.sets(st.sampled_from(EMERGENCY_SLICES), min_size=1),
    )
    def provide_in_an_emergency(
        self, who: str, second: str, to: tuple[str, str], slices: set[str]
    ) -> None:
        agency, statute = to
        provision = emergencies.Provision(
            agency_id=self.town.agencies[agency],
            slices=tuple(sorted(slices)),
            statute=statute,
            necessity="agencies_needed",
            reason=REASON,
            phoned_at=self.life.now - dt.timedelta(minutes=10),
            phoned_to="夜間の当番",
            second_id=self.town.accounts[second],
            told="本人に先に話した。",
            nobody_unlinked=True,
        )
        self.life.do(
            "provide in an emergency",
            who,
            lambda s: emergencies.provide(
                s, self.life.case(s), provision, emergency_id=uuid.uuid4()
            ),
        )

    @rule(number=index)
    def confirm_a_provision(self, number: int) -> None:
        """Confirm what nobody decided on yet, as the second person whom it names."""
        row = m.Emergency.__table__.c
        found = self._one_of(row.id, number, row.second_id.is_not(None), row.decision.is_(None))
        if found is not None:
            second = self.life.rows(select(row.second_id).where(row.id == found))[0][0]
            self._decide("confirm a provision", self._name(second), found, emergencies.confirm)

    @precondition(lambda self: self._any("grants", basis="EMERGENCY"))
    @rule(who=st.sampled_from(("director", "director", "counsellor")), number=index)
    def prolong_an_emergency(self, who: str, number: int) -> None:
        """Prolong a provision that is going on; hardly any of a year's is."""
        row, grant = m.Emergency.__table__.c, m.Grant.__table__.c
        going_on = select(grant.emergency_id).where(grant.valid_until > self.life.now)
        provision = (row.kind == "provision", row.id.in_(going_on))
        found = self._one_of(row.id, number, *provision, row.prolonged_at.is_(None))
        if found is not None:
            self._decide("prolong an emergency", who, found, emergencies.prolong)

    @rule(who=owners, number=index, how=st.sampled_from(("end", "review")))
    def decide_on_an_emergency(self, who: str, number: int, how: str) -> None:
        row = m.Emergency.__table__.c
        found = {
            "end": self._one_of(row.id, number, row.decision.is_(None)),
            "review": self._one_of(row.id, number, row.reviewed_at.is_(None)),
        }[how]
        later = emergencies.Telling("まだ話せない。", later=jst(self.life.now).date() + A_WEEK)
        deeds: dict[str, Callable[[Any, m.Emergency], object]] = {
            "end": lambda s, each: emergencies.end_early(s, each, words="もうひつようない。"),
            "review": lambda s, each: emergencies.review(
                s, each, finding="right", words=REASON, telling=later
            ),
        }
        if found is not None:
            self._decide(f"{how} an emergency", who, found, deeds[how])

    def _decide(
        self, what: str, who: str, found: uuid.UUID, deed: Callable[[Any, m.Emergency], object]
    ) -> None:
        self.life.do(what, who, lambda s: deed(s, find_visible(s, m.Emergency, found)))

    @invariant()
    def no_emergency_stands_alone(self) -> None:
        """Security.md Z11: a reason, a day, and a second person where it goes to an agency."""
        grant, row = m.Grant.__table__, m.Emergency.__table__
        rows = self.life.rows(
            select(grant.c.valid_from, grant.c.valid_until, row.c.kind, row.c.second_id)
            .add_columns(row.c.reason_sealed)
            .select_from(grant.outerjoin(row, row.c.id == grant.c.emergency_id))
            .where(grant.c.basis == "EMERGENCY")
        )
        for each in rows:
            assert each.reason_sealed is not None
            assert each.valid_until - each.valid_from <= dt.timedelta(hours=24)
            assert each.kind == "view" or each.second_id is not None

    # -- ends

    @rule(who=owners, school=st.sampled_from(("school", "other_school", "welfare")))
    def change_school(self, who: str, school: str) -> None:
        left = self.town.agencies[school]
        self.life.do("change school", who, lambda s: ends.change_school(s, self.life.case(s), left))

    @rule(who=owners)
    def end_authority(self, who: str) -> None:
        mother = self.town.persons["mother"]
        self.life.do(
            "end authority", who, lambda s: ends.end_authority(s, self.life.case(s), mother)
        )

    @rule(who=owners, days=st.sampled_from((-400, -1, 1, 20, 60)))
    def learn_the_birth_date(self, who: str, days: int) -> None:
        """Hear when the child was born: in so many days, or so many ago, it is eighteen."""
        child = self.town.persons["child"]
        birthday = jst(self.life.now).date() + dt.timedelta(days=days)
        # Nobody is born on a leap day here, whose birthday is another's.
        born = birthday.replace(year=birthday.year - 18, day=min(birthday.day, 28))

        def deed(session: Any) -> None:
            case = self.life.case(session)
            seen = guardians.birth_date_text(session, case.id)
            birth_dates.record_birth_date(session, case, born, seen=seen, child_id=child)

        self.life.do("learn the birth date", who, deed)

    @invariant()
    def no_guardians_share_outlasts_the_eighteenth_birthday(self) -> None:
        """Of the consents of domain.md §3, whatever was known when they were given."""
        grant, person = m.Grant.__table__.c, self.town.persons["child"]
        [child] = [row for row in self.world["persons"] if row["id"] == str(person)]
        end = eighteenth_birthday(dt.date.fromisoformat(child["birth_date"]))
        consent = m.Consent.__table__.c
        mothers = select(consent.id).where(consent.giver_person_id == self.town.persons["mother"])
        beyond = self.life.rows(
            select(grant.id).where(
                grant.consent_id.in_(mothers),
                grant.ended_at.is_(None),
                grant.valid_until > max(end, self.life.now),
            )
        )
        assert not beyond, f"{len(beyond)} shares on the mother's word go on beyond {end}"

    @rule(agency=agencies)
    def leave_the_scheme(self, agency: str) -> None:
        left = self.town.agencies[agency]
        self.life.do(
            "leave the scheme",
            "director",
            lambda s: ends.leave_scheme(s, left, departure_id=uuid.uuid4()),
        )

    @rule(number=index)
    def return_to_the_scheme(self, number: int) -> None:
        row = m.Departure.__table__.c
        back = self._one_of(row.agency_id, number, row.valid_until.is_(None))
        if back is not None:
            self.life.do("return", "director", lambda s: ends.return_to_scheme(s, back))

    @rule(whom=st.sampled_from(tuple(COLLEAGUES)))
    def hand_over(self, whom: str) -> None:
        """Transfer what somebody has in hand to a colleague."""
        row = m.Membership.__table__.c
        found = self._one_of(row.id, 0, row.account_id == self.town.accounts[whom])
        successor, manager = COLLEAGUES[whom]
        if found is not None:
            account = self.town.accounts[successor]
            self.life.do("hand over", manager, lambda s: handovers.hand_over(s, found, account))

    @rule(who=owners)
    def conceal(self, who: str) -> None:
        """Set the flag 秘匿, or lift it."""
        concealed = not self.world["cases"][0].get("concealed", False)
        self.life.do(
            "conceal" if concealed else "lift the concealment",
            who,
            lambda s: concealment.conceal(s, self.life.case(s), concealed=concealed, reason=REASON),
        )

    # -- time

    @rule(hours=st.sampled_from((1, 24, 25, 24 * 7, 24 * 40, 24 * 200)))
    def time_passes(self, hours: int) -> None:
        self.life.move_to(self.life.now + dt.timedelta(hours=hours))
        self.life.done["time passes"] += 1

    @precondition(lambda self: self._any("grants"))
    @rule(number=index, past=st.sampled_from((-TICK, 0 * TICK, TICK)))
    def expire(self, number: int, past: dt.timedelta) -> None:
        """Go to the very end of a grant, or a microsecond before or after it."""
        until = m.Grant.__table__.c.valid_until
        ends = [row[0] for row in self.life.rows(select(until).order_by(until))]
        instants = [end + past for end in ends if end and end + past >= self.life.now]
        if instants:
            self.life.move_to(instants[number % len(instants)])
            self.life.done["expire"] += 1

    # -- the case

    @precondition(lambda self: not self.closed)
    @rule(who=owners)
    def close(self, who: str) -> None:
        def deed(session: Any) -> None:
            progress.close_case(
                session,
                self.life.case(session),
                closure_id=uuid.uuid4(),
                outcome="resolved",
                child_view="もうだいじょうぶ",
                summary="おわり",
            )

        self.life.do("close", who, deed)

    @precondition(lambda self: self.closed)
    @rule(who=owners)
    def reopen(self, who: str) -> None:
        self.life.do("re-open", who, lambda s: progress.reopen_case(s, self.life.case(s)))

    # -- deny

    @rule(who=owners, whom=st.sampled_from((*STAFF, "director", "principal", "liaison")))
    def exclude(self, who: str, whom: str) -> None:
        def deed(session: Any) -> None:
            denials.exclude(
                session,
                self.life.case(session),
                account_id=self.town.accounts[whom],
                reason="けいやく",
                exclusion_id=uuid.uuid4(),
            )

        self.life.do("exclude", who, deed)

    @precondition(lambda self: self._any("exclusions"))
    @rule(who=owners, number=index)
    def end_exclusion(self, who: str, number: int) -> None:
        found = self._one_of(m.Exclusion.__table__.c.id, number)
        if found is not None:
            self.life.do(
                "end an exclusion",
                who,
                lambda s: denials.end_exclusion(
                    s, self.life.case(s), find_visible(s, m.Exclusion, found)
                ),
            )

    @rule(
        who=owners,
        whom=st.sampled_from(
            (*(("agency_id", name) for name in AGENCIES), *(("account_id", name) for name in STAFF))
        )
        | st.just(("person_id", "mother")),
    )
    def never_tell(self, who: str, whom: tuple[str, str]) -> None:
        kind, name = whom
        ids = {
            "agency_id": self.town.agencies,
            "account_id": self.town.accounts,
            "person_id": self.town.persons,
        }[kind]
        self.life.do(
            "never tell",
            who,
            lambda s: denials.add_never_tell(
                s, self.life.case(s), never_tell_id=uuid.uuid4(), **{kind: ids[name]}
            ),
        )

    @precondition(lambda self: self._any("never_tell"))
    @rule(who=owners, number=index)
    def end_never_tell(self, who: str, number: int) -> None:
        found = self._one_of(m.NeverTell.__table__.c.id, number)
        if found is not None:
            self.life.do(
                "end a never-tell",
                who,
                lambda s: denials.end_never_tell(
                    s, self.life.case(s), find_visible(s, m.NeverTell, found)
                ),
            )

    # -- staff

    @rule(whom=staff)
    def leave(self, whom: str) -> None:
        row = m.Membership.__table__.c
        found = self._one_of(
            row.id, 0, row.account_id == self.town.accounts[whom], row.valid_until.is_(None)
        )
        if found is not None:
            self.life.do("leave", "admin", lambda s: memberships.end_membership(s, found))

    @rule(whom=staff)
    def come_back(self, whom: str) -> None:
        """Take up the old place again; what opens cases is confirmed by a second person."""
        agency, role, manager, _ = towns.PEOPLE[whom]
        row, row_id = m.Membership.__table__.c, uuid.uuid4()
        if self._one_of(
            row.id, 0, row.account_id == self.town.accounts[whom], row.valid_until.is_(None)
        ):
            return
        place = memberships.Place(
            self.town.accounts[whom], self.town.agencies[agency], role, manager, self.life.now
        )
        self.life.do("come back", "admin", lambda s: memberships.give_place(s, row_id, place))
        self.life.do("be confirmed", "director", lambda s: memberships.confirm(s, row_id))

    @rule(whom=st.sampled_from(("nurse", "teacher")))
    def join_the_team(self, whom: str) -> None:
        account = self.town.accounts[whom]
        if whom in self._team() or not self._working(whom):
            return
        self.life.do(
            "join the team", "principal", lambda s: add_team_member(s, uuid.uuid4(), account)
        )

    @rule(whom=st.sampled_from(("nurse", "teacher")))
    def leave_the_team(self, whom: str) -> None:
        row = m.TeamMember.__table__.c
        found = self._one_of(
            row.id, 0, row.account_id == self.town.accounts[whom], row.valid_until.is_(None)
        )
        if found is not None:
            self.life.do("leave the team", "principal", lambda s: end_team_member(s, found))

    # -- write

    @rule(who=st.sampled_from((*STAFF, "liaison", "npo_worker")), number=st.integers(0, 40))
    def post(self, who: str, number: int) -> None:
        def deed(session: Any) -> None:
            case = self.life.case(session)
            places = sorted(writable(session, case))
            if not places:
                raise NotVisibleError
            slice_, subject = places[number % len(places)]
            post_entry(
                session,
                case,
                entry_id=uuid.uuid4(),
                slice_=slice_,
                subject_id=subject,
                text="きょうは来た。",
            )

        self.life.do("post", who, deed)

    @rule(who=st.sampled_from((*STAFF, "director")), number=st.integers(0, 40))
    def retract(self, who: str, number: int) -> None:
        row = m.Entry.__table__.c
        own = row.author_agency_id == self.town.acting[who]
        found = self._one_of(row.id, number, own, row.retracted_at.is_(None))
        if found is not None:
            self.life.do(
                "retract",
                who,
                lambda s: retract_entry(s, find_visible(s, m.Entry, found), reason="まちがい"),
            )


@pytest.fixture(scope="module")
def settled(clone: Callable[[], Database]) -> Iterator[Database]:
    database = clone()
    Lives.database, Lives.town, Lives.counts = database, settle_city(database), Counter()
    yield database
    database.drop()


def _live(lives: int, steps: int, machine: type[Lives], phases: Iterable[Phase]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=phases,
        ),
    )


def test_whatever_happens_the_walls_show_what_the_oracle_says(
    settled: Database, record_property: Callable[[str, object], None]
) -> None:
    _live(LIVES, STEPS, Lives, (Phase.generate, Phase.shrink))
    for name, count in sorted(Lives.counts.items()):
        record_property(name, count)
    assert Lives.counts["sights compared"] > LIVES * STEPS
    if LIVES * STEPS >= ENOUGH_STEPS:
        assert [deed for deed in DEEDS if not Lives.counts[deed]] == [], dict(Lives.counts)


# Everything that a life can hold.
DEEDS = (
    *("give by consent", "give by law", "withdraw", "expire", "time passes"),
    *("look in an emergency", "provide in an emergency", "confirm a provision"),
    *("end an emergency", "prolong an emergency", "review an emergency"),
    *("change school", "end authority", "leave the scheme", "return", "hand over"),
    "learn the birth date",
    *("conceal", "lift the concealment", "close", "re-open"),
    *("exclude", "end an exclusion", "never tell", "end a never-tell"),
    *("leave", "come back", "be confirmed", "join the team", "leave the team", "post", "retract"),
)


def _everything(life: Lives) -> Iterator[None]:
    """Let everything happen that can, in an order in which each deed is possible."""
    said = (["yes"] * 4, 6)
    to_police = ("police", "APPI69_2_3")
    yield life.begin("welfare")
    yield life.look_in_an_emergency("cgc_worker")
    yield life.post("nurse", 3)
    yield life.retract("nurse", 0)
    yield life.conceal("counsellor")
    yield life.provide_in_an_emergency("counsellor", "investigator", to_police, {"safety"})
    yield life.confirm_a_provision(0)
    yield life.prolong_an_emergency("director", 0)
    yield life.conceal("director")
    yield life.decide_on_an_emergency("director", 0, "end")
    yield life.expire(0, -TICK)
    yield life.expire(0, TICK)
    yield life.time_passes(24 * 7)
    yield life.decide_on_an_emergency("director", 0, "review")
    yield life.exclude("director", "nurse")
    yield life.end_exclusion("counsellor", 0)
    yield life.never_tell("director", ("agency_id", "school"))
    yield life.end_never_tell("director", 0)
    yield life.hand_over("nurse")
    yield life.join_the_team("nurse")
    yield life.leave_the_team("teacher")
    yield life.leave("counsellor")
    yield life.time_passes(1)
    yield life.come_back("counsellor")
    yield life.withdraw("director", 0, "child")
    yield life.leave_the_scheme("cgc")
    yield life.return_to_the_scheme(0)
    yield life.give("director", "school", "child", said, "the team")
    yield life.give("director", "welfare", "mother", said, "the team")
    yield life.learn_the_birth_date("counsellor", 20)
    yield life.change_school("director", "school")
    yield life.end_authority("director")
    yield life.close("director")
    yield life.reopen("director")


def test_a_life_in_which_everything_happens(settled: Database) -> None:
    """So that no kind of step is only ever refused; the walls are asked after each of them."""
    life = Lives()
    try:
        for _step in _everything(life):
            life.the_walls_show_what_the_oracle_says()
            life.no_emergency_stands_alone()
        happened = life.life.done
        assert [deed for deed in DEEDS if not happened[deed]] == [], dict(happened)
    finally:
        life.teardown()
        Lives.counts.clear()


def test_a_share_that_outlasts_the_eighteenth_birthday_is_found(
    settled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control arm: a date of birth that is written down and shortens nothing."""
    monkeypatch.setattr(birth_dates, "_end_in", lambda *_: 0)
    life = Lives()
    try:
        life.give("director", "welfare", "mother", (["yes"] * 4, 6), "the team")
        life.learn_the_birth_date("counsellor", 20)
        life.the_walls_show_what_the_oracle_says()
        with pytest.raises(AssertionError, match="go on beyond"):
            life.no_guardians_share_outlasts_the_eighteenth_birthday()
    finally:
        life.teardown()
        Lives.counts.clear()


SPOILT = ("an ended grant goes on", "an exclusion excludes nobody")


@pytest.mark.parametrize(
    "bug", [bug for bug in BUGS if bug.name in SPOILT], ids=lambda bug: bug.name
)
def test_in_spoilt_walls_a_life_finds_the_fault(settled: Database, bug: Bug) -> None:
    """The control arm: the bug stands in the policies for as long as a life lasts."""
    rules = plant(bug)

    class Spoilt(Lives):
        planted: ClassVar[tuple[str, ...]] = rules.terms + rules.policies

    with pytest.raises(AssertionError, match=r"row-level security alone.* (shows|hides) "):
        _live(200, STEPS, Spoilt, [Phase.generate])
