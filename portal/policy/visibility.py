"""Who sees which row: one function for each governed table (domain.md §4, "The rule, exactly").

The ORM applies these functions to every query of a viewer, and ``portal.policy.rls`` renders the
same functions as row-level security, which is the real wall. They are therefore module-level
functions of the entity without closures and without branches in Python.

A rule that asks another governed table says in full which of its rows count, for the criteria
stand alone. What the policy of that table says anyway is marked with ``through`` and left out of
the policies: there the rows are read through it. The tables form a DAG (denials ← grants ← cases,
entries, …).
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.selectable import FromClause

from portal import models as m
from portal.policy.viewer import (
    ACCOUNT,
    ACTING,
    ADMINISTERING,
    ADVISING,
    AGENCY,
    AUDITING,
    CASES_NOT_TO_TELL_ME,
    CASES_NOT_TO_TELL_US,
    CHILD_CASE,
    CIRCLES,
    CLOCK,
    DESK,
    DIRECTING,
    EXCLUDED_CASES,
    EXCLUDED_THREADS,
    GLIMPSE,
    GUARDIAN_CASE,
    GUARDIAN_CONSENTS,
    GUARDIAN_PERSON,
    IN_DEFAULT_TEAM,
    INTAKE,
    MANAGING,
    NAMING,
    NEWEST_REPLY,
    NO_AGENCY,
    OWNING,
    PERSON,
    POSTING,
    READING,
    READING_DETAIL,
    TERMS,
    VISITOR,
    WORKED_CASES,
    Term,
    among,
    not_among,
    present,
    reads_for,
)
from portal.vocabulary import OVERRIDING_BASES, UNSHAREABLE_SLICES

# What says where a child lives and learns: shut in a concealed case (秘匿).
PLACE_SLICES = ("contact", "school")

Rule = Callable[[Any], ColumnElement[bool]]

# How ``through`` marks a part of a rule.
THROUGH = "through"


def _constants(codes: Iterable[str]) -> list[ColumnElement[Any]]:
    # As parameters SQLAlchemy would write the statement anew for each execution.
    return [literal_column(f"'{code}'") for code in codes]


def probe(statement: Select[Any]) -> ColumnElement[bool]:
    """Return whether the statement finds a row, as a subquery that is probed once a row.

    OFFSET 0 keeps the planner from hashing it or turning it into a join, so that it costs the same
    at every size (prototype.md §5).
    """
    return statement.offset(literal_column("0")).exists()


def through(rule: ColumnElement[bool]) -> ColumnElement[bool]:
    """Mark what every row of another table fulfils that the table's own policy shows.

    The criteria keep it, the policies do without (``portal.policy.rls.render``): written out there
    it would be asked twice of each row (prototype.md §3).
    """
    # Part by part: a conjunction becomes one with the conjunction around it.
    parts = rule.clauses if getattr(rule, "operator", None) is operators.and_ else [rule]
    whole = [part.self_group(against=operators.and_) for part in parts]
    # SQLAlchemy has no public name for it.
    return and_(*(part._annotate({THROUGH: True}) for part in whole))  # noqa: SLF001


def acts_as(agency_id: Any, term: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether an agency is the viewer's and the viewer has there what a term asks.

    A term gives the viewer's own agency or NULL. Compared with that first, a row of another
    agency has no term asked, and no NULL has the rest of a rule asked for nothing.
    """
    return and_(agency_id == AGENCY, agency_id == term)


def not_excluded(case_id: Any) -> ColumnElement[bool]:
    """Rule 2: an exclusion of the account is absolute, whatever else would open the case."""
    return not_among(case_id, EXCLUDED_CASES)


def may_be_told(case_id: Any) -> ColumnElement[bool]:
    """Rule 5 (e): no never-tell names the viewer or the person the viewer is."""
    return not_among(case_id, CASES_NOT_TO_TELL_ME)


def _overrides(grant: Any) -> ColumnElement[bool]:
    """Return whether a grant rests on a duty, which overrides a never-tell."""
    duty: ColumnElement[bool] = grant.basis.in_(_constants(sorted(OVERRIDING_BASES)))
    return duty


def basis_holds(grant: Any) -> ColumnElement[bool]:
    """Rule 5 (d): no never-tell names the agency, unless the basis overrides it."""
    return or_(
        _overrides(grant),
        not_among(grant.case_id, CASES_NOT_TO_TELL_US),
    )


def live_grant(g: Any) -> ColumnElement[bool]:
    """Return whether a grant is live: from ≤ now, and now before its planned and its early end."""
    return and_(
        g.valid_from <= CLOCK,
        or_(g.valid_until.is_(None), CLOCK < g.valid_until),
        or_(g.ended_at.is_(None), CLOCK < g.ended_at),
    )


def _holds(g: Any) -> ColumnElement[bool]:
    """Return whether a grant is live on an opened case and no never-tell stands against it."""
    return and_(live_grant(g), g.case_opened_at <= CLOCK, basis_holds(g), may_be_told(g.case_id))


