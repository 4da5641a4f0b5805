"""The bugs that `test_sabotage` plants: a passage of a rule, and what somebody wrote instead."""

from __future__ import annotations

from tests.rules.planting import Bug

VIEWER, RULES = "viewer", "visibility"

BUGS = (
    # -- rule 1: the account and its membership
    Bug("a disabled account still acts", "cases", VIEWER, "            ~ACCOUNT_ROW.c.disabled,\n"),
    Bug(
        "what has an end never ends",
        "cases",
        VIEWER,
        "or_(row.c.valid_until.is_(None), CLOCK < row.c.valid_until)",
        "or_(row.c.valid_until.is_(None), CLOCK >= row.c.valid_from)",
    ),
    Bug(
        "it lasts through its end",
        "cases",
        VIEWER,
        "CLOCK < row.c.valid_until",
        "CLOCK <= row.c.valid_until",
    ),
    Bug(
        "it starts after its start",
        "cases",
        VIEWER,
        "row.c.valid_from <= CLOCK",
        "row.c.valid_from < CLOCK",
    ),
    # -- rule 2: exclusion
    Bug(
        "an exclusion excludes nobody",
        "cases",
        RULES,
        "return not_among(case_id, EXCLUDED_CASES)",
        "return case_id.is_not(None)",
    ),
    Bug(
        "an exclusion excludes an agency",
        "cases",
        VIEWER,
        '_DENIAL.c.kind == "exclusion", _DENIAL.c.account_id == _ME',
        '_DENIAL.c.kind == "exclusion", _DENIAL.c.agency_id == _US',
    ),
    Bug(
        "an exclusion does not hold for the projection",
        "listed",
        RULES,
        "        CLOCK < a.valid_until,\n        not_excluded(a.case_id),\n",
        "        CLOCK < a.valid_until,\n",
    ),
    # -- rule 3: what exists
    Bug(
        "a retracted entry stays",
        "entries",
        RULES,
        "or_(e.retracted_at.is_(None), CLOCK < e.retracted_at)",
        "e.written_at <= CLOCK",
    ),
    Bug(
        "a retracted entry stays for its instant",
        "entries",
        RULES,
        "CLOCK < e.retracted_at",
        "CLOCK <= e.retracted_at",
    ),
    Bug(
        "an entry shows before it is written", "entries", RULES, "        e.written_at <= CLOCK,\n"
    ),
    Bug("an entry shows before its case", "entries", RULES, "        opened(e),\n"),
    Bug("a case shows before it opens", "cases", RULES, "        c.opened_at <= CLOCK,\n"),
    Bug(
        "its people show before it opens",
        "case_people",
        RULES,
        "        opened(p),\n",
    ),
    # -- rule 4: the owner
    Bug(
        "a clerk owns too",
        "cases",
        VIEWER,
        '"owning", MEMBERSHIP.c.role.in_(OWNER_ROLES)',
        '"owning", MEMBERSHIP.c.role.in_((*OWNER_ROLES, "center_clerk"))',
    ),
    Bug(
        "every role of the owner owns",
        "cases",
        VIEWER,
        '"owning", MEMBERSHIP.c.role.in_(OWNER_ROLES)',
        '"owning", MEMBERSHIP.c.role.is_not(None)',
    ),
    Bug(
        "who reported is for every counsellor",
        "entries",
        RULES,
        'or_(e.slice != "reporter", _of_workers(e.owner_agency_id, e.case_id))',
        "e.slice.is_not(None)",
    ),
    Bug(
        "who reported is for nobody but the director",
        "entries",
        RULES,
        "or_(owner_id == DIRECTING, among(case_id, WORKED_CASES))",
        "owner_id == DIRECTING",
    ),
    # -- rule 5: grants
    Bug(
        "an ended grant goes on",
        "cases",
        RULES,
        "        or_(g.ended_at.is_(None), CLOCK < g.ended_at),\n",
    ),
    Bug(
        "a grant lasts through its ending",
        "cases",
        RULES,
        "CLOCK < g.ended_at",
        "CLOCK <= g.ended_at",
    ),
    Bug(
        "a grant lasts through its last instant",
        "cases",
        RULES,
        "CLOCK < g.valid_until",
        "CLOCK <= g.valid_until",
    ),
    Bug(
        "an agency that left goes on reading",
        "cases",
        VIEWER,
        "    _SEEING,\n    _IN_SCHEME,\n",
        "    _SEEING,\n",
    ),
    Bug(
        "an agency that came back reads nothing",
        "cases",
        VIEWER,
        "_DEPARTURE.c.agency_id == MEMBERSHIP.c.agency_id, live(_DEPARTURE)",
        "_DEPARTURE.c.agency_id == MEMBERSHIP.c.agency_id",
    ),
    Bug(
        "the manager of an agency that left sees its grants",
        "grants",
        VIEWER,
        "_SEEING, _IN_SCHEME, MEMBERSHIP.c.manager",
        "_SEEING, MEMBERSHIP.c.manager",
    ),
    Bug(
        "a concealed case tells where the child is",
        "entries",
        RULES,
        "        _not_concealed(slice_, g),\n",
    ),
    Bug(
        "a duty does not tell where the child is",
        "entries",
        RULES,
        "        slice_.not_in(_constants(PLACE_SLICES)),\n        _overrides(grant),\n",
        "        slice_.not_in(_constants(PLACE_SLICES)),\n",
    ),
    Bug(
        "a concealed case is as any other to its keys",
        "slice_keys",
        RULES,
        "                    _not_concealed(k.slice, grant.c),\n",
    ),
    Bug("a grant opens before its time", "cases", RULES, "        g.valid_from <= CLOCK,\n"),
    Bug(
        "a grant starts after its start",
        "cases",
        RULES,
        "g.valid_from <= CLOCK",
        "g.valid_from < CLOCK",
    ),
    Bug(
        "a grant opens every slice", "entries", RULES, "        slice_ == func.any(grant.slices),\n"
    ),
    Bug(
        "a grant opens every subject",
        "entries",
        RULES,
        "            grant.subject_id == subject_id,\n",
        "            grant.subject_id.is_not(None),\n",
    ),
    Bug(
        "a consent opens every subject",
        "entries",
        RULES,
        'and_(grant.subject_id.is_(None), grant.basis != "CONSENT")',
        "grant.subject_id.is_(None)",
    ),
    Bug(
        "a grant opens to every agency",
        "cases",
        RULES,
        "and_(g.agency_id == READING, reads_for",
        "and_(READING.is_not(None), reads_for",
    ),
    Bug(
        "everybody of the agency reads",
        "cases",
        RULES,
        "and_(g.agency_id == READING, reads_for(g))",
        "g.agency_id == READING",
    ),
    Bug(
        "a manager reads",
        "cases",
        RULES,
        "g.agency_id == READING, reads_for(g))",
        "g.agency_id == READING, or_(MANAGING.is_not(None), reads_for(g)))",
    ),
    Bug(
        "named accounts are anybody's",
        "cases",
        VIEWER,
        "        ACCOUNT == func.any(g.account_ids),\n",
        "        g.account_ids.is_not(None),\n",
    ),
    Bug(
        "the default team reads for another",
        "cases",
        VIEWER,
        "func.coalesce(g.team_id, g.agency_id) == func.any(READS)",
        "or_(g.team_id == func.any(READS), g.agency_id == func.any(READS))",
    ),
    Bug(
        "the default team reads for the named",
        "cases",
        VIEWER,
        "and_(g.account_ids.is_(None), func.coalesce(g.team_id, g.agency_id) == func.any(READS))",
        "func.coalesce(g.team_id, g.agency_id) == func.any(READS)",
    ),
    Bug("any team is the default team", "cases", VIEWER, "        _TEAM.c.is_default,\n"),
    Bug(
        "who reported, and advice, can be granted",
        "entries",
        RULES,
        "        slice_.not_in(_constants(UNSHAREABLE_SLICES)),\n",
    ),
    Bug(
        "details go to cafeterias",
        "entries",
        VIEWER,
        '_acting("reading_detail", _READING, AGENCY_ROW.c.type != CAFETERIA)',
        '_acting("reading_detail", _READING)',
    ),
    Bug(
        "an expert's agency opens", "cases", VIEWER, "    AGENCY_ROW.c.type.not_in(EXPERT_TYPES),\n"
    ),
    Bug(
        "a cafeteria's volunteer opens",
        "cases",
        VIEWER,
        "    or_(AGENCY_ROW.c.type != CAFETERIA, MEMBERSHIP.c.role == WATCHER),\n",
    ),
    Bug(
        "the blind roles see",
        "entries",
        VIEWER,
        "_SEEING = MEMBERSHIP.c.role.not_in(BLIND_ROLES)",
        "_SEEING = MEMBERSHIP.c.role.is_not(None)",
    ),
    Bug(
        "no duty overrides a never-tell",
        "cases",
        RULES,
        "        _overrides(grant),\n        not_among",
        "        not_among",
    ),
    Bug(
        "every basis overrides a never-tell",
        "cases",
        RULES,
        "        _overrides(grant),\n        not_among",
        "        grant.basis.is_not(None),\n        not_among",
    ),
    Bug(
        "a never-tell names no human",
        "cases",
        RULES,
        "return not_among(case_id, CASES_NOT_TO_TELL_ME)",
        "return case_id.is_not(None)",
    ),
    Bug(
        "a never-tell knows accounts, not persons",
        "cases",
        VIEWER,
        "or_(_DENIAL.c.account_id == _ME, _DENIAL.c.person_id == PERSON)",
        "_DENIAL.c.account_id == _ME",
    ),
    # -- rule 6: own posts
    Bug(
        "own posts are the whole agency's",
        "entries",
        RULES,
        "        acts_as(e.author_agency_id, POSTING),\n"
        "        or_(e.author_account_id == ACCOUNT, IN_DEFAULT_TEAM),\n",
        "        acts_as(e.author_agency_id, POSTING),\n",
    ),
    Bug(
        "own posts are the writer's alone",
        "entries",
        RULES,
        "        acts_as(e.author_agency_id, POSTING),\n"
        "        or_(e.author_account_id == ACCOUNT, IN_DEFAULT_TEAM),\n",
        "        acts_as(e.author_agency_id, POSTING),\n        e.author_account_id == ACCOUNT,\n",
    ),
    Bug(
        "own posts stay after a never-tell",
        "entries",
        RULES,
        "        or_(e.author_account_id == ACCOUNT, IN_DEFAULT_TEAM),\n"
        "        may_be_told(e.case_id),\n    )\n\n\ndef by_own_post",
        "        or_(e.author_account_id == ACCOUNT, IN_DEFAULT_TEAM),\n    )\n\n\ndef by_own_post",
    ),
    Bug(
        "own posts show in an own case",
        "entries",
        RULES,
        "and_(authored(e), e.owner_agency_id != e.author_agency_id)",
        "authored(e)",
    ),
    # -- rule 7: managers
    Bug(
        "everybody is a manager",
        "grants",
        VIEWER,
        '"managing", _SEEING, _IN_SCHEME, MEMBERSHIP.c.manager',
        '"managing", _SEEING, _IN_SCHEME',
    ),
    Bug(
        "a manager sees other agencies' grants",
        "grants",
        RULES,
        "return acts_as(g.agency_id, MANAGING)",
        "return MANAGING.is_not(None)",
    ),
    # -- rule 8, keys, projection
    Bug(
        "a case shows without a reader",
        "cases",
        RULES,
        "grant.c.case_id == c.id, admitting(grant.c)",
        "grant.c.case_id == c.id, grant.c.agency_id == READING, _holds(grant.c)",
    ),
    Bug(
        "a grant gives every key",
        "slice_keys",
        RULES,
        "                    k.slice == func.any(grant.c.slices),\n",
    ),
    Bug(
        "a person shows in every case",
        "persons",
        RULES,
        "link.c.person_id == person_id, through(case_people(link.c))",
        "link.c.person_id == person_id, OWNING.is_not(None)",
    ),
    Bug(
        "the projection lists before its time",
        "listed",
        RULES,
        "        a.circle_id == func.any(CIRCLES),\n        a.valid_from <= CLOCK,\n",
        "        a.circle_id == func.any(CIRCLES),\n",
    ),
    Bug(
        "the projection lists for a clerk",
        "listed",
        RULES,
        "a.agency_id == case((owned, OWNING), else_=READING)",
        "or_(owned, a.agency_id == READING)",
    ),
    Bug(
        "the projection forgets never-tells",
        "listed",
        RULES,
        "        or_(owned, may_be_told(a.case_id)),\n",
    ),
    Bug(
        "the projection lists an account's other agency",
        "listed",
        RULES,
        "case((owned, OWNING), else_=READING)",
        "case((owned, OWNING), (READING.is_not(None), a.agency_id))",
    ),
)

