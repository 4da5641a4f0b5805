"""The background worker: what has to happen although nobody asks for it at that moment.

Jobs lie in the same PostgreSQL, in the schema ``jobs``, which only the system role enters. Some are
found by the clock, others are written in the transaction that causes them and name what they are
about by ids alone. Each does its work in one transaction, so a worker that is killed
leaves nothing half done, and each may run again at any time.
"""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import procrastinate
from sqlalchemy import Engine, func, select

from portal.config import Config
from portal.database import SystemSession, make_engine, system_session
from portal.mail import mail_by
from portal.services.birth_dates import end_at_18
from portal.services.desk import lift_overdue
from portal.services.ends import note_ends
from portal.services.memberships import set_first_dates
from portal.services.notices import send
from portal.services.notifications import tell_all_by_mail, tell_by_mail
from portal.services.saved import forget_old
from portal.vault import equip

log = logging.getLogger(__name__)

# A stopping worker lets its job end for so long; what is cut off is rolled back and comes again.
GRACE_SECONDS = 5
# A worker that has not been heard of for so long is dead, and its jobs are given to another.
SILENT_SECONDS = 30
# Failed jobs are kept for so long for whoever looks into them; the others go when they are done.
KEPT_HOURS = 14 * 24


# A mail server that is away for an afternoon loses no letter, and a lock that is held too long
# leaves no share open: the last try is after three hours.
_UNTIL_DONE = procrastinate.RetryStrategy(max_attempts=9, exponential_wait=3)


@dataclass(frozen=True)
class Duty:
    """Something the worker does again and again, at the minutes that `cron` names (UTC)."""

    name: str
    cron: str
    work: Callable[[SystemSession], object]


def sweep_case_access(session: SystemSession) -> None:
    """Put the next stretch of time into the case lists where one has ended (performance.md)."""
    session.execute(select(func.sweep_case_access()))


def ring_on(session: SystemSession) -> None:
    """Ring the next of the duty list where nobody confirmed an alarm (domain.md §2)."""
    session.execute(select(func.ring_on()))


def tell_of_deadlines(session: SystemSession) -> None:
    """Tell of what is due, and of what is overdue its director too."""
    session.execute(select(func.tell_of_deadlines()))


DUTIES = (
    Duty("ring_on", "* * * * *", ring_on),
    Duty("tell_all_by_mail", "* * * * *", tell_all_by_mail),
    Duty("tell_of_deadlines", "*/10 * * * *", tell_of_deadlines),
    Duty("sweep_case_access", "* * * * *", sweep_case_access),
    Duty("set_first_dates", "30 18 * * *", set_first_dates),
    Duty("note_ends", "* * * * *", note_ends),
    Duty("forget_old_typing", "17 * * * *", forget_old),
    Duty("lift_overdue_reports", "*/5 * * * *", lift_overdue),
)


def run(config: Config) -> None:
    """Work until a signal asks for the end, then finish the job at hand and return.

    Takes the configuration of an installation whose database is ready.
    """
    engine = make_engine(config.urls.system)
    try:
        queue(engine, config).run_worker(
            concurrency=1,
            delete_jobs="successful",
            shutdown_graceful_timeout=GRACE_SECONDS,
            stalled_worker_timeout=SILENT_SECONDS,
        )
    finally:
        engine.dispose()


def queue(engine: Engine, config: Config) -> procrastinate.App:
    """Return the queue with everything that is to be done, on the database of an engine.

    Takes an engine connected as portal_system, and the configuration for keys and mail.
    """
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=address, kwargs={"options": "-c search_path=jobs"}, min_size=1, max_size=4
        )
    )
    for duty in DUTIES:
        _assign(app, engine, duty)
    app.task(name="send_notice", retry=_UNTIL_DONE)(_sender(engine, config))
    app.task(name="tell_by_mail")(_teller(engine))
    app.task(name="end_at_18", retry=_UNTIL_DONE)(_ender(engine, config))
    app.periodic(cron="* * * * *")(app.task(name="recover", pass_context=True)(_recover))
    return app


def _assign(app: procrastinate.App, engine: Engine, duty: Duty) -> None:
    def work(timestamp: int) -> None:
        with system_session(engine, reason=f"worker: {duty.name}, {timestamp}") as session:
            duty.work(session)

    app.periodic(cron=duty.cron)(app.task(name=duty.name)(work))


def _sender(engine: Engine, config: Config) -> Callable[[str], None]:
    def send_notice(notice: str) -> None:
        with system_session(engine, reason=f"worker: send_notice, {notice}") as session:
            equip(session, config.keys)
            send(session, uuid.UUID(notice), mail_by(config))

    return send_notice


def _teller(engine: Engine) -> Callable[[list[str]], None]:
    # What is not told here, for its hour has not come, the duty of each minute tells.
    def tell(accounts: list[str]) -> None:
        with system_session(engine, reason="worker: tell_by_mail") as session:
            for account in accounts:
                tell_by_mail(session, uuid.UUID(account))

    return tell


def _ender(engine: Engine, config: Config) -> Callable[[str], None]:
    def end(child: str) -> None:
        with system_session(engine, reason="worker: end_at_18") as session:
            equip(session, config.keys)
            end_at_18(session, uuid.UUID(child))

    return end


async def _recover(context: procrastinate.JobContext, timestamp: int) -> None:
    """Give the jobs of dead workers back to the queue, and throw very old ones away."""
    log.debug("recovering jobs", extra={"tick": timestamp})
    jobs = context.app.job_manager
    for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=SILENT_SECONDS):
        await jobs.retry_job(job)
    await jobs.delete_old_jobs(nb_hours=KEPT_HOURS, include_failed=True)