def _for_reader(g: Any) -> ColumnElement[bool]:
    """Rules 5 (a) and (c): the viewer is one of the grant's readers."""
    return and_(g.agency_id == READING, reads_for(g))


def admits(g: Any) -> ColumnElement[bool]:
    """Rules 5 (a), (c), (d), (e) and 8: the grant is live and the viewer is one of its readers."""
    return and_(_for_reader(g), _holds(g))


def admitting(g: Any) -> ColumnElement[bool]:
    """Return ``admits`` for a rule about another table than the grants.

    Of the grants that their policy shows to somebody who acts for an agency, only the owner's may
    have ended, and these open to the owner nothing that rule 4 does not.
    """
    return and_(_for_reader(g), through(_holds(g)))


def _names(grant: Any, slice_: Any, subject_id: Any) -> ColumnElement[bool]:
    """Rule 5: the grant names the slice and the subject; ``*`` never opens with a consent."""
    return and_(
        slice_ == func.any(grant.slices),
        or_(
            grant.subject_id == subject_id,
            and_(grant.subject_id.is_(None), grant.basis != "CONSENT"),
        ),
    )


def _not_concealed(slice_: Any, grant: Any) -> ColumnElement[bool]:
    """秘匿: where a child is, is told by a duty of the law alone (domain.md §4)."""
    return or_(
        ~grant.case_concealed,
        slice_.not_in(_constants(PLACE_SLICES)),
        _overrides(grant),
    )


def opening_grants(row: Any, slice_: Any, subject_id: Any, grant: FromClause) -> Select[Any]:
    """Return the grants that open a row of this slice and subject to the viewer (rule 5).

    Args:
        row: what belongs to a case, with ``case_id``.
        slice_, subject_id: columns or literals.
        grant: the alias of ``grants`` to select from; its id is what is selected.

    """
    g = grant.c
    return select(g.id).where(
        g.case_id == row.case_id,
        admitting(g),
        _names(g, slice_, subject_id),
        slice_.not_in(_constants(UNSHAREABLE_SLICES)),
        or_(slice_ != "detail", g.agency_id == READING_DETAIL),
        _not_concealed(slice_, g),
    )


def open_to_author(entry: Any) -> ColumnElement[bool]:
    """Return whether a live grant opens an entry to its author's agency, whoever there reads it.

    Never-tell needs no look here: it ends what it blocks at once.
    """
    grant, agency = m.Grant.__table__.alias("grant_to_author"), m.Agency.__table__
    return probe(
        select(grant.c.id)
        .join(agency, agency.c.id == grant.c.agency_id)
        .where(
            grant.c.case_id == entry.case_id,
            grant.c.agency_id == entry.author_agency_id,
            live_grant(grant.c),
            _names(grant.c, entry.slice, entry.subject_id),
            entry.slice.not_in(_constants(UNSHAREABLE_SLICES)),
            or_(entry.slice != "detail", agency.c.type != literal_column("'cafeteria'")),
            _not_concealed(entry.slice, grant.c),
        )
    )


def of_owner(row: Any) -> ColumnElement[bool]:
    """Rule 4 without a slice: the owner's director, counsellors and investigators."""
    return and_(acts_as(row.owner_agency_id, OWNING), not_excluded(row.case_id))


def _of_workers(owner_id: Any, case_id: Any) -> ColumnElement[bool]:
    """Who reported is for the owner's director and the case's workers (domain.md §4).

    Asked where rule 4 opens the rest.
    """
    return or_(owner_id == DIRECTING, among(case_id, WORKED_CASES))


def by_owner(e: Any) -> ColumnElement[bool]:
    """Rule 4 for an entry: all of it, ``reporter`` only for the director and the workers."""
    return and_(
        acts_as(e.owner_agency_id, OWNING),
        or_(e.slice != "reporter", _of_workers(e.owner_agency_id, e.case_id)),
    )


def by_grant(e: Any) -> ColumnElement[bool]:
    """Rule 5 for an entry."""
    grant = m.Grant.__table__.alias("grant_of_entry")
    return probe(opening_grants(e, e.slice, e.subject_id, grant))


def authored(e: Any) -> ColumnElement[bool]:
    """Rule 6: the viewer's agency wrote it, the viewer or the viewer's default team."""
    return and_(
        acts_as(e.author_agency_id, POSTING),
        or_(e.author_account_id == ACCOUNT, IN_DEFAULT_TEAM),
        may_be_told(e.case_id),
    )


def by_own_post(e: Any) -> ColumnElement[bool]:
    """Rule 6 where the viewer's agency does not own the case (there only rule 4 shows)."""
    return and_(authored(e), e.owner_agency_id != e.author_agency_id)


def opened(row: Any) -> ColumnElement[bool]:
    """Rule 3 for the case: opened after the instant, nobody sees anything of it."""
    since: ColumnElement[bool] = row.case_opened_at <= CLOCK
    return since