WRITING, CAPACITY, PERMISSIONS = "writing", "capacity", "permissions"
_EMERGENCIES = "tests/portal/test_services_emergencies.py"
_CAPACITY = "tests/portal/test_capacity.py"
# What no sight tells, for it is about other tables, about writing, or about no row at all. Here
# `at` names the tests that must find it; `make mutants` plants each in both walls at once.
BEYOND = (
    Bug(
        "everybody sees that there was an emergency",
        _EMERGENCIES,
        RULES,
        'somebody else started."""\n    return of_owner(e)',
        'somebody else started."""\n    return e.id.is_not(None)',
    ),
    Bug(
        "an emergency lasts as long as its grant says",
        _EMERGENCIES,
        WRITING,
        "grant.valid_until <= grant.valid_from + literal_column(\"interval '24 hours'\"),",
    ),
    Bug(
        "a provision rests on the emergency of a view",
        _EMERGENCIES,
        WRITING,
        "emergency.c.kind == literal_column(\"'provision'\"),",
    ),
    Bug(
        "an emergency opens every slice",
        _EMERGENCIES,
        WRITING,
        'grant.slices.op("<@")(literal_column(f"ARRAY[{slices}]")),',
    ),
    Bug(
        "anybody who reads cases opens one in an emergency",
        _EMERGENCIES,
        PERMISSIONS,
        "s.sees_cases and s.agency_type in EMERGENCY_VIEWERS and not s.at_centre",
        "s.sees_cases and not s.at_centre",
    ),
    Bug(
        "the code alone shows the whole thread",
        "tests/portal/test_services_consultations.py",
        RULES,
        "and_(row.thread_id == GLIMPSE, row.id == NEWEST_REPLY)",
        "row.thread_id == GLIMPSE",
    ),
    Bug(
        "a retraction shows where its key does not open",
        "tests/rules/test_retractions.py",
        RULES,
        "        _opens(key, and_(key.c.scope_id == r.case_id, key.c.slice == r.slice),"
        " slice_keys),\n",
    ),
    Bug(
        "a young child whose guardians are all barred decides alone",
        _CAPACITY,
        CAPACITY,
        "(Band.YOUNG, Way.BARRED): Need.LAW",
        "(Band.YOUNG, Way.BARRED): Need.NOTHING",
    ),
    Bug(
        "a guardian who must not know is asked",
        _CAPACITY,
        CAPACITY,
        "return self.concerned or self.never_told",
        "return self.concerned",
    ),
    Bug(
        "one of two guardians who disagree is enough",
        _CAPACITY,
        CAPACITY,
        "return Way.DISPUTE if said == {True, False} else Way.CLEAR",
        "return Way.CLEAR",
    ),
)
