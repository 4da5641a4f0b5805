"""Acting as somebody of the demo city: a session that looks as that person, through both walls."""

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import settle
from portal.config import Config
from portal.database import PortalSession, look_as, system_session
from portal.demo.matters import Clock
from portal.demo.register import demo_id
from portal.policy.permissions import Standing
from portal.policy.viewer import Viewer
from portal.services import actions
from portal.vault import equip
from portal.working_hours import jst

# Which columns say when something was done; all of a step's rows are dated back together.
_TIMES = {
    m.Action: "asked_at",
    m.ActionEvent: "happened_at",
    m.ChildMeeting: "recorded_at",
    m.Closure: "closed_at",
    m.NecessityRecord: "recorded_at",
    m.ProgressCheck: "checked_at",
    m.ThreadMessage: "written_at",
    m.UrgencyDecision: "decided_at",
    m.Violation: "judged_at",
}


def demo_uuid(key: str) -> uuid.UUID:
    """Return an id of the demo city as such."""
    return uuid.UUID(demo_id(key))


class Acting:
    """Gives sessions in the names of the city's people."""

    def __init__(self, app: Engine, system: Engine, config: Config) -> None:
        """Take an engine of the web application, one of the system role, and the demo's config."""
        self.app, self.system, self.config = app, system, config
        self._sights: dict[str, tuple[Viewer, Standing]] = {}
        with system_session(system, reason="demo city") as session:
            self.now: dt.datetime = session.scalars(select(func.portal_clock())).one()

    @property
    def today(self) -> dt.date:
        """Return the day in JST on which the city is loaded."""
        return jst(self.now).date()

    @contextmanager
    def acting(self, person: str | None) -> Iterator[Session]:
        """Give a session that looks as somebody of the city, or as a stranger."""
        with PortalSession(self.app) as session:
            equip(session, self.config.keys)
            if person is not None:
                look_as(session, *self._sight(person))
            yield session
            settle(session)
            session.commit()

    def case(self, session: Session, child: str) -> m.Case:
        """Return the case of a child of the city, as the session sees it."""
        return session.scalars(select(m.Case).where(m.Case.id == demo_uuid(f"case {child}"))).one()

    def date_back(self, model: type[m.Base], key: str, days: float) -> None:
        """Let the row of a key have been written so many days ago, in office hours."""
        column = _TIMES[model]
        with system_session(self.system, reason="demo city") as session:
            session.execute(
                update(model)
                .where(model.id == demo_uuid(key))  # type: ignore[attr-defined]
                .values({column: Clock(self.now).back(days)})
            )

    def ask(  # noqa: PLR0917 - the words of the step, in the order in which they are said
        self, who: str, child: str, agency: str, kind: str, days: float, due: int, request: str
    ) -> str:
        """Ask an agency of something, so many days ago and due in so many; return the key of it."""
        key = f"action {child} {agency} {kind}"
        with self.acting(who) as session:
            actions.ask_action(
                session,
                self.case(session, child),
                action_id=demo_uuid(key),
                agency_id=demo_uuid(agency),
                kind=kind,
                due_on=self.today + dt.timedelta(days=due),
                request=request,
            )
        self.date_back(m.Action, key, days)
        return key

    def accept(self, who: str, key: str, days: float) -> None:
        """Take on what was asked, so many days ago."""
        with self.acting(who) as session:
            action = self.action(session, key)
            actions.accept_action(session, action, step_id=demo_uuid(f"accepted {key}"))
        self.date_back(m.ActionEvent, f"accepted {key}", days)

    def action(self, session: Session, key: str) -> m.Action:
        """Return an action of the city by its key, as the session sees it."""
        return session.scalars(select(m.Action).where(m.Action.id == demo_uuid(key))).one()

    def tie(self, thread_id: uuid.UUID, person: str, child: str, *, kind: str) -> None:
        """Make a thread that of somebody of a case, as a register of an older system would say."""
        with system_session(self.system, reason="demo city") as session:
            session.execute(
                update(m.Thread)
                .where(m.Thread.id == thread_id)
                .values(
                    kind=kind,
                    case_id=demo_uuid(f"case {child}"),
                    owner_agency_id=demo_uuid("centre"),
                    person_id=demo_uuid(f"person {person}"),
                )
            )
            session.execute(
                update(m.Consultation)
                .where(m.Consultation.thread_id == thread_id)
                .values(consulter="CHILD" if kind == "child" else "FAMILY")
            )
            session.execute(
                update(m.InboxItem)
                .where(m.InboxItem.thread_id == thread_id)
                .values(case_id=demo_uuid(f"case {child}"), status="accepted", unread_since=None)
            )

    def _sight(self, person: str) -> tuple[Viewer, Standing]:
        if person not in self._sights:
            self._sights[person] = self._looked_up(demo_uuid(person))
        return self._sights[person]

    def _looked_up(self, account_id: uuid.UUID) -> tuple[Viewer, Standing]:
        with system_session(self.system, reason="demo city") as session:
            membership = session.scalars(
                select(m.Membership).where(m.Membership.account_id == account_id)
            ).one()
            agency = session.get_one(m.Agency, membership.agency_id)
            teams = session.scalars(
                select(m.TeamMember.team_id).where(m.TeamMember.account_id == account_id)
            ).all()
            viewer = Viewer(account_id, agency.id, circles=(agency.id, account_id, *teams))
            return viewer, Standing(membership.role, membership.manager, agency.type, agency.id)