def existing(e: Any) -> ColumnElement[bool]:
    """Rules 2 and 3: written, not retracted, of an opened case the viewer is not excluded from."""
    return and_(
        e.written_at <= CLOCK,
        opened(e),
        or_(e.retracted_at.is_(None), CLOCK < e.retracted_at),
        not_excluded(e.case_id),
    )


def entries(e: Any) -> ColumnElement[bool]:
    """Entries, by rules 4, 5 and 6."""
    return and_(existing(e), or_(by_owner(e), by_grant(e), by_own_post(e)))


def _for_manager(g: Any) -> ColumnElement[bool]:
    return acts_as(g.agency_id, MANAGING)


def managed(g: Any) -> ColumnElement[bool]:
    """Rule 7: the agency's manager sees each live grant to it, not what the grant opens."""
    return and_(_for_manager(g), _holds(g))


def managed_grants(g: Any) -> ColumnElement[bool]:
    """Rule 7 with rule 2: the grants whose case reference a manager sees."""
    return and_(managed(g), not_excluded(g.case_id))


def grants(g: Any) -> ColumnElement[bool]:
    """Grants: the owner, managers and readers of the agency, and whose data it is, by code."""
    return and_(
        or_(
            and_(
                not_excluded(g.case_id),
                # ``managed`` and ``admits``, and what they have in common asked once.
                or_(
                    and_(or_(_for_reader(g), _for_manager(g)), _holds(g)),
                    acts_as(g.owner_agency_id, OWNING),
                ),
            ),
            # Who comes by code acts for no agency.
            and_(NO_AGENCY, _open_by_code(g)),
        ),
        g.case_opened_at <= CLOCK,
    )


def _of_visitor(row: Any, person_id: Any) -> ColumnElement[bool]:
    """Return whether a code opens this row of a record of sharing.

    A guardian never sees lawful sharing, only what rests on a consent about the guardian.
    """
    return or_(
        row.case_id == CHILD_CASE,
        and_(
            row.case_id == GUARDIAN_CASE,
            person_id == GUARDIAN_PERSON,
            row.basis == "CONSENT" if hasattr(row, "basis") else true(),
        ),
    )


def by_guardians_consent(g: Any) -> ColumnElement[bool]:
    """Return whether a guardian, come by code, consented to this share of the child's data."""
    return and_(
        g.case_id == GUARDIAN_CASE,
        g.basis == "CONSENT",
        g.guardian_consent_ids.bool_op("&&")(GUARDIAN_CONSENTS),
    )


_ASKED = SimpleNamespace(
    case_id=literal_column("p_case"),
    subject_id=literal_column("p_subject"),
    basis=literal_column("p_basis"),
    guardian_consent_ids=literal_column("p_consents"),
)
TERMS.append(
    Term(
        "opens_by_code",
        "boolean",
        select(or_(_of_visitor(_ASKED, _ASKED.subject_id), by_guardians_consent(_ASKED))),
        "p_case uuid, p_subject uuid, p_basis text, p_consents uuid[]",
    )
)


def _open_by_code(g: Any) -> ColumnElement[bool]:
    """Return whether a code opens this grant to who came by it.

    A function, for what a visitor is asked would be set up at every statement of everybody else:
    the policies of half the tables ask the grants.
    """
    return func.viewer_opens_by_code(
        g.case_id, g.subject_id, g.basis, g.guardian_consent_ids, type_=Boolean()
    )


def _opened(case: FromClause, case_id: Any) -> Select[Any]:
    """Return the viewer's own case with this id, once it is opened (rules 3 and 4)."""
    return select(case.c.id).where(
        case.c.id == case_id,
        acts_as(case.c.owner_agency_id, OWNING),
        through(case.c.opened_at <= CLOCK),
    )


def cases(c: Any) -> ColumnElement[bool]:
    """Cases, by rules 4 and 8."""
    grant = m.Grant.__table__.alias("grant_on_case")
    return and_(
        c.opened_at <= CLOCK,
        not_excluded(c.id),
        or_(
            acts_as(c.owner_agency_id, OWNING),
            probe(select(grant.c.id).where(grant.c.case_id == c.id, admitting(grant.c))),
        ),
    )


def case_people(p: Any) -> ColumnElement[bool]:
    """Who a case is about: as an entry of the slice ``basic`` with that person as subject."""
    grant = m.Grant.__table__.alias("grant_of_person")
    basic: ColumnElement[str] = literal_column("'basic'")
    return and_(
        opened(p),
        not_excluded(p.case_id),
        or_(
            acts_as(p.owner_agency_id, OWNING),
            probe(opening_grants(p, basic, p.person_id, grant)),
        ),
    )


def _named(person_id: Any) -> ColumnElement[bool]:
    """Return whether some case shows this person."""
    link = m.CasePerson.__table__.alias("person_in_case")
    return probe(
        select(link.c.id).where(link.c.person_id == person_id, through(case_people(link.c)))
    )


def persons(p: Any) -> ColumnElement[bool]:
    """Names of people: where some case opens them."""
    return _named(p.id)


def households(h: Any) -> ColumnElement[bool]:
    """Households: the owner alone; a link opens no sibling's slices."""
    owned: ColumnElement[bool] = h.owner_agency_id == OWNING
    return owned


def case_workers(w: Any) -> ColumnElement[bool]:
    """Who works on a case: its owner, and each worker the own row."""
    return or_(w.account_id == ACCOUNT, of_owner(w))


def denials(d: Any) -> ColumnElement[bool]:
    """Denials: exactly those they deny, or they would deny nothing (prototype.md §6, trap 7)."""
    return or_(d.account_id == ACCOUNT, d.agency_id == AGENCY, d.person_id == PERSON)


def case_access(a: Any) -> ColumnElement[bool]:
    """Rows of the projection: the viewer's circles, in date, not denied."""
    owned = a.circle_id == a.agency_id
    return and_(
        a.circle_id == func.any(CIRCLES),
        a.valid_from <= CLOCK,
        CLOCK < a.valid_until,
        not_excluded(a.case_id),
        # Not as two arms of an OR: for those the planner looks through the whole primary key and
        # sorts, where the index of the list has the newest fifty in order (prototype.md §1).
        a.agency_id == case((owned, OWNING), else_=READING),
        or_(owned, may_be_told(a.case_id)),
    )


def checked_by_owner(a: Any) -> ColumnElement[bool]:
    """Rows of the projection that say when an open case is looked at next: the owner's."""
    return and_(
        a.agency_id == OWNING,
        a.circle_id == a.agency_id,
        a.valid_from <= CLOCK,
        not_excluded(a.case_id),
    )


def retractions(r: Any) -> ColumnElement[bool]:
    """Why a post was retracted: the owner, and who retracted it, where its slice's key opens."""
    key = m.SliceKey.__table__.alias("key_of_retraction")
    return and_(
        or_(
            of_owner(r),
            and_(r.account_id == ACCOUNT, r.agency_id == POSTING, not_excluded(r.case_id)),
        ),
        _opens(key, and_(key.c.scope_id == r.case_id, key.c.slice == r.slice), slice_keys),
    )


def actions(a: Any) -> ColumnElement[bool]:
    """Actions: the owner, and the assigned agency's readers while any grant on the case is live."""
    grant = m.Grant.__table__.alias("grant_on_action")
    return and_(
        not_excluded(a.case_id),
        or_(
            acts_as(a.owner_agency_id, OWNING),
            and_(
                acts_as(a.agency_id, READING),
                probe(select(grant.c.id).where(grant.c.case_id == a.case_id, admitting(grant.c))),
            ),
        ),
    )


def action_events(e: Any) -> ColumnElement[bool]:
    """Steps of an action: whoever sees the action; the result stays its agency's own record."""
    action = m.Action.__table__.alias("action_of_event")
    return and_(
        not_excluded(e.case_id),
        or_(
            acts_as(e.owner_agency_id, OWNING),
            and_(
                acts_as(e.agency_id, POSTING),
                or_(e.account_id == ACCOUNT, IN_DEFAULT_TEAM),
                may_be_told(e.case_id),
            ),
            probe(
                select(action.c.id).where(action.c.id == e.action_id, through(actions(action.c)))
            ),
        ),
    )


def consents(c: Any) -> ColumnElement[bool]:
    """Consents: the owner, and by code whoever gave them; the child all of its own case."""
    return or_(of_owner(c), _of_visitor(c, c.giver_person_id))


def _of_consent(row: Any) -> ColumnElement[bool]:
    consent = m.Consent.__table__.alias("consent_of_row")
    return probe(
        select(consent.c.id).where(consent.c.id == row.consent_id, through(consents(consent.c)))
    )


def consent_items(row: Any) -> ColumnElement[bool]:
    """Items of a consent: whoever sees the consent."""
    return _of_consent(row)


def consent_events(row: Any) -> ColumnElement[bool]:
    """Events of a consent: whoever sees the consent."""
    return _of_consent(row)


def emergencies(e: Any) -> ColumnElement[bool]:
    """Emergencies: the owner of the case, also of a view that somebody else started."""
    return of_owner(e)


def tasks(row: Any) -> ColumnElement[bool]:
    """Tasks: the owner."""
    return of_owner(row)


def inbox_items(i: Any) -> ColumnElement[bool]:
    """What lies on a desk: its agency's people; sealed ones of a case only its workers."""
    return and_(
        i.agency_id == DESK,
        not_among(i.thread_id, EXCLUDED_THREADS),
        or_(
            i.case_id.is_(None),
            ~i.sealed,
            and_(acts_as(i.agency_id, OWNING), _of_workers(i.agency_id, i.case_id)),
        ),
    )


def _correspondent(t: Any) -> ColumnElement[bool]:
    """Return whether the viewer is who consults: by return code, now writing, or by own account."""
    return or_(
        t.id == VISITOR,
        t.id == INTAKE,
        and_(t.account_id == ACCOUNT, present(ACTING), not_among(t.id, EXCLUDED_THREADS)),
    )


def threads(t: Any) -> ColumnElement[bool]:
    """Threads: the visitor's own, a volunteer's own, a desk's, and the owner's of a case.

    Once a thread belongs to a case it is closed to the other desks that held it: its row would
    tell them that there is a case, and whose.
    """
    item = m.InboxItem.__table__.alias("item_of_thread")
    return or_(
        _correspondent(t),
        and_(
            not_among(t.id, EXCLUDED_THREADS),
            or_(
                and_(
                    t.owner_agency_id == OWNING,
                    or_(~t.sealed, _of_workers(t.owner_agency_id, t.case_id)),
                ),
                and_(
                    or_(t.owner_agency_id.is_(None), t.owner_agency_id == DESK),
                    probe(
                        select(item.c.id).where(
                            item.c.thread_id == t.id, through(inbox_items(item.c))
                        )
                    ),
                ),
            ),
        ),
    )


def thread_messages(row: Any) -> ColumnElement[bool]:
    """Messages: who consults and the centre that sees the thread, all of them.

    Another desk reads its own, and the visitor's until it handed the consultation over: who passes
    a matter on learns nothing of what becomes of it (domain.md §2). The code without the secret
    word shows the newest reply.
    """
    thread = m.Thread.__table__.alias("thread_of_message_row")
    item = m.InboxItem.__table__.alias("item_of_message_row")
    return or_(
        and_(row.thread_id == GLIMPSE, row.id == NEWEST_REPLY),
        probe(
            select(thread.c.id).where(
                thread.c.id == row.thread_id,
                or_(_correspondent(thread.c), and_(present(OWNING), through(threads(thread.c)))),
            )
        ),
        probe(
            select(item.c.id).where(
                item.c.thread_id == row.thread_id,
                through(inbox_items(item.c)),
                or_(
                    row.agency_id == item.c.agency_id,
                    and_(
                        row.agency_id.is_(None),
                        or_(item.c.status != "handed_over", row.written_at <= item.c.handled_at),
                    ),
                ),
            )
        ),
    )


def consultations(row: Any) -> ColumnElement[bool]:
    """Consultations: whoever sees the thread, and each desk that holds or held it."""
    thread = m.Thread.__table__.alias("thread_of_consultation")
    item = m.InboxItem.__table__.alias("item_of_consultation")
    return or_(
        probe(select(thread.c.id).where(thread.c.id == row.thread_id, through(threads(thread.c)))),
        probe(
            select(item.c.id).where(item.c.thread_id == row.thread_id, through(inbox_items(item.c)))
        ),
    )


def _shows(name: str, *found: tuple[type[m.Base], str, Rule]) -> Callable[[Any], Any]:
    """Return a term of the database that says whether the row with a key shows by its rule.

    A notification names one or two of several things. Written out, the policy would set up the
    rules of all of them at each page; as functions only those are asked that a row names.
    """
    asked: list[Any] = []
    for model, key, rule in found:
        table = model.__table__.alias(f"shown_{model.__tablename__}")
        wanted = table.c[key] == literal_column("p_key")
        asked.append(select(literal_column("1")).select_from(table).where(wanted, rule(table.c)))
    query = select(or_(*(statement.exists() for statement in asked)))
    TERMS.append(Term(f"shows_{name}", "boolean", query, "p_key uuid"))
    function: Callable[..., Any] = getattr(func, f"viewer_shows_{name}")
    return lambda key: or_(key.is_(None), function(key, type_=Boolean()))


_shows_case = _shows("case", (m.Case, "id", cases))
_shows_action = _shows("action", (m.Action, "id", actions))
_shows_entry = _shows("entry", (m.Entry, "id", entries))
_shows_thread = _shows("thread", (m.InboxItem, "thread_id", inbox_items), (m.Thread, "id", threads))


def notifications(n: Any) -> ColumnElement[bool]:
    """Notifications: the account's own, acting for that agency, while all they name is visible."""
    return and_(
        n.account_id == ACCOUNT,
        n.agency_id == ACTING,
        _shows_case(n.case_id),
        _shows_action(n.action_id),
        _shows_entry(n.entry_id),
        _shows_thread(n.thread_id),
    )


def case_looks(row: Any) -> ColumnElement[bool]:
    """When one looked at a case: the account itself, acting for that agency."""
    return and_(row.account_id == ACCOUNT, row.agency_id == ACTING)


def duty_places(row: Any) -> ColumnElement[bool]:
    """The duty list: the centre's people."""
    own: ColumnElement[bool] = row.agency_id == OWNING
    return own


def covers(row: Any) -> ColumnElement[bool]:
    """Who stands in for whom: colleagues; the centre and the audit officer, who read the log."""
    return or_(row.agency_id == ACTING, present(OWNING, AUDITING))


def alarms(a: Any) -> ColumnElement[bool]:
    """Alarms: the centre's people, but for who is excluded from what rings."""
    return and_(
        a.agency_id == OWNING,
        or_(a.case_id.is_(None), not_excluded(a.case_id)),
        or_(a.thread_id.is_(None), not_among(a.thread_id, EXCLUDED_THREADS)),
    )


def proposed_of_staff(row: Any) -> ColumnElement[bool]:
    """Proposed roles, resets of factors: administrators, the agency's managers, who names them."""
    return or_(present(ADMINISTERING, NAMING), row.agency_id == MANAGING)


def agency_settings(row: Any) -> ColumnElement[bool]:
    """Doors, and how long sign-ins hold: administrators, and the agency's managers to read."""
    return or_(present(ADMINISTERING), row.agency_id == MANAGING)


def account_profiles(p: Any) -> ColumnElement[bool]:
    """Names of staff: inside the own agency and at the centre (domain.md §1).

    A manager also learns the name of somebody who is proposed for the agency and undecided.
    Whoever acts for an agency is of its people too; whoever is about to prove a second factor acts
    for none yet and sees the own name alone.
    """
    member = m.Membership.__table__.alias("colleague")
    proposal = m.MembershipProposal.__table__.alias("proposed_colleague")
    return or_(
        and_(p.account_id == ACCOUNT, AGENCY.is_(None)),
        present(OWNING, ADMINISTERING, AUDITING),
        probe(
            select(member.c.id).where(
                member.c.account_id == p.account_id, member.c.agency_id == ACTING
            )
        ),
        probe(
            select(proposal.c.id).where(
                proposal.c.account_id == p.account_id,
                proposal.c.agency_id == MANAGING,
                proposal.c.decision.is_(None),
            )
        ),
    )


def of_own_account(row: Any) -> ColumnElement[bool]:
    """What somebody proves the own account by, and pledges: the account itself, nobody else."""
    own: ColumnElement[bool] = row.account_id == ACCOUNT
    return own


def administered(_row: Any) -> ColumnElement[bool]:
    """Sign-ons of organisations, and machines: the administrator."""
    return present(ADMINISTERING)


def issuer_links(row: Any) -> ColumnElement[bool]:
    """Whom a sign-on knows as which account: the own, the administrator, managers of the person."""
    member = m.Membership.__table__.alias("linked_member")
    return or_(
        and_(row.account_id == ACCOUNT, present(ACTING)),
        present(ADMINISTERING),
        probe(
            select(member.c.id).where(
                member.c.account_id == row.account_id, member.c.agency_id == MANAGING
            )
        ),
    )


def _invited(meeting_id: Any) -> ColumnElement[bool]:
    expert = m.MeetingExpert.__table__.alias("invitation")
    return probe(
        select(expert.c.id).where(
            expert.c.meeting_id == meeting_id,
            expert.c.account_id == ACCOUNT,
            expert.c.agency_id == ADVISING,
        )
    )


def meetings(row: Any) -> ColumnElement[bool]:
    """Meetings: the centre and the experts invited by name."""
    return or_(row.agency_id == OWNING, _invited(row.id))


def meeting_experts(row: Any) -> ColumnElement[bool]:
    """Invitations: the centre, and each expert the own."""
    return or_(row.centre_id == OWNING, and_(row.account_id == ACCOUNT, row.agency_id == ADVISING))


def matter_outcomes(o: Any) -> ColumnElement[bool]:
    """What became of a matter in a meeting: the centre, as far as it sees the matter itself."""
    item = m.InboxItem.__table__.alias("item_of_outcome")
    return and_(
        o.agency_id == OWNING,
        or_(
            and_(o.case_id.is_not(None), not_excluded(o.case_id)),
            probe(select(item.c.id).where(item.c.id == o.item_id, through(inbox_items(item.c)))),
        ),
    )


def _put_to_me(p: Any) -> ColumnElement[bool]:
    """Return whether a brief's parties are before the viewer as an expert, conflicts aside."""
    return and_(
        p.released_at <= CLOCK,
        CLOCK < p.valid_until,
        not_excluded(p.case_id),
        may_be_told(p.case_id),
        not_among(p.case_id, CASES_NOT_TO_TELL_US),
        _invited(p.meeting_id),
    )


def brief_parties(p: Any) -> ColumnElement[bool]:
    """Party names: the owner, and invited experts before they declare a conflict."""
    return or_(of_owner(p), _put_to_me(p))


def briefs(b: Any) -> ColumnElement[bool]:
    """Briefs: the owner, and invited experts who declared that they have no conflict."""
    parties = m.BriefParty.__table__.alias("parties_of_brief")
    declared = m.ConflictDeclaration.__table__.alias("declaration")
    return or_(
        of_owner(b),
        and_(
            probe(select(parties.c.id).where(parties.c.brief_id == b.id, _put_to_me(parties.c))),
            probe(
                select(declared.c.id).where(
                    declared.c.brief_id == b.id,
                    declared.c.account_id == ACCOUNT,
                    ~declared.c.conflict,
                )
            ),
        ),
    )


def conflict_declarations(d: Any) -> ColumnElement[bool]:
    """Declarations: the owner, and each expert the own."""
    return or_(of_owner(d), d.account_id == ACCOUNT)


def advices(a: Any) -> ColumnElement[bool]:
    """Advice: the centre only, and each expert the own."""
    return or_(
        of_owner(a),
        and_(a.account_id == ACCOUNT, a.agency_id == ADVISING, not_excluded(a.case_id)),
    )


def audit_events(a: Any) -> ColumnElement[bool]:
    """The log: the audit officer, the owner for its cases, managers for their own staff.

    Of its staff's work on a case a manager sees what it sees of the grants to its agency: nothing
    once none of them is live, or where the case is hidden from the manager. Changes of an agency's
    people and settings are its managers' to read, whoever made them.
    """
    case = m.Case.__table__.alias("case_of_event")
    grant = m.Grant.__table__.alias("managed_grant_of_event")
    return or_(
        present(AUDITING),
        and_(
            a.case_id.is_not(None),
            not_excluded(a.case_id),
            probe(
                select(case.c.id).where(case.c.id == a.case_id, case.c.owner_agency_id == OWNING)
            ),
        ),
        and_(
            a.agency_id == MANAGING,
            or_(
                a.case_id.is_(None),
                probe(
                    select(grant.c.id).where(grant.c.case_id == a.case_id, managed_grants(grant.c))
                ),
            ),
        ),
        a.about_agency_id == MANAGING,
        a.case_id == CHILD_CASE,
    )


def slice_keys(k: Any) -> ColumnElement[bool]:
    """Keys of slices: where something in the slice could be seen, or an own post is in it."""
    case = m.Case.__table__.alias("case_of_key")
    grant = m.Grant.__table__.alias("grant_of_key")
    entry = m.Entry.__table__.alias("entry_of_key")
    return and_(
        not_excluded(k.scope_id),
        or_(
            probe(
                _opened(case, k.scope_id).where(
                    or_(
                        k.slice != "reporter",
                        _of_workers(case.c.owner_agency_id, case.c.id),
                    )
                )
            ),
            probe(
                select(grant.c.id).where(
                    grant.c.case_id == k.scope_id,
                    admitting(grant.c),
                    k.slice == func.any(grant.c.slices),
                    or_(grant.c.subject_id.is_not(None), grant.c.basis != "CONSENT"),
                    k.slice.not_in(_constants(UNSHAREABLE_SLICES)),
                    or_(k.slice != "detail", grant.c.agency_id == READING_DETAIL),
                    _not_concealed(k.slice, grant.c),
                )
            ),
            probe(
                select(entry.c.id).where(
                    entry.c.case_id == k.scope_id,
                    entry.c.slice == k.slice,
                    by_own_post(entry.c),
                    through(existing(entry.c)),
                )
            ),
        ),
    )


def _opens(table: FromClause, scope: ColumnElement[Any], rule: Rule) -> ColumnElement[bool]:
    """Return whether a row that the key opens is visible."""
    return probe(
        select(literal_column("1")).select_from(table).where(scope, through(rule(table.c)))
    )


def thread_keys(k: Any) -> ColumnElement[bool]:
    """Keys of threads: where the thread, its place on a desk or its newest reply shows."""
    thread = m.Thread.__table__.alias("thread_of_key")
    item = m.InboxItem.__table__.alias("item_of_key")
    return or_(
        _opens(thread, thread.c.id == k.scope_id, threads),
        _opens(item, item.c.thread_id == k.scope_id, inbox_items),
        k.scope_id == GLIMPSE,
    )


def person_keys(k: Any) -> ColumnElement[bool]:
    """Keys of persons: where the person is visible."""
    return _named(k.scope_id)


def account_keys(k: Any) -> ColumnElement[bool]:
    """Keys of accounts: where the account's profile is visible."""
    profile = m.AccountProfile.__table__.alias("profile_of_key")
    return _opens(profile, profile.c.account_id == k.scope_id, account_profiles)


def brief_keys(k: Any) -> ColumnElement[bool]:
    """Keys of briefs: where the brief is visible."""
    brief = m.Brief.__table__.alias("brief_of_key")
    return _opens(brief, brief.c.id == k.scope_id, briefs)


def parties_keys(k: Any) -> ColumnElement[bool]:
    """Keys of parties: where the names are visible."""
    parties = m.BriefParty.__table__.alias("parties_of_key")
    return _opens(parties, parties.c.id == k.scope_id, brief_parties)


def advice_keys(k: Any) -> ColumnElement[bool]:
    """Keys of advice: where the advice is visible."""
    advice = m.Advice.__table__.alias("advice_of_key")
    return _opens(advice, advice.c.id == k.scope_id, advices)


def action_keys(k: Any) -> ColumnElement[bool]:
    """Keys of actions: where the action or one of its steps is visible."""
    action = m.Action.__table__.alias("action_of_key")
    step = m.ActionEvent.__table__.alias("step_of_key")
    return or_(
        _opens(action, action.c.id == k.scope_id, actions),
        _opens(step, step.c.action_id == k.scope_id, action_events),
    )


def issuer_keys(k: Any) -> ColumnElement[bool]:
    """Keys of issuers: the administrator's."""
    issuer = m.Issuer.__table__.alias("issuer_of_key")
    return _opens(issuer, issuer.c.id == k.scope_id, administered)


def emergency_keys(k: Any) -> ColumnElement[bool]:
    """Keys of emergencies: where the emergency is visible."""
    emergency = m.Emergency.__table__.alias("emergency_of_key")
    return _opens(emergency, emergency.c.id == k.scope_id, emergencies)


# Every governed table and its rule. A table is here, in OPEN or in SYSTEM_ONLY, never in two.
VISIBLE: Mapping[type[m.Base], Rule] = MappingProxyType(
    {
        m.AccountProfile: account_profiles,
        m.Action: actions,
        m.ActionEvent: action_events,
        m.Advice: advices,
        m.Alarm: alarms,
        m.AuditEvent: audit_events,
        m.Brief: briefs,
        m.BriefParty: brief_parties,
        m.Case: cases,
        m.CaseAccess: case_access,
        m.CaseLook: case_looks,
        m.CasePerson: case_people,
        m.CaseTopic: of_owner,
        m.CaseWorker: case_workers,
        m.ChildMeeting: of_owner,
        m.Closure: of_owner,
        m.ConflictDeclaration: conflict_declarations,
        m.Consent: consents,
        m.ConsentEvent: consent_events,
        m.ConsentItem: consent_items,
        m.Consultation: consultations,
        m.SliceKey: slice_keys,
        m.ThreadKey: thread_keys,
        m.PersonKey: person_keys,
        m.AccountKey: account_keys,
        m.BriefKey: brief_keys,
        m.PartiesKey: parties_keys,
        m.AdviceKey: advice_keys,
        m.ActionKey: action_keys,
        m.IssuerKey: issuer_keys,
        m.EmergencyKey: emergency_keys,
        m.Denial: denials,
        m.Door: agency_settings,
        m.Cover: covers,
        m.DutyPlace: duty_places,
        m.Emergency: emergencies,
        m.Entry: entries,
        m.Concealment: of_owner,
        m.Exclusion: of_owner,
        m.FactorReset: proposed_of_staff,
        m.Grant: grants,
        m.GrantReason: of_owner,
        m.GuardianRecord: of_owner,
        m.Household: households,
        m.HouseholdCase: of_owner,
        m.InboxItem: inbox_items,
        m.Issuer: administered,
        m.IssuerLink: issuer_links,
        m.IssuerPlace: administered,
        m.MachineClient: administered,
        m.MachineSecret: administered,
        m.LawReport: of_owner,
        m.MatterOutcome: matter_outcomes,
        m.MailChoice: of_own_account,
        m.Meeting: meetings,
        m.MeetingExpert: meeting_experts,
        m.MembershipProposal: proposed_of_staff,
        m.NecessityRecord: of_owner,
        m.NeverTell: of_owner,
        m.Notification: notifications,
        m.Passkey: of_own_account,
        m.PermissionNoting: of_owner,
        m.Person: persons,
        m.Pledge: of_own_account,
        m.ProgressCheck: of_owner,
        m.RecoveryCode: of_own_account,
        m.ShareProposal: of_owner,
        m.Retraction: retractions,
        m.SavedText: of_own_account,
        m.SignInRule: agency_settings,
        m.Spelling: case_people,
        m.Task: tasks,
        m.Thread: threads,
        m.ThreadMessage: thread_messages,
        m.TotpSecret: of_own_account,
        m.UrgencyDecision: of_owner,
        m.Violation: of_owner,
    }
)

# Keys, dates and names of organisations: what every policy must be able to read.
OPEN: frozenset[type[m.Base]] = frozenset(
    {
        m.Account,
        m.Agency,
        m.CouncilMembership,
        m.Departure,
        m.Membership,
        m.Team,
        m.TeamMember,
        m.Wording,
    }
)

# Read by the sanctioned functions of the database alone.
SYSTEM_ONLY: frozenset[type[m.Base]] = frozenset(
    {
        m.Credential,
        m.MachineToken,
        m.KnownDevice,
        m.Notice,
        m.Session,
        m.ThreadCode,
        m.ThrottleCount,
        m.UsedMark,
    }
)
