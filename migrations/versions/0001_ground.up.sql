CREATE FUNCTION portal_clock() RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT now() $$;

CREATE TABLE account_keys (
	scope_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	wrapped BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_account_keys PRIMARY KEY (id), 
	CONSTRAINT uq_account_keys_scope_id UNIQUE (scope_id)
);

CREATE TABLE action_keys (
	scope_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	wrapped BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_action_keys PRIMARY KEY (id), 
	CONSTRAINT uq_action_keys_scope_id UNIQUE (scope_id)
);

CREATE TABLE advice_keys (
	scope_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	wrapped BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_advice_keys PRIMARY KEY (id), 
	CONSTRAINT uq_advice_keys_scope_id UNIQUE (scope_id)
);

CREATE TABLE agencies (
	type TEXT NOT NULL, 
	name TEXT NOT NULL, 
	legal_form TEXT NOT NULL, 
	ward TEXT, 
	report_slug TEXT, 
	entrusted_npo_id UUID, 
	centre_id UUID, 
	receives_reports BOOLEAN DEFAULT 'false' NOT NULL, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_agencies PRIMARY KEY (id), 
	CONSTRAINT uq_agencies_report_slug UNIQUE (report_slug), 
	CONSTRAINT fk_agencies_entrusted_npo_id FOREIGN KEY(entrusted_npo_id) REFERENCES agencies (id), 
	CONSTRAINT fk_agencies_centre_id FOREIGN KEY(centre_id) REFERENCES agencies (id)
);

CREATE TABLE brief_keys (
	scope_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	wrapped BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_brief_keys PRIMARY KEY (id), 
	CONSTRAINT uq_brief_keys_scope_id UNIQUE (scope_id)
);

CREATE TABLE emergency_keys (
	scope_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	wrapped BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_emergency_keys PRIMARY KEY (id), 
	CONSTRAINT uq_emergency_keys_scope_id UNIQUE (scope_id)
);

CREATE TABLE issuer_keys (
	scope_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	wrapped BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_issuer_keys PRIMARY KEY (id), 
	CONSTRAINT uq_issuer_keys_scope_id UNIQUE (scope_id)
);

CREATE TABLE issuers (
	name TEXT NOT NULL, 
	url TEXT NOT NULL, 
	client_id TEXT NOT NULL, 
	client_secret_sealed BYTEA NOT NULL, 
	domains TEXT[] NOT NULL, 
	claim TEXT, 
	second_factors TEXT[] NOT NULL, 
	suspended BOOLEAN DEFAULT 'false' NOT NULL, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_issuers PRIMARY KEY (id), 
	CONSTRAINT uq_issuers_url UNIQUE (url)
);

CREATE TABLE parties_keys (
	scope_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	wrapped BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_parties_keys PRIMARY KEY (id), 
	CONSTRAINT uq_parties_keys_scope_id UNIQUE (scope_id)
);

CREATE TABLE person_keys (
	scope_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	wrapped BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_person_keys PRIMARY KEY (id), 
	CONSTRAINT uq_person_keys_scope_id UNIQUE (scope_id)
);

CREATE TABLE persons (
	family_name_sealed BYTEA NOT NULL, 
	given_name_sealed BYTEA NOT NULL, 
	kana_sealed BYTEA, 
	called_sealed BYTEA, 
	birth_date_sealed BYTEA, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_persons PRIMARY KEY (id)
);

CREATE TABLE slice_keys (
	slice TEXT NOT NULL, 
	scope_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	wrapped BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_slice_keys PRIMARY KEY (id), 
	CONSTRAINT uq_slice_keys_scope_id_slice UNIQUE (scope_id, slice)
);

CREATE TABLE thread_keys (
	scope_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	wrapped BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_thread_keys PRIMARY KEY (id), 
	CONSTRAINT uq_thread_keys_scope_id UNIQUE (scope_id)
);

CREATE UNLOGGED TABLE throttle_counts (
	bucket BYTEA NOT NULL, 
	window_start TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	failures INTEGER NOT NULL, 
	CONSTRAINT pk_throttle_counts PRIMARY KEY (bucket, window_start)
);

CREATE TABLE used_marks (
	mark BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_used_marks PRIMARY KEY (mark)
);

CREATE TABLE wordings (
	name TEXT NOT NULL, 
	version TEXT NOT NULL, 
	level TEXT NOT NULL, 
	language TEXT NOT NULL, 
	body TEXT NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_wordings PRIMARY KEY (id)
);

CREATE TABLE accounts (
	person_id UUID, 
	disabled BOOLEAN DEFAULT 'false' NOT NULL, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_accounts PRIMARY KEY (id), 
	CONSTRAINT fk_accounts_person_id FOREIGN KEY(person_id) REFERENCES persons (id)
);

CREATE TABLE cases (
	reference TEXT NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	status TEXT NOT NULL, 
	opened_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	closed_at TIMESTAMP WITH TIME ZONE, 
	concealed BOOLEAN DEFAULT 'false' NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_cases PRIMARY KEY (id), 
	CONSTRAINT uq_cases_id_owner_agency_id UNIQUE (id, owner_agency_id), 
	CONSTRAINT uq_cases_id_owner_agency_id_opened_at UNIQUE (id, owner_agency_id, opened_at), 
	CONSTRAINT uq_cases_id_owner_agency_id_opened_at_concealed UNIQUE (id, owner_agency_id, opened_at, concealed), 
	CONSTRAINT uq_cases_owner_agency_id_reference UNIQUE (owner_agency_id, reference), 
	CONSTRAINT fk_cases_owner_agency_id FOREIGN KEY(owner_agency_id) REFERENCES agencies (id)
);

CREATE INDEX ix_cases_reference ON cases (reference);

CREATE TABLE council_memberships (
	agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_council_memberships PRIMARY KEY (id), 
	CONSTRAINT fk_council_memberships_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE TABLE doors (
	agency_id UUID NOT NULL, 
	networks TEXT[] NOT NULL, 
	certificates TEXT[] NOT NULL, 
	contact TEXT NOT NULL, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_doors PRIMARY KEY (agency_id), 
	CONSTRAINT fk_doors_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE TABLE households (
	owner_agency_id UUID NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_households PRIMARY KEY (id), 
	CONSTRAINT fk_households_owner_agency_id FOREIGN KEY(owner_agency_id) REFERENCES agencies (id)
);

CREATE TABLE issuer_places (
	issuer_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	role TEXT, 
	value TEXT, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_issuer_places PRIMARY KEY (id), 
	CONSTRAINT fk_issuer_places_issuer_id FOREIGN KEY(issuer_id) REFERENCES issuers (id), 
	CONSTRAINT fk_issuer_places_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE TABLE machine_clients (
	agency_id UUID NOT NULL, 
	name TEXT NOT NULL, 
	scopes TEXT[] NOT NULL, 
	revoked_at TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_machine_clients PRIMARY KEY (id), 
	CONSTRAINT fk_machine_clients_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE TABLE meetings (
	agency_id UUID NOT NULL, 
	kind TEXT DEFAULT 'policy' NOT NULL, 
	held_on DATE NOT NULL, 
	opened_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	closed_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	CONSTRAINT pk_meetings PRIMARY KEY (id), 
	CONSTRAINT uq_meetings_id_agency_id UNIQUE (id, agency_id), 
	CONSTRAINT fk_meetings_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE TABLE sign_in_rules (
	agency_id UUID NOT NULL, 
	idle_minutes INTEGER NOT NULL, 
	absolute_minutes INTEGER NOT NULL, 
	sign_on_only BOOLEAN DEFAULT 'false' NOT NULL, 
	version INTEGER DEFAULT '1' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_sign_in_rules PRIMARY KEY (agency_id), 
	CONSTRAINT ck_sign_in_rules_idle_in_bounds CHECK (idle_minutes BETWEEN 5 AND 60), 
	CONSTRAINT ck_sign_in_rules_absolute_in_bounds CHECK (absolute_minutes BETWEEN 60 AND 720), 
	CONSTRAINT fk_sign_in_rules_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE TABLE teams (
	agency_id UUID NOT NULL, 
	name TEXT NOT NULL, 
	is_default BOOLEAN DEFAULT 'false' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_teams PRIMARY KEY (id), 
	CONSTRAINT fk_teams_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE UNIQUE INDEX uq_teams_default ON teams (agency_id) WHERE is_default;

CREATE TABLE account_profiles (
	account_id UUID NOT NULL, 
	email_index BYTEA NOT NULL, 
	email_sealed BYTEA NOT NULL, 
	name_sealed BYTEA NOT NULL, 
	mail_refused_at TIMESTAMP WITH TIME ZONE, 
	CONSTRAINT pk_account_profiles PRIMARY KEY (account_id), 
	CONSTRAINT fk_account_profiles_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_account_profiles_email_index UNIQUE (email_index)
);

CREATE TABLE audit_events (
	happened_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	xid TEXT DEFAULT pg_current_xact_id()::text NOT NULL, 
	event TEXT NOT NULL, 
	viewer TEXT NOT NULL, 
	account_id UUID, 
	agency_id UUID, 
	about_agency_id UUID, 
	case_id UUID, 
	thread_id UUID, 
	details JSONB NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_audit_events PRIMARY KEY (id), 
	CONSTRAINT fk_audit_events_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_audit_events_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_audit_events_about_agency_id FOREIGN KEY(about_agency_id) REFERENCES agencies (id)
);

CREATE INDEX ix_audit_events_about ON audit_events (about_agency_id, happened_at DESC) WHERE about_agency_id IS NOT NULL;

CREATE INDEX ix_audit_events_agency ON audit_events (agency_id, happened_at DESC);

CREATE INDEX ix_audit_events_case ON audit_events (case_id, happened_at DESC);

CREATE INDEX ix_audit_events_time ON audit_events (happened_at DESC, id DESC);

CREATE TABLE briefs (
	meeting_id UUID NOT NULL, 
	number TEXT NOT NULL, 
	version INTEGER DEFAULT '1' NOT NULL, 
	written_by UUID NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	question_sealed BYTEA NOT NULL, 
	text_sealed BYTEA NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_briefs PRIMARY KEY (id), 
	CONSTRAINT uq_briefs_id_meeting_id UNIQUE (id, meeting_id), 
	CONSTRAINT fk_briefs_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_briefs_meeting_id FOREIGN KEY(meeting_id) REFERENCES meetings (id), 
	CONSTRAINT fk_briefs_written_by FOREIGN KEY(written_by) REFERENCES accounts (id)
);

CREATE INDEX ix_briefs_case ON briefs (case_id);

CREATE INDEX ix_briefs_meeting ON briefs (meeting_id);

CREATE TABLE case_access (
	case_id UUID NOT NULL, 
	circle_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE NOT NULL, 
	last_visible_activity TIMESTAMP WITH TIME ZONE NOT NULL, 
	check_on DATE, 
	CONSTRAINT pk_case_access PRIMARY KEY (case_id, circle_id, agency_id), 
	CONSTRAINT fk_case_access_case_id FOREIGN KEY(case_id) REFERENCES cases (id)
);

CREATE INDEX ix_case_access_check ON case_access (agency_id, check_on, case_id) WHERE check_on IS NOT NULL;

CREATE INDEX ix_case_access_recent ON case_access (circle_id, last_visible_activity DESC, case_id DESC) INCLUDE (agency_id, valid_from, valid_until);

CREATE INDEX ix_case_access_until ON case_access (valid_until) WHERE valid_until < 'infinity'::timestamptz;

CREATE TABLE case_looks (
	account_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	case_id UUID NOT NULL, 
	looked_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	since TIMESTAMP WITH TIME ZONE, 
	CONSTRAINT pk_case_looks PRIMARY KEY (account_id, agency_id, case_id), 
	CONSTRAINT fk_case_looks_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_case_looks_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_case_looks_case_id FOREIGN KEY(case_id) REFERENCES cases (id)
);

CREATE TABLE case_people (
	person_id UUID NOT NULL, 
	subject_kind TEXT NOT NULL, 
	relationship_code TEXT, 
	is_child BOOLEAN DEFAULT 'false' NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	case_opened_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_case_people PRIMARY KEY (id), 
	CONSTRAINT uq_case_people_case_id_person_id UNIQUE (case_id, person_id), 
	CONSTRAINT fk_case_people_case_id_owner_agency_id_case_opened_at FOREIGN KEY(case_id, owner_agency_id, case_opened_at) REFERENCES cases (id, owner_agency_id, opened_at) ON UPDATE CASCADE, 
	CONSTRAINT fk_case_people_person_id FOREIGN KEY(person_id) REFERENCES persons (id)
);

CREATE INDEX ix_case_people_person ON case_people (person_id);

CREATE UNIQUE INDEX uq_case_people_child ON case_people (case_id) WHERE is_child;

CREATE TABLE case_topics (
	topic TEXT NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_case_topics PRIMARY KEY (id), 
	CONSTRAINT fk_case_topics_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE
);

CREATE INDEX ix_case_topics_case ON case_topics (case_id);

CREATE TABLE case_workers (
	account_id UUID NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_case_workers PRIMARY KEY (id), 
	CONSTRAINT uq_case_workers_case_id_account_id UNIQUE (case_id, account_id), 
	CONSTRAINT fk_case_workers_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_case_workers_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE INDEX ix_case_workers_account ON case_workers (account_id);

CREATE TABLE child_meetings (
	check_in TEXT NOT NULL, 
	met_on DATE NOT NULL, 
	met_by UUID NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	account_of_it_sealed BYTEA NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_child_meetings PRIMARY KEY (id), 
	CONSTRAINT fk_child_meetings_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_child_meetings_met_by FOREIGN KEY(met_by) REFERENCES accounts (id)
);

CREATE INDEX ix_child_meetings_case ON child_meetings (case_id);

CREATE TABLE closures (
	outcome TEXT NOT NULL, 
	closed_by UUID NOT NULL, 
	closed_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	reopened_at TIMESTAMP WITH TIME ZONE, 
	child_view_sealed BYTEA NOT NULL, 
	summary_sealed BYTEA NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_closures PRIMARY KEY (id), 
	CONSTRAINT fk_closures_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_closures_closed_by FOREIGN KEY(closed_by) REFERENCES accounts (id)
);

CREATE INDEX ix_closures_case ON closures (case_id);

CREATE TABLE concealments (
	recorded_by UUID, 
	lifted_by UUID, 
	reason_sealed BYTEA, 
	lifted_sealed BYTEA, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_concealments PRIMARY KEY (id), 
	CONSTRAINT fk_concealments_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_concealments_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id), 
	CONSTRAINT fk_concealments_lifted_by FOREIGN KEY(lifted_by) REFERENCES accounts (id)
);

CREATE INDEX ix_concealments_case ON concealments (case_id);

CREATE TABLE consents (
	kind TEXT NOT NULL, 
	giver_kind TEXT NOT NULL, 
	giver_person_id UUID NOT NULL, 
	for_person_id UUID, 
	alone_because TEXT, 
	method TEXT NOT NULL, 
	wording_id UUID, 
	explained_by UUID, 
	witness_id UUID, 
	asked_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	what_sealed BYTEA, 
	said_back_sealed BYTEA, 
	note_sealed BYTEA, 
	draft_sealed BYTEA, 
	objection_sealed BYTEA, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_consents PRIMARY KEY (id), 
	CONSTRAINT ck_consents_two_kinds CHECK (kind IN ('action', 'sharing')), 
	CONSTRAINT fk_consents_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_consents_giver_person_id FOREIGN KEY(giver_person_id) REFERENCES persons (id), 
	CONSTRAINT fk_consents_for_person_id FOREIGN KEY(for_person_id) REFERENCES persons (id), 
	CONSTRAINT fk_consents_wording_id FOREIGN KEY(wording_id) REFERENCES wordings (id), 
	CONSTRAINT fk_consents_explained_by FOREIGN KEY(explained_by) REFERENCES accounts (id), 
	CONSTRAINT fk_consents_witness_id FOREIGN KEY(witness_id) REFERENCES accounts (id)
);

CREATE INDEX ix_consents_case ON consents (case_id);

CREATE TABLE covers (
	agency_id UUID NOT NULL, 
	absent_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	recorded_by UUID NOT NULL, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_covers PRIMARY KEY (id), 
	CONSTRAINT ck_covers_another_person CHECK (absent_id <> account_id), 
	CONSTRAINT ck_covers_ends_after_it_begins CHECK (valid_from < valid_until), 
	CONSTRAINT fk_covers_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_covers_absent_id FOREIGN KEY(absent_id) REFERENCES accounts (id), 
	CONSTRAINT fk_covers_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_covers_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE INDEX ix_covers_absent ON covers (absent_id);

CREATE INDEX ix_covers_account ON covers (account_id);

CREATE TABLE credentials (
	account_id UUID NOT NULL, 
	password_hash TEXT NOT NULL, 
	changed_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_credentials PRIMARY KEY (account_id), 
	CONSTRAINT fk_credentials_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE departures (
	agency_id UUID NOT NULL, 
	recorded_by UUID, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_departures PRIMARY KEY (id), 
	CONSTRAINT fk_departures_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_departures_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE INDEX ix_departures_agency ON departures (agency_id);

CREATE TABLE duty_places (
	agency_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	place SMALLINT NOT NULL, 
	recorded_by UUID NOT NULL, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_duty_places PRIMARY KEY (id), 
	CONSTRAINT fk_duty_places_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_duty_places_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_duty_places_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE INDEX ix_duty_places_agency ON duty_places (agency_id, place);

CREATE TABLE emergencies (
	kind TEXT NOT NULL, 
	agency_id UUID NOT NULL, 
	started_by UUID NOT NULL, 
	started_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	second_id UUID, 
	phoned_at TIMESTAMP WITH TIME ZONE, 
	decision TEXT, 
	decided_by UUID, 
	decided_at TIMESTAMP WITH TIME ZONE, 
	prolonged_by UUID, 
	prolonged_at TIMESTAMP WITH TIME ZONE, 
	finding TEXT, 
	told_on DATE, 
	told_by UUID, 
	reviewed_by UUID, 
	reviewed_at TIMESTAMP WITH TIME ZONE, 
	reason_sealed BYTEA NOT NULL, 
	phoned_to_sealed BYTEA, 
	decision_sealed BYTEA, 
	review_sealed BYTEA, 
	told_sealed BYTEA, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_emergencies PRIMARY KEY (id), 
	CONSTRAINT ck_emergencies_two_kinds CHECK (kind IN ('view', 'provision')), 
	CONSTRAINT ck_emergencies_phoned_first_with_a_second CHECK (kind = 'view' OR num_nonnulls(second_id, phoned_at, phoned_to_sealed) = 3), 
	CONSTRAINT ck_emergencies_somebody_else CHECK (started_by <> ALL (ARRAY[second_id, prolonged_by, reviewed_by])), 
	CONSTRAINT ck_emergencies_two_decisions CHECK (decision IN ('confirmed', 'ended')), 
	CONSTRAINT ck_emergencies_told_by_somebody CHECK ((told_on IS NULL) = (told_by IS NULL)), 
	CONSTRAINT ck_emergencies_reviewed_whole CHECK (reviewed_at IS NULL OR num_nonnulls(reviewed_by, finding, review_sealed, told_sealed) = 4), 
	CONSTRAINT fk_emergencies_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_emergencies_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_emergencies_started_by FOREIGN KEY(started_by) REFERENCES accounts (id), 
	CONSTRAINT fk_emergencies_second_id FOREIGN KEY(second_id) REFERENCES accounts (id), 
	CONSTRAINT fk_emergencies_decided_by FOREIGN KEY(decided_by) REFERENCES accounts (id), 
	CONSTRAINT fk_emergencies_prolonged_by FOREIGN KEY(prolonged_by) REFERENCES accounts (id), 
	CONSTRAINT fk_emergencies_told_by FOREIGN KEY(told_by) REFERENCES accounts (id), 
	CONSTRAINT fk_emergencies_reviewed_by FOREIGN KEY(reviewed_by) REFERENCES accounts (id)
);

CREATE INDEX ix_emergencies_case ON emergencies (case_id);

CREATE TABLE entries (
	slice TEXT NOT NULL, 
	subject_id UUID NOT NULL, 
	author_agency_id UUID NOT NULL, 
	author_account_id UUID NOT NULL, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	retracted_at TIMESTAMP WITH TIME ZONE, 
	text_sealed BYTEA NOT NULL, 
	heard_from_sealed BYTEA, 
	case_opened_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_entries PRIMARY KEY (id), 
	CONSTRAINT fk_entries_case_id_owner_agency_id_case_opened_at FOREIGN KEY(case_id, owner_agency_id, case_opened_at) REFERENCES cases (id, owner_agency_id, opened_at) ON UPDATE CASCADE, 
	CONSTRAINT fk_entries_subject_id FOREIGN KEY(subject_id) REFERENCES persons (id), 
	CONSTRAINT fk_entries_author_agency_id FOREIGN KEY(author_agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_entries_author_account_id FOREIGN KEY(author_account_id) REFERENCES accounts (id)
);

CREATE INDEX ix_entries_author ON entries (author_agency_id, written_at DESC, id DESC);

CREATE INDEX ix_entries_case ON entries (case_id, written_at DESC, id DESC);

CREATE TABLE exclusions (
	account_id UUID NOT NULL, 
	recorded_by UUID, 
	reason_sealed BYTEA, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_exclusions PRIMARY KEY (id), 
	CONSTRAINT fk_exclusions_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_exclusions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_exclusions_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE INDEX ix_exclusions_case ON exclusions (case_id);

CREATE TABLE factor_resets (
	account_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	reason TEXT NOT NULL, 
	checked TEXT NOT NULL, 
	asked_by UUID NOT NULL, 
	asked_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	decision TEXT, 
	decided_by UUID, 
	decided_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	CONSTRAINT pk_factor_resets PRIMARY KEY (id), 
	CONSTRAINT ck_factor_resets_never_for_oneself CHECK (asked_by <> account_id), 
	CONSTRAINT ck_factor_resets_another_person CHECK (decision <> 'confirmed' OR (decided_by <> asked_by AND decided_by <> account_id)), 
	CONSTRAINT ck_factor_resets_decided_whole CHECK (num_nonnulls(decision, decided_by, decided_at) IN (0, 3)), 
	CONSTRAINT fk_factor_resets_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_factor_resets_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_factor_resets_asked_by FOREIGN KEY(asked_by) REFERENCES accounts (id), 
	CONSTRAINT fk_factor_resets_decided_by FOREIGN KEY(decided_by) REFERENCES accounts (id)
);

CREATE INDEX ix_factor_resets_account ON factor_resets (account_id);

CREATE INDEX ix_factor_resets_agency ON factor_resets (agency_id, asked_at);

CREATE TABLE guardian_records (
	person_id UUID NOT NULL, 
	authority TEXT NOT NULL, 
	lives_with BOOLEAN DEFAULT 'true' NOT NULL, 
	concerned BOOLEAN DEFAULT 'false' NOT NULL, 
	recorded_by UUID, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_guardian_records PRIMARY KEY (id), 
	CONSTRAINT fk_guardian_records_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_guardian_records_person_id FOREIGN KEY(person_id) REFERENCES persons (id), 
	CONSTRAINT fk_guardian_records_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE INDEX ix_guardian_records_case ON guardian_records (case_id);

CREATE TABLE household_cases (
	household_id UUID NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_household_cases PRIMARY KEY (id), 
	CONSTRAINT fk_household_cases_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_household_cases_household_id FOREIGN KEY(household_id) REFERENCES households (id)
);

CREATE INDEX ix_household_cases_case ON household_cases (case_id);

CREATE TABLE issuer_links (
	issuer_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	subject_index BYTEA NOT NULL, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_issuer_links PRIMARY KEY (id), 
	CONSTRAINT fk_issuer_links_issuer_id FOREIGN KEY(issuer_id) REFERENCES issuers (id), 
	CONSTRAINT fk_issuer_links_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE UNIQUE INDEX uq_issuer_links_account ON issuer_links (issuer_id, account_id) WHERE valid_until IS NULL;

CREATE UNIQUE INDEX uq_issuer_links_subject ON issuer_links (issuer_id, subject_index) WHERE valid_until IS NULL;

CREATE TABLE known_devices (
	account_id UUID NOT NULL, 
	device_hash BYTEA NOT NULL, 
	seen_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_known_devices PRIMARY KEY (device_hash), 
	CONSTRAINT fk_known_devices_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE machine_secrets (
	client_id UUID NOT NULL, 
	secret_hash BYTEA NOT NULL, 
	used_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_machine_secrets PRIMARY KEY (id), 
	CONSTRAINT fk_machine_secrets_client_id FOREIGN KEY(client_id) REFERENCES machine_clients (id)
);

CREATE TABLE mail_choices (
	account_id UUID NOT NULL, 
	daily_at SMALLINT, 
	quiet_from SMALLINT, 
	quiet_until SMALLINT, 
	CONSTRAINT pk_mail_choices PRIMARY KEY (account_id), 
	CONSTRAINT ck_mail_choices_both_ends CHECK (num_nonnulls(quiet_from, quiet_until) <> 1), 
	CONSTRAINT ck_mail_choices_hour_from CHECK (quiet_from BETWEEN 0 AND 23), 
	CONSTRAINT ck_mail_choices_hour_until CHECK (quiet_until BETWEEN 0 AND 23), 
	CONSTRAINT ck_mail_choices_hour_daily CHECK (daily_at BETWEEN 0 AND 23), 
	CONSTRAINT fk_mail_choices_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE meeting_experts (
	meeting_id UUID NOT NULL, 
	centre_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_meeting_experts PRIMARY KEY (id), 
	CONSTRAINT uq_meeting_experts_meeting_id_account_id UNIQUE (meeting_id, account_id), 
	CONSTRAINT fk_meeting_experts_meeting_id_centre_id FOREIGN KEY(meeting_id, centre_id) REFERENCES meetings (id, agency_id), 
	CONSTRAINT fk_meeting_experts_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_meeting_experts_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE TABLE membership_proposals (
	account_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	role TEXT NOT NULL, 
	manager BOOLEAN DEFAULT 'false' NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	proposed_by UUID NOT NULL, 
	proposed_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	decision TEXT, 
	decided_by UUID, 
	decided_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	CONSTRAINT pk_membership_proposals PRIMARY KEY (id), 
	CONSTRAINT ck_membership_proposals_another_person CHECK (decision <> 'confirmed' OR (decided_by <> proposed_by AND decided_by <> account_id)), 
	CONSTRAINT ck_membership_proposals_decided_whole CHECK (num_nonnulls(decision, decided_by, decided_at) IN (0, 3)), 
	CONSTRAINT fk_membership_proposals_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_membership_proposals_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_membership_proposals_proposed_by FOREIGN KEY(proposed_by) REFERENCES accounts (id), 
	CONSTRAINT fk_membership_proposals_decided_by FOREIGN KEY(decided_by) REFERENCES accounts (id)
);

CREATE INDEX ix_membership_proposals_account ON membership_proposals (account_id);

CREATE INDEX ix_membership_proposals_agency ON membership_proposals (agency_id, proposed_at);

CREATE TABLE memberships (
	account_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	role TEXT NOT NULL, 
	manager BOOLEAN DEFAULT 'false' NOT NULL, 
	confirm_by TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_memberships PRIMARY KEY (id), 
	CONSTRAINT fk_memberships_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_memberships_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE INDEX ix_memberships_acting ON memberships (account_id, agency_id);

CREATE TABLE necessity_records (
	necessity TEXT NOT NULL, 
	recorded_by UUID NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	grounds_sealed BYTEA NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_necessity_records PRIMARY KEY (id), 
	CONSTRAINT fk_necessity_records_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_necessity_records_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE INDEX ix_necessity_records_case ON necessity_records (case_id);

CREATE TABLE never_tells (
	agency_id UUID, 
	account_id UUID, 
	person_id UUID, 
	relationship_code TEXT, 
	recorded_by UUID, 
	words_sealed BYTEA, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_never_tells PRIMARY KEY (id), 
	CONSTRAINT ck_never_tells_one_target CHECK (num_nonnulls(agency_id, account_id, person_id) <= 1), 
	CONSTRAINT fk_never_tells_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_never_tells_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_never_tells_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_never_tells_person_id FOREIGN KEY(person_id) REFERENCES persons (id), 
	CONSTRAINT fk_never_tells_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE INDEX ix_never_tells_case ON never_tells (case_id);

CREATE TABLE notices (
	kind TEXT NOT NULL, 
	account_id UUID, 
	due_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	link_hash BYTEA, 
	email_index BYTEA, 
	expires_at TIMESTAMP WITH TIME ZONE, 
	used_at TIMESTAMP WITH TIME ZONE, 
	sent_at TIMESTAMP WITH TIME ZONE, 
	refused_at TIMESTAMP WITH TIME ZONE, 
	dropped_at TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_notices PRIMARY KEY (id), 
	CONSTRAINT fk_notices_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_notices_link_hash UNIQUE (link_hash)
);

CREATE INDEX ix_notices_account ON notices (account_id, kind);

CREATE TABLE passkeys (
	account_id UUID NOT NULL, 
	credential_id BYTEA NOT NULL, 
	public_key BYTEA NOT NULL, 
	sign_count BIGINT NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	used_at TIMESTAMP WITH TIME ZONE, 
	ended_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	CONSTRAINT pk_passkeys PRIMARY KEY (id), 
	CONSTRAINT fk_passkeys_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_passkeys_credential_id UNIQUE (credential_id)
);

CREATE INDEX ix_passkeys_account ON passkeys (account_id);

CREATE TABLE pledges (
	account_id UUID NOT NULL, 
	fiscal_year INTEGER NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_pledges PRIMARY KEY (id), 
	CONSTRAINT uq_pledges_account_id_fiscal_year UNIQUE (account_id, fiscal_year), 
	CONSTRAINT fk_pledges_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE progress_checks (
	checked_by UUID NOT NULL, 
	checked_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	next_on DATE NOT NULL, 
	finding_sealed BYTEA NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_progress_checks PRIMARY KEY (id), 
	CONSTRAINT fk_progress_checks_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_progress_checks_checked_by FOREIGN KEY(checked_by) REFERENCES accounts (id)
);

CREATE INDEX ix_progress_checks_case ON progress_checks (case_id);

CREATE TABLE recovery_codes (
	account_id UUID NOT NULL, 
	code_hash BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	used_at TIMESTAMP WITH TIME ZONE, 
	ended_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	CONSTRAINT pk_recovery_codes PRIMARY KEY (id), 
	CONSTRAINT fk_recovery_codes_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_recovery_codes_code_hash UNIQUE (code_hash)
);

CREATE INDEX ix_recovery_codes_account ON recovery_codes (account_id);

CREATE TABLE saved_texts (
	account_id UUID NOT NULL, 
	path TEXT NOT NULL, 
	fields_sealed BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_saved_texts PRIMARY KEY (id), 
	CONSTRAINT fk_saved_texts_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE INDEX ix_saved_texts_account ON saved_texts (account_id);

CREATE TABLE spellings (
	person_id UUID NOT NULL, 
	kek_id TEXT NOT NULL, 
	sealed BYTEA NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	case_opened_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_spellings PRIMARY KEY (id), 
	CONSTRAINT uq_spellings_case_id_person_id UNIQUE (case_id, person_id), 
	CONSTRAINT fk_spellings_case_id_owner_agency_id_case_opened_at FOREIGN KEY(case_id, owner_agency_id, case_opened_at) REFERENCES cases (id, owner_agency_id, opened_at) ON UPDATE CASCADE, 
	CONSTRAINT fk_spellings_person_id FOREIGN KEY(person_id) REFERENCES person_keys (scope_id) ON DELETE CASCADE
);

CREATE INDEX ix_spellings_person ON spellings (person_id);

CREATE TABLE team_members (
	team_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	id UUID NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_team_members PRIMARY KEY (id), 
	CONSTRAINT fk_team_members_team_id FOREIGN KEY(team_id) REFERENCES teams (id), 
	CONSTRAINT fk_team_members_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE INDEX ix_team_members_account ON team_members (account_id, team_id);

CREATE TABLE threads (
	kind TEXT NOT NULL, 
	sealed BOOLEAN DEFAULT 'false' NOT NULL, 
	case_id UUID, 
	owner_agency_id UUID, 
	person_id UUID, 
	account_id UUID, 
	opened_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	promised_at TIMESTAMP WITH TIME ZONE, 
	closed_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	CONSTRAINT pk_threads PRIMARY KEY (id), 
	CONSTRAINT fk_threads_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_threads_person_id FOREIGN KEY(person_id) REFERENCES persons (id), 
	CONSTRAINT fk_threads_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE INDEX ix_threads_account ON threads (account_id) WHERE account_id IS NOT NULL;

CREATE INDEX ix_threads_case ON threads (case_id) WHERE case_id IS NOT NULL;

CREATE TABLE totp_secrets (
	account_id UUID NOT NULL, 
	secret_sealed BYTEA NOT NULL, 
	used_step BIGINT NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	ended_at TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	CONSTRAINT pk_totp_secrets PRIMARY KEY (id), 
	CONSTRAINT fk_totp_secrets_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE UNIQUE INDEX uq_totp_secrets_holding ON totp_secrets (account_id) WHERE ended_at IS NULL;

CREATE TABLE urgency_decisions (
	urgency TEXT NOT NULL, 
	decided_by UUID NOT NULL, 
	decided_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	grounds_sealed BYTEA NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_urgency_decisions PRIMARY KEY (id), 
	CONSTRAINT fk_urgency_decisions_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_urgency_decisions_decided_by FOREIGN KEY(decided_by) REFERENCES accounts (id)
);

CREATE INDEX ix_urgency_decisions_case ON urgency_decisions (case_id);

CREATE TABLE violations (
	violation TEXT NOT NULL, 
	finding TEXT NOT NULL, 
	severity TEXT, 
	judged_by UUID NOT NULL, 
	judged_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	grounds_sealed BYTEA NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_violations PRIMARY KEY (id), 
	CONSTRAINT fk_violations_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_violations_judged_by FOREIGN KEY(judged_by) REFERENCES accounts (id)
);

CREATE INDEX ix_violations_case ON violations (case_id);

CREATE TABLE advices (
	brief_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	assent BOOLEAN DEFAULT 'false' NOT NULL, 
	given_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	text_sealed BYTEA, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_advices PRIMARY KEY (id), 
	CONSTRAINT uq_advices_brief_id_account_id UNIQUE (brief_id, account_id), 
	CONSTRAINT fk_advices_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_advices_brief_id FOREIGN KEY(brief_id) REFERENCES briefs (id), 
	CONSTRAINT fk_advices_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_advices_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE TABLE alarms (
	agency_id UUID NOT NULL, 
	case_id UUID, 
	thread_id UUID, 
	about_id UUID NOT NULL, 
	began_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	rung_at TIMESTAMP WITH TIME ZONE, 
	confirmed_at TIMESTAMP WITH TIME ZONE, 
	confirmed_by UUID, 
	id UUID NOT NULL, 
	CONSTRAINT pk_alarms PRIMARY KEY (id), 
	CONSTRAINT ck_alarms_names_one CHECK (num_nonnulls(case_id, thread_id) = 1), 
	CONSTRAINT ck_alarms_by_somebody CHECK (num_nonnulls(confirmed_at, confirmed_by) <> 1), 
	CONSTRAINT uq_alarms_about_id UNIQUE (about_id), 
	CONSTRAINT fk_alarms_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_alarms_case_id FOREIGN KEY(case_id) REFERENCES cases (id), 
	CONSTRAINT fk_alarms_thread_id FOREIGN KEY(thread_id) REFERENCES threads (id), 
	CONSTRAINT fk_alarms_confirmed_by FOREIGN KEY(confirmed_by) REFERENCES accounts (id)
);

CREATE INDEX ix_alarms_ringing ON alarms (agency_id) WHERE confirmed_at IS NULL;

CREATE TABLE brief_parties (
	brief_id UUID NOT NULL, 
	meeting_id UUID NOT NULL, 
	released_at TIMESTAMP WITH TIME ZONE, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	names_sealed BYTEA NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_brief_parties PRIMARY KEY (id), 
	CONSTRAINT uq_brief_parties_brief_id UNIQUE (brief_id), 
	CONSTRAINT fk_brief_parties_brief_id_meeting_id FOREIGN KEY(brief_id, meeting_id) REFERENCES briefs (id, meeting_id), 
	CONSTRAINT fk_brief_parties_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE
);

CREATE TABLE conflict_declarations (
	brief_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	conflict BOOLEAN NOT NULL, 
	declared_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_conflict_declarations PRIMARY KEY (id), 
	CONSTRAINT uq_conflict_declarations_brief_id_account_id UNIQUE (brief_id, account_id), 
	CONSTRAINT fk_conflict_declarations_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_conflict_declarations_brief_id FOREIGN KEY(brief_id) REFERENCES briefs (id), 
	CONSTRAINT fk_conflict_declarations_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE TABLE consent_items (
	consent_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	bundle TEXT NOT NULL, 
	slices TEXT[] NOT NULL, 
	answer TEXT NOT NULL, 
	last_day DATE, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_consent_items PRIMARY KEY (id), 
	CONSTRAINT ck_consent_items_three_answers CHECK (answer IN ('yes', 'no', 'later')), 
	CONSTRAINT fk_consent_items_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_consent_items_consent_id FOREIGN KEY(consent_id) REFERENCES consents (id), 
	CONSTRAINT fk_consent_items_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id)
);

CREATE INDEX ix_consent_items_consent ON consent_items (consent_id);

CREATE TABLE consultations (
	thread_id UUID NOT NULL, 
	received_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	channel TEXT NOT NULL, 
	consulter TEXT NOT NULL, 
	anonymous BOOLEAN DEFAULT 'true' NOT NULL, 
	topic TEXT NOT NULL, 
	suspected_abuse BOOLEAN DEFAULT 'false' NOT NULL, 
	urgent BOOLEAN DEFAULT 'false' NOT NULL, 
	reporting_agency_id UUID, 
	recorded_by UUID, 
	basis TEXT, 
	words_sealed BYTEA NOT NULL, 
	about_sealed BYTEA, 
	name_sealed BYTEA, 
	callback_sealed BYTEA, 
	not_to_tell_sealed BYTEA, 
	id UUID NOT NULL, 
	CONSTRAINT pk_consultations PRIMARY KEY (id), 
	CONSTRAINT uq_consultations_thread_id UNIQUE (thread_id), 
	CONSTRAINT fk_consultations_thread_id FOREIGN KEY(thread_id) REFERENCES threads (id), 
	CONSTRAINT fk_consultations_reporting_agency_id FOREIGN KEY(reporting_agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_consultations_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE TABLE denials (
	case_id UUID NOT NULL, 
	kind TEXT NOT NULL, 
	thread_id UUID, 
	account_id UUID, 
	agency_id UUID, 
	person_id UUID, 
	valid_from TIMESTAMP WITH TIME ZONE NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	id UUID NOT NULL, 
	CONSTRAINT pk_denials PRIMARY KEY (id), 
	CONSTRAINT fk_denials_case_id FOREIGN KEY(case_id) REFERENCES cases (id), 
	CONSTRAINT fk_denials_thread_id FOREIGN KEY(thread_id) REFERENCES threads (id), 
	CONSTRAINT fk_denials_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_denials_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_denials_person_id FOREIGN KEY(person_id) REFERENCES persons (id)
);

CREATE INDEX ix_denials_account ON denials (account_id) WHERE account_id IS NOT NULL;

CREATE INDEX ix_denials_agency ON denials (agency_id) WHERE agency_id IS NOT NULL;

CREATE INDEX ix_denials_case ON denials (case_id);

CREATE INDEX ix_denials_person ON denials (person_id) WHERE person_id IS NOT NULL;

CREATE TABLE machine_tokens (
	token_hash BYTEA NOT NULL, 
	secret_id UUID NOT NULL, 
	scopes TEXT[] NOT NULL, 
	issued_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE NOT NULL, 
	CONSTRAINT pk_machine_tokens PRIMARY KEY (token_hash), 
	CONSTRAINT fk_machine_tokens_secret_id FOREIGN KEY(secret_id) REFERENCES machine_secrets (id)
);

CREATE TABLE retractions (
	entry_id UUID NOT NULL, 
	slice TEXT NOT NULL, 
	agency_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	successor_id UUID, 
	retracted_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	reason_sealed BYTEA NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_retractions PRIMARY KEY (id), 
	CONSTRAINT uq_retractions_entry_id UNIQUE (entry_id), 
	CONSTRAINT fk_retractions_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_retractions_entry_id FOREIGN KEY(entry_id) REFERENCES entries (id), 
	CONSTRAINT fk_retractions_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_retractions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_retractions_successor_id FOREIGN KEY(successor_id) REFERENCES entries (id)
);

CREATE TABLE sessions (
	token_hash BYTEA NOT NULL, 
	account_id UUID, 
	agency_id UUID, 
	thread_id UUID, 
	opened_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	seen_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	factors TEXT DEFAULT 'password' NOT NULL, 
	proven_at TIMESTAMP WITH TIME ZONE, 
	issuer_id UUID, 
	lent_for UUID, 
	ended_at TIMESTAMP WITH TIME ZONE, 
	public_id UUID NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (token_hash), 
	CONSTRAINT fk_sessions_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_sessions_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_sessions_thread_id FOREIGN KEY(thread_id) REFERENCES threads (id), 
	CONSTRAINT fk_sessions_issuer_id FOREIGN KEY(issuer_id) REFERENCES issuers (id), 
	CONSTRAINT fk_sessions_lent_for FOREIGN KEY(lent_for) REFERENCES consents (id), 
	CONSTRAINT uq_sessions_public_id UNIQUE (public_id)
);

CREATE TABLE thread_codes (
	thread_id UUID NOT NULL, 
	locator BYTEA NOT NULL, 
	code_hash TEXT NOT NULL, 
	secret_hash TEXT, 
	set_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	CONSTRAINT pk_thread_codes PRIMARY KEY (thread_id), 
	CONSTRAINT fk_thread_codes_thread_id FOREIGN KEY(thread_id) REFERENCES threads (id)
);

CREATE INDEX ix_thread_codes_locator ON thread_codes (locator);

CREATE TABLE thread_messages (
	thread_id UUID NOT NULL, 
	agency_id UUID, 
	account_id UUID, 
	written_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	seen_at TIMESTAMP WITH TIME ZONE, 
	text_sealed BYTEA NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_thread_messages PRIMARY KEY (id), 
	CONSTRAINT fk_thread_messages_thread_id FOREIGN KEY(thread_id) REFERENCES threads (id), 
	CONSTRAINT fk_thread_messages_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_thread_messages_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE INDEX ix_thread_messages_thread ON thread_messages (thread_id, written_at);

CREATE TABLE actions (
	agency_id UUID NOT NULL, 
	kind TEXT NOT NULL, 
	status TEXT DEFAULT 'asked' NOT NULL, 
	due_on DATE NOT NULL, 
	asked_by UUID NOT NULL, 
	asked_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	advice_id UUID, 
	request_sealed BYTEA NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_actions PRIMARY KEY (id), 
	CONSTRAINT fk_actions_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_actions_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_actions_asked_by FOREIGN KEY(asked_by) REFERENCES accounts (id), 
	CONSTRAINT fk_actions_advice_id FOREIGN KEY(advice_id) REFERENCES advices (id)
);

CREATE INDEX ix_actions_agency ON actions (agency_id, status, due_on);

CREATE INDEX ix_actions_case ON actions (case_id);

CREATE TABLE inbox_items (
	consultation_id UUID NOT NULL, 
	thread_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	from_agency_id UUID, 
	status TEXT DEFAULT 'new' NOT NULL, 
	sealed BOOLEAN DEFAULT 'false' NOT NULL, 
	received_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	due_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	unread_since TIMESTAMP WITH TIME ZONE, 
	handled_at TIMESTAMP WITH TIME ZONE, 
	handled_by UUID, 
	case_id UUID, 
	id UUID NOT NULL, 
	CONSTRAINT pk_inbox_items PRIMARY KEY (id), 
	CONSTRAINT uq_inbox_items_consultation_id_agency_id UNIQUE (consultation_id, agency_id), 
	CONSTRAINT uq_inbox_items_id_agency_id UNIQUE (id, agency_id), 
	CONSTRAINT fk_inbox_items_case_id_agency_id FOREIGN KEY(case_id, agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_inbox_items_consultation_id FOREIGN KEY(consultation_id) REFERENCES consultations (id), 
	CONSTRAINT fk_inbox_items_thread_id FOREIGN KEY(thread_id) REFERENCES threads (id), 
	CONSTRAINT fk_inbox_items_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_inbox_items_from_agency_id FOREIGN KEY(from_agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_inbox_items_handled_by FOREIGN KEY(handled_by) REFERENCES accounts (id)
);

CREATE INDEX ix_inbox_items_desk ON inbox_items (agency_id, received_at DESC, id DESC);

CREATE INDEX ix_inbox_items_thread ON inbox_items (thread_id);

CREATE INDEX ix_inbox_items_waiting ON inbox_items (agency_id, due_at, id) WHERE status = 'new' OR unread_since IS NOT NULL;

CREATE TABLE action_events (
	action_id UUID NOT NULL, 
	status TEXT NOT NULL, 
	agency_id UUID NOT NULL, 
	account_id UUID NOT NULL, 
	happened_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	words_sealed BYTEA, 
	effect_sealed BYTEA, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_action_events PRIMARY KEY (id), 
	CONSTRAINT fk_action_events_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_action_events_action_id FOREIGN KEY(action_id) REFERENCES actions (id), 
	CONSTRAINT fk_action_events_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_action_events_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
);

CREATE INDEX ix_action_events_action ON action_events (action_id);

CREATE TABLE grants (
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	case_opened_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	case_concealed BOOLEAN DEFAULT 'false' NOT NULL, 
	agency_id UUID NOT NULL, 
	slices TEXT[] NOT NULL, 
	subject_id UUID, 
	purpose TEXT NOT NULL, 
	basis TEXT NOT NULL, 
	necessity TEXT NOT NULL, 
	valid_from TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	ended_at TIMESTAMP WITH TIME ZONE, 
	team_id UUID, 
	account_ids UUID[], 
	readers_fixed BOOLEAN DEFAULT 'false' NOT NULL, 
	consent_id UUID, 
	guardian_consent_ids UUID[], 
	request_no TEXT, 
	meeting_id UUID, 
	other_statute TEXT, 
	action_id UUID, 
	emergency_id UUID, 
	approved_by UUID, 
	recorded_by UUID, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_grants PRIMARY KEY (id), 
	CONSTRAINT fk_grants_case_id_owner_agency_id_case_opened_at_case_concealed FOREIGN KEY(case_id, owner_agency_id, case_opened_at, case_concealed) REFERENCES cases (id, owner_agency_id, opened_at, concealed) ON UPDATE CASCADE, 
	CONSTRAINT ck_grants_one_kind_of_reader CHECK (team_id IS NULL OR account_ids IS NULL), 
	CONSTRAINT ck_grants_some_slice CHECK (cardinality(slices) > 0), 
	CONSTRAINT ck_grants_some_account CHECK (cardinality(account_ids) > 0 OR account_ids IS NULL), 
	CONSTRAINT fk_grants_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_grants_subject_id FOREIGN KEY(subject_id) REFERENCES persons (id), 
	CONSTRAINT fk_grants_team_id FOREIGN KEY(team_id) REFERENCES teams (id), 
	CONSTRAINT fk_grants_consent_id FOREIGN KEY(consent_id) REFERENCES consents (id), 
	CONSTRAINT fk_grants_meeting_id FOREIGN KEY(meeting_id) REFERENCES meetings (id), 
	CONSTRAINT fk_grants_action_id FOREIGN KEY(action_id) REFERENCES actions (id), 
	CONSTRAINT fk_grants_emergency_id FOREIGN KEY(emergency_id) REFERENCES emergencies (id), 
	CONSTRAINT fk_grants_approved_by FOREIGN KEY(approved_by) REFERENCES accounts (id), 
	CONSTRAINT fk_grants_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE INDEX ix_grants_agency ON grants (agency_id, case_id, valid_until, valid_from);

CREATE INDEX ix_grants_case ON grants (case_id, agency_id, valid_until, valid_from);

CREATE INDEX ix_grants_named ON grants USING gin (account_ids);

CREATE INDEX ix_grants_team ON grants (team_id) WHERE team_id IS NOT NULL;

CREATE TABLE matter_outcomes (
	meeting_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	case_id UUID, 
	item_id UUID, 
	reason TEXT, 
	until_on DATE, 
	recorded_by UUID NOT NULL, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_matter_outcomes PRIMARY KEY (id), 
	CONSTRAINT fk_matter_outcomes_meeting_id_agency_id FOREIGN KEY(meeting_id, agency_id) REFERENCES meetings (id, agency_id), 
	CONSTRAINT fk_matter_outcomes_case_id_agency_id FOREIGN KEY(case_id, agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_matter_outcomes_item_id_agency_id FOREIGN KEY(item_id, agency_id) REFERENCES inbox_items (id, agency_id), 
	CONSTRAINT uq_matter_outcomes_meeting_id_case_id UNIQUE (meeting_id, case_id), 
	CONSTRAINT uq_matter_outcomes_meeting_id_item_id UNIQUE (meeting_id, item_id), 
	CONSTRAINT ck_matter_outcomes_one_matter CHECK (num_nonnulls(case_id, item_id) = 1), 
	CONSTRAINT ck_matter_outcomes_put_off_with_a_day CHECK (num_nonnulls(reason, until_on) <> 1), 
	CONSTRAINT ck_matter_outcomes_talked_over CHECK (reason IS NOT NULL OR item_id IS NOT NULL), 
	CONSTRAINT fk_matter_outcomes_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE INDEX ix_matter_outcomes_case ON matter_outcomes (case_id);

CREATE INDEX ix_matter_outcomes_item ON matter_outcomes (item_id);

CREATE TABLE notifications (
	account_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	kind TEXT NOT NULL, 
	case_id UUID, 
	action_id UUID, 
	entry_id UUID, 
	thread_id UUID, 
	about_id UUID NOT NULL, 
	due_at TIMESTAMP WITH TIME ZONE, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	read_at TIMESTAMP WITH TIME ZONE, 
	notice_id UUID, 
	id UUID NOT NULL, 
	CONSTRAINT pk_notifications PRIMARY KEY (id), 
	CONSTRAINT ck_notifications_names_something CHECK (num_nonnulls(case_id, action_id, entry_id, thread_id) > 0), 
	CONSTRAINT uq_notifications_account_id_agency_id_kind_about_id_due_at UNIQUE NULLS NOT DISTINCT (account_id, agency_id, kind, about_id, due_at), 
	CONSTRAINT fk_notifications_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_notifications_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_notifications_case_id FOREIGN KEY(case_id) REFERENCES cases (id), 
	CONSTRAINT fk_notifications_action_id FOREIGN KEY(action_id) REFERENCES actions (id), 
	CONSTRAINT fk_notifications_entry_id FOREIGN KEY(entry_id) REFERENCES entries (id), 
	CONSTRAINT fk_notifications_thread_id FOREIGN KEY(thread_id) REFERENCES threads (id), 
	CONSTRAINT fk_notifications_notice_id FOREIGN KEY(notice_id) REFERENCES notices (id)
);

CREATE INDEX ix_notifications_about ON notifications (about_id);

CREATE INDEX ix_notifications_list ON notifications (account_id, recorded_at DESC, id DESC);

CREATE INDEX ix_notifications_notice ON notifications (notice_id);

CREATE INDEX ix_notifications_unmailed ON notifications (account_id) WHERE notice_id IS NULL AND read_at IS NULL;

CREATE INDEX ix_notifications_unread ON notifications (account_id) WHERE read_at IS NULL;

CREATE TABLE consent_events (
	consent_id UUID NOT NULL, 
	state TEXT NOT NULL, 
	agency_id UUID, 
	grant_id UUID, 
	happened_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE, 
	wording_id UUID, 
	account_id UUID, 
	thread_id UUID, 
	person_id UUID, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_consent_events PRIMARY KEY (id), 
	CONSTRAINT fk_consent_events_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_consent_events_consent_id FOREIGN KEY(consent_id) REFERENCES consents (id), 
	CONSTRAINT fk_consent_events_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_consent_events_grant_id FOREIGN KEY(grant_id) REFERENCES grants (id), 
	CONSTRAINT fk_consent_events_wording_id FOREIGN KEY(wording_id) REFERENCES wordings (id), 
	CONSTRAINT fk_consent_events_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_consent_events_thread_id FOREIGN KEY(thread_id) REFERENCES threads (id), 
	CONSTRAINT fk_consent_events_person_id FOREIGN KEY(person_id) REFERENCES persons (id)
);

CREATE INDEX ix_consent_events_case ON consent_events (case_id);

CREATE INDEX ix_consent_events_consent ON consent_events (consent_id);

CREATE TABLE grant_reasons (
	grant_id UUID NOT NULL, 
	reason_sealed BYTEA NOT NULL, 
	told_sealed BYTEA, 
	recorded_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_grant_reasons PRIMARY KEY (id), 
	CONSTRAINT fk_grant_reasons_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_grant_reasons_grant_id FOREIGN KEY(grant_id) REFERENCES grants (id)
);

CREATE INDEX ix_grant_reasons_case ON grant_reasons (case_id);

CREATE TABLE law_reports (
	grant_id UUID NOT NULL, 
	agency_id UUID NOT NULL, 
	word TEXT NOT NULL, 
	sent_by UUID NOT NULL, 
	sent_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	phoned_at TIMESTAMP WITH TIME ZONE, 
	recorded_by UUID, 
	recorded_at TIMESTAMP WITH TIME ZONE, 
	phoned_to_sealed BYTEA, 
	told_sealed BYTEA, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_law_reports PRIMARY KEY (id), 
	CONSTRAINT uq_law_reports_grant_id UNIQUE (grant_id), 
	CONSTRAINT ck_law_reports_recorded_whole CHECK (recorded_at IS NULL OR num_nonnulls(phoned_at, phoned_to_sealed, told_sealed) = 3), 
	CONSTRAINT fk_law_reports_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_law_reports_grant_id FOREIGN KEY(grant_id) REFERENCES grants (id), 
	CONSTRAINT fk_law_reports_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_law_reports_sent_by FOREIGN KEY(sent_by) REFERENCES accounts (id), 
	CONSTRAINT fk_law_reports_recorded_by FOREIGN KEY(recorded_by) REFERENCES accounts (id)
);

CREATE INDEX ix_law_reports_case ON law_reports (case_id);

CREATE TABLE permission_notings (
	grant_id UUID NOT NULL, 
	meeting_id UUID NOT NULL, 
	noted_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_permission_notings PRIMARY KEY (id), 
	CONSTRAINT uq_permission_notings_grant_id UNIQUE (grant_id), 
	CONSTRAINT fk_permission_notings_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_permission_notings_grant_id FOREIGN KEY(grant_id) REFERENCES grants (id), 
	CONSTRAINT fk_permission_notings_meeting_id FOREIGN KEY(meeting_id) REFERENCES meetings (id)
);

CREATE INDEX ix_permission_notings_case ON permission_notings (case_id);

CREATE INDEX ix_permission_notings_meeting ON permission_notings (meeting_id);

CREATE TABLE share_proposals (
	agency_id UUID NOT NULL, 
	slices TEXT[] NOT NULL, 
	account_ids UUID[], 
	purpose TEXT NOT NULL, 
	basis TEXT NOT NULL, 
	necessity TEXT NOT NULL, 
	valid_until TIMESTAMP WITH TIME ZONE NOT NULL, 
	ruled_out TEXT NOT NULL, 
	request_no TEXT, 
	meeting_id UUID, 
	other_statute TEXT, 
	told_first BOOLEAN NOT NULL, 
	nobody_unlinked BOOLEAN NOT NULL, 
	proposed_by UUID NOT NULL, 
	proposed_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	decision TEXT, 
	decided_by UUID, 
	decided_at TIMESTAMP WITH TIME ZONE, 
	grant_id UUID, 
	reason_sealed BYTEA NOT NULL, 
	why_not_asked_sealed BYTEA NOT NULL, 
	told_sealed BYTEA, 
	new_facts_sealed BYTEA, 
	refusal_sealed BYTEA, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_share_proposals PRIMARY KEY (id), 
	CONSTRAINT ck_share_proposals_three_decisions CHECK (decision IN ('approved', 'refused', 'carried_out')), 
	CONSTRAINT ck_share_proposals_two_people CHECK (decided_by <> proposed_by OR decision = 'carried_out'), 
	CONSTRAINT fk_share_proposals_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_share_proposals_agency_id FOREIGN KEY(agency_id) REFERENCES agencies (id), 
	CONSTRAINT fk_share_proposals_meeting_id FOREIGN KEY(meeting_id) REFERENCES meetings (id), 
	CONSTRAINT fk_share_proposals_proposed_by FOREIGN KEY(proposed_by) REFERENCES accounts (id), 
	CONSTRAINT fk_share_proposals_decided_by FOREIGN KEY(decided_by) REFERENCES accounts (id), 
	CONSTRAINT fk_share_proposals_grant_id FOREIGN KEY(grant_id) REFERENCES grants (id)
);

CREATE INDEX ix_share_proposals_case ON share_proposals (case_id);

CREATE TABLE tasks (
	kind TEXT NOT NULL, 
	grant_id UUID, 
	due_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	opened_at TIMESTAMP WITH TIME ZONE DEFAULT portal_clock() NOT NULL, 
	done_at TIMESTAMP WITH TIME ZONE, 
	done_by UUID, 
	case_id UUID NOT NULL, 
	owner_agency_id UUID NOT NULL, 
	id UUID NOT NULL, 
	CONSTRAINT pk_tasks PRIMARY KEY (id), 
	CONSTRAINT fk_tasks_case_id_owner_agency_id FOREIGN KEY(case_id, owner_agency_id) REFERENCES cases (id, owner_agency_id) ON UPDATE CASCADE, 
	CONSTRAINT fk_tasks_grant_id FOREIGN KEY(grant_id) REFERENCES grants (id), 
	CONSTRAINT fk_tasks_done_by FOREIGN KEY(done_by) REFERENCES accounts (id)
);

CREATE INDEX ix_tasks_case ON tasks (case_id);

-- The sanctioned functions of the database, all in this one file (architecture.md, decision 11).
-- They run as portal_system with a fixed search_path. None of them returns a text of a case.
-- The words in braces are filled in from the vocabularies (portal.policy.rls).

-- ---------------------------------------------------------------------------------------------
-- Signing in: what runs before there is a viewer.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION fiscal_year()
RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- From April to March, by the clocks of Japan.
    SELECT extract(
        year FROM (portal_clock() AT TIME ZONE 'Asia/Tokyo') - interval '3 months')::integer;
$$;

CREATE FUNCTION session_limits(p_agency uuid, p_idle interval, p_absolute interval)
RETURNS TABLE (idle interval, absolute interval)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- How long a sign-in for an agency holds without use and in spite of use.
    SELECT coalesce(make_interval(mins => r.idle_minutes), p_idle),
        coalesce(make_interval(mins => r.absolute_minutes), p_absolute)
    FROM (SELECT 1) AS always LEFT JOIN sign_in_rules r ON r.agency_id = p_agency;
$$;

CREATE FUNCTION comes_in_here(p_manager boolean, p_role text, p_agency uuid)
RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Whether somebody of an agency may come in without its own sign-on: where the agency does not
    -- ask for that, and its managers and administrators always, for when the sign-on is away.
    SELECT p_manager OR p_role = 'sysadmin' OR NOT EXISTS (
        SELECT 1 FROM sign_in_rules r WHERE r.agency_id = p_agency AND r.sign_on_only);
$$;

CREATE FUNCTION session_by_token(p_token_hash bytea, p_idle interval, p_absolute interval)
RETURNS TABLE (
    public_id uuid, account_id uuid, agency_id uuid, thread_id uuid, role text, manager boolean,
    agency_type text, agency_name text, circles uuid[], factors text, proven_at timestamptz,
    pledged boolean, opened_at timestamptz, seen_at timestamptz, issuer_id uuid, idle interval,
    absolute interval, lent_for uuid, has_door boolean, name_sealed bytea, kek_id text,
    wrapped bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- The name stands in the head of each page, so it comes along, sealed, with its key.
    -- A session without a live membership, or of a disabled account, is as good as none. The rule of
    -- the agency that it acts for goes before the installation's.
    SELECT s.public_id, s.account_id, s.agency_id, s.thread_id, m.role,
        -- Whoever managed an agency that left the scheme manages nothing there any more.
        m.manager AND NOT EXISTS (
            SELECT 1 FROM departures d
            WHERE d.agency_id = m.agency_id AND d.valid_from <= portal_clock()
                AND (d.valid_until IS NULL OR portal_clock() < d.valid_until)),
        a.type, a.name, CASE WHEN s.account_id IS NULL THEN '{}'::uuid[] ELSE
            ARRAY[s.agency_id, s.account_id] || ARRAY(
                SELECT t.id FROM teams t JOIN team_members tm ON tm.team_id = t.id
                WHERE t.agency_id = s.agency_id AND tm.account_id = s.account_id
                    AND tm.valid_from <= portal_clock()
                    AND (tm.valid_until IS NULL OR portal_clock() < tm.valid_until))
        END, s.factors, s.proven_at, EXISTS (
            SELECT 1 FROM pledges p
            WHERE p.account_id = s.account_id AND p.fiscal_year = fiscal_year()),
        s.opened_at, s.seen_at, s.issuer_id, l.idle, l.absolute, s.lent_for,
        EXISTS (SELECT 1 FROM doors d WHERE d.agency_id = s.agency_id), p.name_sealed, k.kek_id,
        k.wrapped
    FROM sessions s
    CROSS JOIN LATERAL session_limits(s.agency_id, p_idle, p_absolute) AS l
    LEFT JOIN accounts c ON c.id = s.account_id
    LEFT JOIN account_profiles p ON p.account_id = s.account_id
    LEFT JOIN account_keys k ON k.scope_id = s.account_id
    LEFT JOIN memberships m ON m.account_id = s.account_id AND m.agency_id = s.agency_id
        AND m.valid_from <= portal_clock()
            AND (m.confirm_by IS NULL OR portal_clock() < m.confirm_by)
        AND (m.valid_until IS NULL OR portal_clock() < m.valid_until)
    LEFT JOIN agencies a ON a.id = s.agency_id
    LEFT JOIN threads t ON t.id = s.thread_id
    WHERE s.token_hash = p_token_hash
        AND s.ended_at IS NULL
        AND portal_clock() < s.seen_at + l.idle
        AND portal_clock() < s.opened_at + l.absolute
        AND (s.thread_id IS NULL OR t.closed_at IS NULL)
        -- Who was given another role since the last request signs in anew (security.md S1).
        AND (s.account_id IS NULL OR m.valid_from <= s.seen_at)
        AND (s.account_id IS NULL OR (m.id IS NOT NULL AND NOT c.disabled AND CASE
            WHEN s.issuer_id IS NULL THEN comes_in_here(m.manager, m.role, m.agency_id)
            -- What a sign-on opened ends with the link to it.
            ELSE EXISTS (SELECT 1 FROM issuer_links k WHERE k.account_id = s.account_id
                AND k.issuer_id = s.issuer_id AND k.valid_until IS NULL) END));
$$;

CREATE FUNCTION open_session(
    p_token_hash bytea, p_public_id uuid, p_account uuid, p_agency uuid, p_thread uuid,
    p_factors text, p_proven timestamptz, p_opened timestamptz)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Waits for a change of the password, which ends the sessions that it sees.
    SELECT 1 FROM accounts WHERE id = p_account FOR SHARE;
    INSERT INTO sessions (token_hash, public_id, account_id, agency_id, thread_id, factors,
        proven_at, opened_at)
    VALUES (p_token_hash, p_public_id, p_account, p_agency, p_thread, p_factors,
        p_proven, coalesce(p_opened, portal_clock()));
$$;

CREATE FUNCTION touch_session(p_token_hash bytea)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- An ended session stays ended: a request in flight cannot revive it.
    UPDATE sessions SET seen_at = portal_clock()
    WHERE token_hash = p_token_hash AND ended_at IS NULL
        AND seen_at < portal_clock() - interval '1 minute';
$$;

CREATE FUNCTION end_session(p_token_hash bytea)
RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Returns the public id of the session it ended; NULL where somebody else was sooner.
    UPDATE sessions SET ended_at = portal_clock()
    WHERE token_hash = p_token_hash AND ended_at IS NULL
    RETURNING public_id;
$$;

CREATE FUNCTION sessions_of_viewer(p_idle interval, p_absolute interval)
RETURNS TABLE (public_id uuid, agency_id uuid, opened_at timestamptz, seen_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT s.public_id, s.agency_id, s.opened_at, s.seen_at FROM sessions s
    CROSS JOIN LATERAL session_limits(s.agency_id, p_idle, p_absolute) AS l
    WHERE s.account_id = nullif(current_setting('portal.account_id', true), '')::uuid
        AND s.ended_at IS NULL
        AND portal_clock() < s.seen_at + l.idle
        AND portal_clock() < s.opened_at + l.absolute
    ORDER BY s.seen_at DESC;
$$;

CREATE FUNCTION end_session_of_viewer(p_public_id uuid)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE sessions SET ended_at = portal_clock()
    WHERE public_id = p_public_id AND ended_at IS NULL
        AND account_id = nullif(current_setting('portal.account_id', true), '')::uuid;
$$;

CREATE FUNCTION way_in(p_account uuid)
RETURNS TABLE (agency_id uuid, elsewhere boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- For which agency somebody acts first who comes in here; NULL where there is none, and whether
    -- one is left that the organisation's own sign-on leads to. Always one row.
    SELECT (array_agg(m.agency_id ORDER BY m.valid_from, m.id)
            FILTER (WHERE comes_in_here(m.manager, m.role, m.agency_id)))[1],
        count(*) > 0 AND NOT coalesce(bool_or(comes_in_here(m.manager, m.role, m.agency_id)), false)
    FROM memberships m
    WHERE m.account_id = p_account AND m.valid_from <= portal_clock()
        AND (m.confirm_by IS NULL OR portal_clock() < m.confirm_by)
        AND (m.valid_until IS NULL OR portal_clock() < m.valid_until);
$$;

CREATE FUNCTION account_for_login(p_email_index bytea)
RETURNS TABLE (
    account_id uuid, password_hash text, disabled boolean, agency_id uuid, elsewhere boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Held until the session is open: a change of the password then ends that session too. In a
    -- statement of its own, so that the next one sees what was waited for.
    PERFORM 1 FROM accounts a JOIN account_profiles p ON p.account_id = a.id
    WHERE p.email_index = p_email_index FOR SHARE OF a;
    RETURN QUERY SELECT a.id, c.password_hash, a.disabled, p.agency_id, p.elsewhere
    FROM (
        SELECT x.account_id, x.email_index, w.agency_id, w.elsewhere
        FROM account_profiles x CROSS JOIN LATERAL way_in(x.account_id) AS w
    ) AS p
    JOIN accounts a ON a.id = p.account_id
    LEFT JOIN credentials c ON c.account_id = a.id
    WHERE p.email_index = p_email_index;
END $$;

CREATE FUNCTION passkey_for_login(p_credential_id bytea)
RETURNS TABLE (
    account_id uuid, agency_id uuid, disabled boolean, public_key bytea, sign_count bigint,
    elsewhere boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Held like the row of account_for_login.
    PERFORM 1 FROM accounts a JOIN passkeys k ON k.account_id = a.id
    WHERE k.credential_id = p_credential_id FOR SHARE OF a;
    RETURN QUERY SELECT a.id, w.agency_id, a.disabled, k.public_key, k.sign_count, w.elsewhere
    FROM passkeys k JOIN accounts a ON a.id = k.account_id
    CROSS JOIN LATERAL way_in(a.id) AS w
    WHERE k.credential_id = p_credential_id AND k.ended_at IS NULL;
END $$;

CREATE FUNCTION set_password(p_account uuid, p_hash text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_me uuid := nullif(current_setting('portal.account_id', true), '')::uuid;
BEGIN
    -- Whoever opens a session of the account meanwhile waits, and finds the new password.
    PERFORM 1 FROM accounts WHERE id = p_account FOR NO KEY UPDATE;
    -- One's own password and nobody else's.
    IF v_me IS DISTINCT FROM p_account THEN
        RAISE insufficient_privilege USING MESSAGE = 'this password is not yours to set';
    END IF;
    INSERT INTO credentials (account_id, password_hash) VALUES (p_account, p_hash)
    ON CONFLICT (account_id) DO UPDATE
        SET password_hash = EXCLUDED.password_hash, changed_at = portal_clock();
END $$;

-- ---------------------------------------------------------------------------------------------
-- Letters: written with their job in the transaction that causes them.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION defer_job(p_task text, p_args jsonb, p_due timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- The queue's triggers look for its tables on the search path of this transaction.
    PERFORM set_config('search_path', 'jobs, public, pg_temp', true);
    INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, args, scheduled_at)
    VALUES ('default', p_task, p_args, p_due);
    PERFORM set_config('search_path', 'public, pg_temp', true);
END $$;

CREATE FUNCTION defer_notice(
    p_id uuid, p_kind text, p_account uuid, p_link_hash bytea, p_lifetime interval,
    p_due timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- A new link ends those before it.
    IF p_link_hash IS NOT NULL THEN
        UPDATE notices SET used_at = portal_clock()
        WHERE account_id = p_account AND link_hash IS NOT NULL AND used_at IS NULL;
    END IF;
    INSERT INTO notices (id, kind, account_id, link_hash, due_at, expires_at)
    VALUES (p_id, p_kind, p_account, p_link_hash, coalesce(p_due, portal_clock()),
        coalesce(p_due, portal_clock()) + p_lifetime);
    PERFORM defer_job('send_notice', jsonb_build_object('notice', p_id), p_due);
END $$;

CREATE FUNCTION ask_for_reset(p_email_index bytea, p_id uuid, p_link_hash bytea, p_lifetime interval)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Nobody is looked for here, so that no time tells whether somebody has the address: the worker
    -- finds whose it is before it writes.
    PERFORM defer_notice(p_id, 'reset', NULL, p_link_hash, p_lifetime, NULL);
    UPDATE notices SET email_index = p_email_index WHERE id = p_id;
END $$;

CREATE FUNCTION without_password(p_accounts uuid[])
RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Who has no way in yet: neither a password nor a link to an organisation's sign-on.
    SELECT a.id FROM accounts a WHERE a.id = ANY (p_accounts)
        AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.account_id = a.id)
        AND NOT EXISTS (
            SELECT 1 FROM issuer_links k WHERE k.account_id = a.id AND k.valid_until IS NULL);
$$;

CREATE FUNCTION invitations_of(p_accounts uuid[])
RETURNS TABLE (
    account_id uuid, kind text, due_at timestamptz, expires_at timestamptz, sent_at timestamptz,
    used_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- The last link of each account that has no way in yet; used then means withdrawn.
    SELECT DISTINCT ON (n.account_id) n.account_id, n.kind, n.due_at, n.expires_at, n.sent_at,
        n.used_at
    FROM notices n JOIN without_password(p_accounts) AS w ON w = n.account_id
    WHERE n.link_hash IS NOT NULL
    ORDER BY n.account_id, n.recorded_at DESC, n.id;
$$;

CREATE FUNCTION withdraw_invitation(p_account uuid)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Whoever keeps people takes a link back that was not used, sent or not. What came of it once
    -- it was used is ended otherwise.
    IF viewer_administering() IS NULL AND viewer_managing() IS NULL THEN
        RETURN false;
    END IF;
    UPDATE notices SET used_at = portal_clock()
    WHERE account_id = p_account AND link_hash IS NOT NULL AND used_at IS NULL
        AND EXISTS (SELECT 1 FROM without_password(ARRAY[p_account]));
    RETURN FOUND;
END $$;

CREATE FUNCTION reset_factors(
    p_reset uuid, p_notice uuid, p_link_hash bytea, p_lifetime interval)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_me uuid := nullif(current_setting('portal.account_id', true), '')::uuid;
    v_reset factor_resets%ROWTYPE;
BEGIN
    SELECT * INTO v_reset FROM factor_resets WHERE id = p_reset FOR UPDATE;
    -- Whoever decided just now, as the second person; or alone, where nothing of the account opens
    -- cases or lets others open them, today or later.
    IF NOT FOUND OR v_reset.decided_by IS DISTINCT FROM v_me
        OR v_reset.decided_at IS DISTINCT FROM portal_clock()
        OR v_reset.decision NOT IN ('alone', 'confirmed')
        OR (v_reset.decision = 'alone' AND EXISTS (
            SELECT 1 FROM memberships m JOIN agencies a ON a.id = m.agency_id
            WHERE m.account_id = v_reset.account_id
                AND (m.valid_until IS NULL OR portal_clock() < m.valid_until)
                AND (m.manager OR (a.type, m.role) NOT IN (('support_center', 'center_clerk'), ('cafeteria', 'cafeteria_operator'), ('cafeteria', 'cafeteria_volunteer')))))
    THEN
        RAISE insufficient_privilege USING MESSAGE = 'these factors are not yours to reset';
    END IF;
    -- Whoever signs in meanwhile waits, and finds nothing left to sign in by.
    PERFORM 1 FROM accounts WHERE id = v_reset.account_id FOR NO KEY UPDATE;
    UPDATE totp_secrets SET ended_at = portal_clock()
    WHERE account_id = v_reset.account_id AND ended_at IS NULL;
    UPDATE passkeys SET ended_at = portal_clock()
    WHERE account_id = v_reset.account_id AND ended_at IS NULL;
    UPDATE recovery_codes SET ended_at = portal_clock()
    WHERE account_id = v_reset.account_id AND ended_at IS NULL;
    UPDATE issuer_links SET valid_until = portal_clock()
    WHERE account_id = v_reset.account_id AND valid_until IS NULL;
    -- A known password alone would otherwise set up the next factor: only the link does.
    DELETE FROM credentials WHERE account_id = v_reset.account_id;
    UPDATE sessions SET ended_at = portal_clock()
    WHERE account_id = v_reset.account_id AND ended_at IS NULL;
    PERFORM defer_notice(
        p_notice, 'recovery', v_reset.account_id, p_link_hash, p_lifetime, NULL);
END $$;

CREATE FUNCTION link_owner(p_link_hash bytea)
RETURNS TABLE (account_id uuid, agency_id uuid, kind text, elsewhere boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT n.account_id, coalesce(w.agency_id, (
        SELECT m.agency_id FROM memberships m
        WHERE m.account_id = n.account_id AND m.valid_from <= portal_clock()
            AND (m.confirm_by IS NULL OR portal_clock() < m.confirm_by)
            AND (m.valid_until IS NULL OR portal_clock() < m.valid_until)
        ORDER BY m.valid_from, m.id LIMIT 1)), n.kind, w.elsewhere
    FROM notices n JOIN accounts a ON a.id = n.account_id
    CROSS JOIN LATERAL way_in(n.account_id) AS w
    WHERE n.link_hash = p_link_hash AND n.used_at IS NULL
        AND portal_clock() < n.expires_at AND NOT a.disabled;
$$;

CREATE FUNCTION use_link(p_link_hash bytea)
RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- The row decides between uses at once: whoever waits finds it used.
    UPDATE notices SET used_at = portal_clock()
    WHERE link_hash = p_link_hash AND used_at IS NULL AND portal_clock() < expires_at
    RETURNING account_id;
$$;

CREATE FUNCTION end_other_sessions(p_public_id uuid)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE sessions SET ended_at = portal_clock()
    WHERE account_id = nullif(current_setting('portal.account_id', true), '')::uuid
        AND public_id <> p_public_id AND ended_at IS NULL;
$$;

CREATE FUNCTION sleeping_account(p_token_hash bytea)
RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Whose session it was that nobody ended: it rested too long, or its day is over.
    SELECT s.account_id FROM sessions s
    JOIN accounts a ON a.id = s.account_id
    WHERE s.token_hash = p_token_hash AND s.ended_at IS NULL AND NOT a.disabled
        AND s.seen_at > portal_clock() - interval '1 day'
        AND EXISTS (
            SELECT 1 FROM memberships m
            WHERE m.account_id = s.account_id AND m.agency_id = s.agency_id
                AND m.valid_from <= portal_clock()
                AND (m.valid_until IS NULL OR portal_clock() < m.valid_until));
$$;

CREATE FUNCTION forget_saved_text(p_id uuid)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM saved_texts
    WHERE id = p_id AND account_id = nullif(current_setting('portal.account_id', true), '')::uuid;
$$;

CREATE FUNCTION note_device(p_account uuid, p_device_hash bytea)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_any boolean;
BEGIN
    -- Returns whether the account was known before, but not on this device.
    UPDATE known_devices SET seen_at = portal_clock()
    WHERE device_hash = p_device_hash AND account_id = p_account;
    IF FOUND THEN
        RETURN false;
    END IF;
    SELECT EXISTS (SELECT 1 FROM known_devices WHERE account_id = p_account) INTO v_any;
    INSERT INTO known_devices (account_id, device_hash) VALUES (p_account, p_device_hash);
    RETURN v_any;
END $$;

CREATE FUNCTION thread_by_locator(p_locator bytea)
RETURNS TABLE (thread_id uuid, kind text, code_hash text, secret_hash text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.thread_id, t.kind, c.code_hash, c.secret_hash
    FROM thread_codes c JOIN threads t ON t.id = c.thread_id
    WHERE c.locator = p_locator AND t.closed_at IS NULL;
$$;

CREATE FUNCTION account_of_address(p_email_index bytea)
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Whoever keeps people names somebody of another agency by the address: the answer is an id
    -- and no name, and only for who may propose that person.
    IF viewer_administering() IS NULL AND viewer_managing() IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT p.account_id FROM account_profiles p WHERE p.email_index = p_email_index);
END $$;

CREATE FUNCTION newest_reply(p_thread uuid)
RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- What the code alone shows: the id of the last message that a desk wrote (domain.md §1).
    SELECT id FROM thread_messages WHERE thread_id = p_thread AND agency_id IS NOT NULL
    ORDER BY written_at DESC, id DESC LIMIT 1;
$$;

CREATE FUNCTION door_of(p_agency uuid)
RETURNS TABLE (networks text[], certificates text[], contact text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Asked before anything is shown; settings of an agency, and nothing of anybody.
    SELECT d.networks, d.certificates, d.contact FROM doors d
    WHERE d.agency_id = p_agency AND (cardinality(d.networks) > 0 OR cardinality(d.certificates) > 0);
$$;

CREATE FUNCTION managed_references(p_cases uuid[])
RETURNS TABLE (case_id uuid, reference text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- A manager sees reference, slices and end of each grant and nothing of the case, whose row
    -- stays closed (rule 7); the reference is a random one.
    RETURN QUERY SELECT DISTINCT c.id, c.reference FROM grants JOIN cases c ON c.id = grants.case_id
    WHERE c.id = ANY (p_cases) AND grants.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND grants.agency_id = (SELECT viewer_managing() AS viewer_managing_1) AND grants.valid_from <= portal_clock() AND (grants.valid_until IS NULL OR portal_clock() < grants.valid_until) AND (grants.ended_at IS NULL OR portal_clock() < grants.ended_at) AND grants.case_opened_at <= portal_clock() AND (grants.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grants.case_id != all(CAST((SELECT viewer_cases_not_to_tell_us() AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grants.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND grants.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]));
END $$;

CREATE FUNCTION due_checks(p_until date, p_most integer)
RETURNS TABLE (case_id uuid, check_on date)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET enable_sort = off AS $$
BEGIN
    -- As ``unread_grants``. The planner takes the centre for one agency among many, and would sort
    -- all that is due instead of reading the first of it from the index.
    RETURN QUERY SELECT case_access.case_id, case_access.check_on FROM case_access
    WHERE case_access.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND case_access.circle_id = case_access.agency_id AND case_access.valid_from <= portal_clock() AND case_access.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND case_access.check_on <= p_until
    ORDER BY case_access.agency_id, case_access.check_on, case_access.case_id LIMIT p_most;
END $$;

CREATE FUNCTION unread_grants(p_most integer)
RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- The ids alone, and the owner's alone: each is read through both walls afterwards. Row-level
    -- security would keep the index of named readers from being used.
    RETURN QUERY SELECT grants.id FROM grants WHERE grants.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND grants.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND grants.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND grants.id IN (SELECT doubtful.id 
FROM grants AS doubtful 
WHERE doubtful.team_id IS NULL AND doubtful.account_ids IS NULL AND doubtful.agency_id IN (SELECT agency_in_doubt.id 
FROM agencies AS agency_in_doubt 
WHERE NOT (EXISTS (SELECT team_in_doubt.id 
FROM teams AS team_in_doubt 
WHERE team_in_doubt.agency_id = agency_in_doubt.id AND team_in_doubt.is_default AND (EXISTS (SELECT possible_manning.id 
FROM memberships AS possible_manning JOIN accounts AS account_of_manning ON account_of_manning.id = possible_manning.account_id JOIN agencies AS agency_of_manning ON agency_of_manning.id = possible_manning.agency_id JOIN team_members AS place_of_manning ON place_of_manning.account_id = possible_manning.account_id 
WHERE place_of_manning.team_id = team_in_doubt.id AND possible_manning.agency_id = team_in_doubt.agency_id AND place_of_manning.valid_from <= portal_clock() AND (place_of_manning.valid_until IS NULL OR portal_clock() < place_of_manning.valid_until) AND possible_manning.valid_from <= portal_clock() AND (possible_manning.valid_until IS NULL OR portal_clock() < possible_manning.valid_until) AND NOT account_of_manning.disabled AND (possible_manning.role NOT IN ('audit_officer', 'center_clerk', 'sysadmin')) AND (agency_of_manning.type != 'cafeteria' OR possible_manning.role = 'watcher')))))) AND doubtful.valid_from <= portal_clock() AND (doubtful.valid_until IS NULL OR portal_clock() < doubtful.valid_until) AND (doubtful.ended_at IS NULL OR portal_clock() < doubtful.ended_at) UNION ALL SELECT doubtful.id 
FROM grants AS doubtful 
WHERE doubtful.team_id IN (SELECT team_in_doubt.id 
FROM teams AS team_in_doubt 
WHERE NOT (EXISTS (SELECT possible_manning.id 
FROM memberships AS possible_manning JOIN accounts AS account_of_manning ON account_of_manning.id = possible_manning.account_id JOIN agencies AS agency_of_manning ON agency_of_manning.id = possible_manning.agency_id JOIN team_members AS place_of_manning ON place_of_manning.account_id = possible_manning.account_id 
WHERE place_of_manning.team_id = team_in_doubt.id AND possible_manning.agency_id = team_in_doubt.agency_id AND place_of_manning.valid_from <= portal_clock() AND (place_of_manning.valid_until IS NULL OR portal_clock() < place_of_manning.valid_until) AND possible_manning.valid_from <= portal_clock() AND (possible_manning.valid_until IS NULL OR portal_clock() < possible_manning.valid_until) AND NOT account_of_manning.disabled AND (possible_manning.role NOT IN ('audit_officer', 'center_clerk', 'sysadmin')) AND (agency_of_manning.type != 'cafeteria' OR possible_manning.role = 'watcher')))) AND doubtful.valid_from <= portal_clock() AND (doubtful.valid_until IS NULL OR portal_clock() < doubtful.valid_until) AND (doubtful.ended_at IS NULL OR portal_clock() < doubtful.ended_at) UNION ALL SELECT doubtful.id 
FROM grants AS doubtful 
WHERE (doubtful.account_ids && (SELECT array_agg(possible_leaver.account_id) AS array_agg_1 
FROM memberships AS possible_leaver JOIN accounts AS account_of_leaver ON account_of_leaver.id = possible_leaver.account_id JOIN agencies AS agency_of_leaver ON agency_of_leaver.id = possible_leaver.agency_id 
WHERE NOT (possible_leaver.valid_from <= portal_clock() AND (possible_leaver.valid_until IS NULL OR portal_clock() < possible_leaver.valid_until) AND NOT account_of_leaver.disabled AND (possible_leaver.role NOT IN ('audit_officer', 'center_clerk', 'sysadmin')) AND (agency_of_leaver.type != 'cafeteria' OR possible_leaver.role = 'watcher')))) AND doubtful.valid_from <= portal_clock() AND (doubtful.valid_until IS NULL OR portal_clock() < doubtful.valid_until) AND (doubtful.ended_at IS NULL OR portal_clock() < doubtful.ended_at) UNION ALL SELECT doubtful.id 
FROM grants AS doubtful 
WHERE doubtful.case_id IN (SELECT shut_out_in_doubt.case_id 
FROM exclusions AS shut_out_in_doubt 
WHERE shut_out_in_doubt.valid_from <= portal_clock() AND (shut_out_in_doubt.valid_until IS NULL OR portal_clock() < shut_out_in_doubt.valid_until)) AND doubtful.valid_from <= portal_clock() AND (doubtful.valid_until IS NULL OR portal_clock() < doubtful.valid_until) AND (doubtful.ended_at IS NULL OR portal_clock() < doubtful.ended_at)) AND grants.valid_from <= portal_clock() AND (grants.valid_until IS NULL OR portal_clock() < grants.valid_until) AND (grants.ended_at IS NULL OR portal_clock() < grants.ended_at) AND grants.case_opened_at <= portal_clock() AND NOT (EXISTS (SELECT possible_reader.id 
FROM memberships AS possible_reader JOIN accounts AS account_of_reader ON account_of_reader.id = possible_reader.account_id JOIN agencies AS agency_of_reader ON agency_of_reader.id = possible_reader.agency_id 
WHERE possible_reader.agency_id = grants.agency_id AND possible_reader.valid_from <= portal_clock() AND (possible_reader.valid_until IS NULL OR portal_clock() < possible_reader.valid_until) AND NOT account_of_reader.disabled AND (possible_reader.role NOT IN ('audit_officer', 'center_clerk', 'sysadmin')) AND (agency_of_reader.type != 'cafeteria' OR possible_reader.role = 'watcher') AND (possible_reader.account_id = any(grants.account_ids) OR grants.account_ids IS NULL AND (EXISTS (SELECT place_of_reader.id 
FROM team_members AS place_of_reader JOIN teams AS team_of_reader ON team_of_reader.id = place_of_reader.team_id 
WHERE place_of_reader.account_id = possible_reader.account_id AND place_of_reader.valid_from <= portal_clock() AND (place_of_reader.valid_until IS NULL OR portal_clock() < place_of_reader.valid_until) AND (team_of_reader.id = grants.team_id OR grants.team_id IS NULL AND team_of_reader.agency_id = grants.agency_id AND team_of_reader.is_default)
 LIMIT ALL OFFSET 0))) AND NOT (EXISTS (SELECT shut_out_reader.id 
FROM exclusions AS shut_out_reader 
WHERE shut_out_reader.case_id = grants.case_id AND shut_out_reader.account_id = possible_reader.account_id AND shut_out_reader.valid_from <= portal_clock() AND (shut_out_reader.valid_until IS NULL OR shut_out_reader.valid_until > portal_clock())
 LIMIT ALL OFFSET 0))
 LIMIT ALL OFFSET 0)) LIMIT p_most;
END $$;

CREATE FUNCTION past_concealed(p_at timestamptz, p_case uuid)
RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM concealments c WHERE c.case_id = p_case AND c.valid_from <= p_at
            AND (c.valid_until IS NULL OR p_at < c.valid_until));
$$;

CREATE FUNCTION sights_at(p_case uuid, p_at timestamptz)
RETURNS TABLE (
    account_id uuid, agency_id uuid, kind text, row_id uuid, slice text, subject_id uuid,
    rule text, grant_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_account uuid;
    v_agency uuid;
BEGIN
    -- Everybody who acted at the instant for an agency that owns the case, was ever granted
    -- something of it or wrote into it: nobody else can be shown anything (rules 4 to 8).
    FOR v_account, v_agency IN
        SELECT DISTINCT m.account_id, m.agency_id FROM memberships m
        WHERE m.valid_from <= p_at AND (m.valid_until IS NULL OR p_at < m.valid_until)
            AND m.agency_id IN (
                SELECT c.owner_agency_id FROM cases c WHERE c.id = p_case
                UNION SELECT g.agency_id FROM grants g WHERE g.case_id = p_case
                UNION SELECT e.author_agency_id FROM entries e WHERE e.case_id = p_case)
    LOOP
        RETURN QUERY SELECT v_account, v_agency, s.* FROM (
SELECT 'case'::text, cases.id, NULL::text, NULL::uuid, NULL::text, (SELECT deciding_grant_of_case.id 
FROM grants AS deciding_grant_of_case 
WHERE deciding_grant_of_case.case_id = cases.id AND deciding_grant_of_case.agency_id = (SELECT past_reading(p_at, v_account, v_agency) AS viewer_reading_1) AND ((SELECT CAST(v_account AS UUID) AS nullif_1) = any(deciding_grant_of_case.account_ids) OR deciding_grant_of_case.account_ids IS NULL AND coalesce(deciding_grant_of_case.team_id, deciding_grant_of_case.agency_id) = any(CAST((SELECT past_reads(p_at, v_account, v_agency) AS viewer_reads_1) AS UUID[]))) AND deciding_grant_of_case.valid_from <= p_at AND (deciding_grant_of_case.valid_until IS NULL OR p_at < deciding_grant_of_case.valid_until) AND (deciding_grant_of_case.ended_at IS NULL OR p_at < deciding_grant_of_case.ended_at) AND deciding_grant_of_case.case_opened_at <= p_at AND (deciding_grant_of_case.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR deciding_grant_of_case.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND deciding_grant_of_case.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) ORDER BY CASE deciding_grant_of_case.basis WHEN 'APPI27_1_1' THEN 1 WHEN 'APPI27_1_2' THEN 1 WHEN 'APPI27_1_3' THEN 1 WHEN 'APPI27_1_4' THEN 1 WHEN 'APPI69_1' THEN 1 WHEN 'APPI69_2_2' THEN 1 WHEN 'APPI69_2_3' THEN 1 WHEN 'APPI69_2_4' THEN 1 WHEN 'BULLY23_1' THEN 1 WHEN 'BULLY23_2' THEN 1 WHEN 'BULLY23_6' THEN 1 WHEN 'BULLY28' THEN 1 WHEN 'CAPA10' THEN 1 WHEN 'CAPA13_4' THEN 1 WHEN 'CAPA6' THEN 1 WHEN 'CAPA8' THEN 1 WHEN 'CONSENT' THEN 0 WHEN 'CWA21_10_5' THEN 1 WHEN 'CWA25' THEN 1 WHEN 'CWA25_2' THEN 1 WHEN 'CWA25_3' THEN 1 WHEN 'CWA25_7' THEN 1 WHEN 'CWA33_12' THEN 1 WHEN 'CYS20' THEN 1 WHEN 'EMERGENCY' THEN 3 WHEN 'ENTRUST_NPO' THEN 2 WHEN 'EXPERT' THEN 2 WHEN 'LPA27_3' THEN 1 WHEN 'POOR9' THEN 1 WHEN 'SCHPOL' THEN 1 WHEN 'SWA106_6' THEN 1 WHEN 'TSV18' THEN 1 ELSE 4 END, deciding_grant_of_case.valid_from, deciding_grant_of_case.id 
 LIMIT 1) AS anon_1 
FROM cases 
WHERE cases.id = p_case AND cases.opened_at <= p_at AND cases.id != all(CAST((SELECT past_excluded_cases(p_at, v_account, v_agency) AS viewer_excluded_cases_1) AS UUID[])) AND (cases.owner_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_2) AND cases.owner_agency_id = (SELECT past_owning(p_at, v_account, v_agency) AS viewer_owning_1) OR (EXISTS (SELECT grant_on_case.id 
FROM grants AS grant_on_case 
WHERE grant_on_case.case_id = cases.id AND grant_on_case.agency_id = (SELECT past_reading(p_at, v_account, v_agency) AS viewer_reading_1) AND ((SELECT CAST(v_account AS UUID) AS nullif_1) = any(grant_on_case.account_ids) OR grant_on_case.account_ids IS NULL AND coalesce(grant_on_case.team_id, grant_on_case.agency_id) = any(CAST((SELECT past_reads(p_at, v_account, v_agency) AS viewer_reads_1) AS UUID[]))) AND grant_on_case.valid_from <= p_at AND (grant_on_case.valid_until IS NULL OR p_at < grant_on_case.valid_until) AND (grant_on_case.ended_at IS NULL OR p_at < grant_on_case.ended_at) AND grant_on_case.case_opened_at <= p_at AND (grant_on_case.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grant_on_case.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grant_on_case.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[]))
 LIMIT ALL OFFSET 0)))
        ) AS s (kind, row_id, slice, subject_id, rule, grant_id);
        RETURN QUERY SELECT v_account, v_agency, s.* FROM (
SELECT 'entry'::text, entries.id, entries.slice, entries.subject_id, CASE WHEN (entries.owner_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND entries.owner_agency_id = (SELECT past_owning(p_at, v_account, v_agency) AS viewer_owning_1) AND (entries.slice != 'reporter' OR entries.owner_agency_id = (SELECT past_directing(p_at, v_account, v_agency) AS viewer_directing_1) OR entries.case_id = any(CAST((SELECT past_worked_cases(p_at, v_account, v_agency) AS viewer_worked_cases_1) AS UUID[])))) THEN 'owner' WHEN (EXISTS (SELECT grant_of_entry.id 
FROM grants AS grant_of_entry 
WHERE grant_of_entry.case_id = entries.case_id AND grant_of_entry.agency_id = (SELECT past_reading(p_at, v_account, v_agency) AS viewer_reading_1) AND ((SELECT CAST(v_account AS UUID) AS nullif_2) = any(grant_of_entry.account_ids) OR grant_of_entry.account_ids IS NULL AND coalesce(grant_of_entry.team_id, grant_of_entry.agency_id) = any(CAST((SELECT past_reads(p_at, v_account, v_agency) AS viewer_reads_1) AS UUID[]))) AND grant_of_entry.valid_from <= p_at AND (grant_of_entry.valid_until IS NULL OR p_at < grant_of_entry.valid_until) AND (grant_of_entry.ended_at IS NULL OR p_at < grant_of_entry.ended_at) AND grant_of_entry.case_opened_at <= p_at AND (grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND entries.slice = any(grant_of_entry.slices) AND (grant_of_entry.subject_id = entries.subject_id OR grant_of_entry.subject_id IS NULL AND grant_of_entry.basis != 'CONSENT') AND (entries.slice NOT IN ('reporter', 'advice')) AND (entries.slice != 'detail' OR grant_of_entry.agency_id = (SELECT past_reading_detail(p_at, v_account, v_agency) AS viewer_reading_detail_1)) AND (NOT past_concealed(p_at, grant_of_entry.case_id) OR (entries.slice NOT IN ('contact', 'school')) OR grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)) THEN 'grant' ELSE 'own_post' END AS anon_1, CASE WHEN (entries.owner_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND entries.owner_agency_id = (SELECT past_owning(p_at, v_account, v_agency) AS viewer_owning_1) AND (entries.slice != 'reporter' OR entries.owner_agency_id = (SELECT past_directing(p_at, v_account, v_agency) AS viewer_directing_1) OR entries.case_id = any(CAST((SELECT past_worked_cases(p_at, v_account, v_agency) AS viewer_worked_cases_1) AS UUID[])))) THEN NULL ELSE (SELECT deciding_grant.id 
FROM grants AS deciding_grant 
WHERE deciding_grant.case_id = entries.case_id AND deciding_grant.agency_id = (SELECT past_reading(p_at, v_account, v_agency) AS viewer_reading_1) AND ((SELECT CAST(v_account AS UUID) AS nullif_2) = any(deciding_grant.account_ids) OR deciding_grant.account_ids IS NULL AND coalesce(deciding_grant.team_id, deciding_grant.agency_id) = any(CAST((SELECT past_reads(p_at, v_account, v_agency) AS viewer_reads_1) AS UUID[]))) AND deciding_grant.valid_from <= p_at AND (deciding_grant.valid_until IS NULL OR p_at < deciding_grant.valid_until) AND (deciding_grant.ended_at IS NULL OR p_at < deciding_grant.ended_at) AND deciding_grant.case_opened_at <= p_at AND (deciding_grant.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR deciding_grant.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND deciding_grant.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND entries.slice = any(deciding_grant.slices) AND (deciding_grant.subject_id = entries.subject_id OR deciding_grant.subject_id IS NULL AND deciding_grant.basis != 'CONSENT') AND (entries.slice NOT IN ('reporter', 'advice')) AND (entries.slice != 'detail' OR deciding_grant.agency_id = (SELECT past_reading_detail(p_at, v_account, v_agency) AS viewer_reading_detail_1)) AND (NOT past_concealed(p_at, deciding_grant.case_id) OR (entries.slice NOT IN ('contact', 'school')) OR deciding_grant.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18')) ORDER BY CASE deciding_grant.basis WHEN 'APPI27_1_1' THEN 1 WHEN 'APPI27_1_2' THEN 1 WHEN 'APPI27_1_3' THEN 1 WHEN 'APPI27_1_4' THEN 1 WHEN 'APPI69_1' THEN 1 WHEN 'APPI69_2_2' THEN 1 WHEN 'APPI69_2_3' THEN 1 WHEN 'APPI69_2_4' THEN 1 WHEN 'BULLY23_1' THEN 1 WHEN 'BULLY23_2' THEN 1 WHEN 'BULLY23_6' THEN 1 WHEN 'BULLY28' THEN 1 WHEN 'CAPA10' THEN 1 WHEN 'CAPA13_4' THEN 1 WHEN 'CAPA6' THEN 1 WHEN 'CAPA8' THEN 1 WHEN 'CONSENT' THEN 0 WHEN 'CWA21_10_5' THEN 1 WHEN 'CWA25' THEN 1 WHEN 'CWA25_2' THEN 1 WHEN 'CWA25_3' THEN 1 WHEN 'CWA25_7' THEN 1 WHEN 'CWA33_12' THEN 1 WHEN 'CYS20' THEN 1 WHEN 'EMERGENCY' THEN 3 WHEN 'ENTRUST_NPO' THEN 2 WHEN 'EXPERT' THEN 2 WHEN 'LPA27_3' THEN 1 WHEN 'POOR9' THEN 1 WHEN 'SCHPOL' THEN 1 WHEN 'SWA106_6' THEN 1 WHEN 'TSV18' THEN 1 ELSE 4 END, deciding_grant.valid_from, deciding_grant.id 
 LIMIT 1) END AS anon_2 
FROM entries 
WHERE entries.case_id = p_case AND entries.written_at <= p_at AND entries.case_opened_at <= p_at AND (entries.retracted_at IS NULL OR p_at < entries.retracted_at) AND entries.case_id != all(CAST((SELECT past_excluded_cases(p_at, v_account, v_agency) AS viewer_excluded_cases_1) AS UUID[])) AND (entries.owner_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND entries.owner_agency_id = (SELECT past_owning(p_at, v_account, v_agency) AS viewer_owning_1) AND (entries.slice != 'reporter' OR entries.owner_agency_id = (SELECT past_directing(p_at, v_account, v_agency) AS viewer_directing_1) OR entries.case_id = any(CAST((SELECT past_worked_cases(p_at, v_account, v_agency) AS viewer_worked_cases_1) AS UUID[]))) OR (EXISTS (SELECT grant_of_entry.id 
FROM grants AS grant_of_entry 
WHERE grant_of_entry.case_id = entries.case_id AND grant_of_entry.agency_id = (SELECT past_reading(p_at, v_account, v_agency) AS viewer_reading_1) AND ((SELECT CAST(v_account AS UUID) AS nullif_2) = any(grant_of_entry.account_ids) OR grant_of_entry.account_ids IS NULL AND coalesce(grant_of_entry.team_id, grant_of_entry.agency_id) = any(CAST((SELECT past_reads(p_at, v_account, v_agency) AS viewer_reads_1) AS UUID[]))) AND grant_of_entry.valid_from <= p_at AND (grant_of_entry.valid_until IS NULL OR p_at < grant_of_entry.valid_until) AND (grant_of_entry.ended_at IS NULL OR p_at < grant_of_entry.ended_at) AND grant_of_entry.case_opened_at <= p_at AND (grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND entries.slice = any(grant_of_entry.slices) AND (grant_of_entry.subject_id = entries.subject_id OR grant_of_entry.subject_id IS NULL AND grant_of_entry.basis != 'CONSENT') AND (entries.slice NOT IN ('reporter', 'advice')) AND (entries.slice != 'detail' OR grant_of_entry.agency_id = (SELECT past_reading_detail(p_at, v_account, v_agency) AS viewer_reading_detail_1)) AND (NOT past_concealed(p_at, grant_of_entry.case_id) OR (entries.slice NOT IN ('contact', 'school')) OR grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)) OR entries.author_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND entries.author_agency_id = (SELECT past_posting(p_at, v_account, v_agency) AS viewer_posting_1) AND (entries.author_account_id = (SELECT CAST(v_account AS UUID) AS nullif_2) OR (SELECT past_default_team(p_at, v_account, v_agency) AS viewer_default_team_1) IS NOT NULL) AND entries.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND entries.owner_agency_id != entries.author_agency_id) AND (entries.owner_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND entries.owner_agency_id = (SELECT past_owning(p_at, v_account, v_agency) AS viewer_owning_1) AND (entries.slice != 'reporter' OR entries.owner_agency_id = (SELECT past_directing(p_at, v_account, v_agency) AS viewer_directing_1) OR entries.case_id = any(CAST((SELECT past_worked_cases(p_at, v_account, v_agency) AS viewer_worked_cases_1) AS UUID[]))) OR (EXISTS (SELECT grant_of_entry.id 
FROM grants AS grant_of_entry 
WHERE grant_of_entry.case_id = entries.case_id AND grant_of_entry.agency_id = (SELECT past_reading(p_at, v_account, v_agency) AS viewer_reading_1) AND ((SELECT CAST(v_account AS UUID) AS nullif_2) = any(grant_of_entry.account_ids) OR grant_of_entry.account_ids IS NULL AND coalesce(grant_of_entry.team_id, grant_of_entry.agency_id) = any(CAST((SELECT past_reads(p_at, v_account, v_agency) AS viewer_reads_1) AS UUID[]))) AND grant_of_entry.valid_from <= p_at AND (grant_of_entry.valid_until IS NULL OR p_at < grant_of_entry.valid_until) AND (grant_of_entry.ended_at IS NULL OR p_at < grant_of_entry.ended_at) AND grant_of_entry.case_opened_at <= p_at AND (grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND entries.slice = any(grant_of_entry.slices) AND (grant_of_entry.subject_id = entries.subject_id OR grant_of_entry.subject_id IS NULL AND grant_of_entry.basis != 'CONSENT') AND (entries.slice NOT IN ('reporter', 'advice')) AND (entries.slice != 'detail' OR grant_of_entry.agency_id = (SELECT past_reading_detail(p_at, v_account, v_agency) AS viewer_reading_detail_1)) AND (NOT past_concealed(p_at, grant_of_entry.case_id) OR (entries.slice NOT IN ('contact', 'school')) OR grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)))
        ) AS s (kind, row_id, slice, subject_id, rule, grant_id);
        RETURN QUERY SELECT v_account, v_agency, s.* FROM (
SELECT 'own_post'::text, entries.id, entries.slice, entries.subject_id, NULL::text, NULL::uuid 
FROM entries 
WHERE entries.case_id = p_case AND entries.written_at <= p_at AND entries.case_opened_at <= p_at AND (entries.retracted_at IS NULL OR p_at < entries.retracted_at) AND entries.case_id != all(CAST((SELECT past_excluded_cases(p_at, v_account, v_agency) AS viewer_excluded_cases_1) AS UUID[])) AND (entries.owner_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND entries.owner_agency_id = (SELECT past_owning(p_at, v_account, v_agency) AS viewer_owning_1) AND (entries.slice != 'reporter' OR entries.owner_agency_id = (SELECT past_directing(p_at, v_account, v_agency) AS viewer_directing_1) OR entries.case_id = any(CAST((SELECT past_worked_cases(p_at, v_account, v_agency) AS viewer_worked_cases_1) AS UUID[]))) OR (EXISTS (SELECT grant_of_entry.id 
FROM grants AS grant_of_entry 
WHERE grant_of_entry.case_id = entries.case_id AND grant_of_entry.agency_id = (SELECT past_reading(p_at, v_account, v_agency) AS viewer_reading_1) AND ((SELECT CAST(v_account AS UUID) AS nullif_2) = any(grant_of_entry.account_ids) OR grant_of_entry.account_ids IS NULL AND coalesce(grant_of_entry.team_id, grant_of_entry.agency_id) = any(CAST((SELECT past_reads(p_at, v_account, v_agency) AS viewer_reads_1) AS UUID[]))) AND grant_of_entry.valid_from <= p_at AND (grant_of_entry.valid_until IS NULL OR p_at < grant_of_entry.valid_until) AND (grant_of_entry.ended_at IS NULL OR p_at < grant_of_entry.ended_at) AND grant_of_entry.case_opened_at <= p_at AND (grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND entries.slice = any(grant_of_entry.slices) AND (grant_of_entry.subject_id = entries.subject_id OR grant_of_entry.subject_id IS NULL AND grant_of_entry.basis != 'CONSENT') AND (entries.slice NOT IN ('reporter', 'advice')) AND (entries.slice != 'detail' OR grant_of_entry.agency_id = (SELECT past_reading_detail(p_at, v_account, v_agency) AS viewer_reading_detail_1)) AND (NOT past_concealed(p_at, grant_of_entry.case_id) OR (entries.slice NOT IN ('contact', 'school')) OR grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)) OR entries.author_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND entries.author_agency_id = (SELECT past_posting(p_at, v_account, v_agency) AS viewer_posting_1) AND (entries.author_account_id = (SELECT CAST(v_account AS UUID) AS nullif_2) OR (SELECT past_default_team(p_at, v_account, v_agency) AS viewer_default_team_1) IS NOT NULL) AND entries.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND entries.owner_agency_id != entries.author_agency_id) AND entries.author_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND entries.author_agency_id = (SELECT past_posting(p_at, v_account, v_agency) AS viewer_posting_1) AND (entries.author_account_id = (SELECT CAST(v_account AS UUID) AS nullif_2) OR (SELECT past_default_team(p_at, v_account, v_agency) AS viewer_default_team_1) IS NOT NULL) AND entries.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND (entries.owner_agency_id != (SELECT past_posting(p_at, v_account, v_agency) AS viewer_posting_1) OR entries.owner_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND entries.owner_agency_id = (SELECT past_owning(p_at, v_account, v_agency) AS viewer_owning_1) AND (entries.slice != 'reporter' OR entries.owner_agency_id = (SELECT past_directing(p_at, v_account, v_agency) AS viewer_directing_1) OR entries.case_id = any(CAST((SELECT past_worked_cases(p_at, v_account, v_agency) AS viewer_worked_cases_1) AS UUID[]))))
        ) AS s (kind, row_id, slice, subject_id, rule, grant_id);
        RETURN QUERY SELECT v_account, v_agency, s.* FROM (
SELECT 'managed_grant'::text, grants.id, NULL::text, NULL::uuid, NULL::text, grants.id AS id__1 
FROM grants 
WHERE grants.case_id = p_case AND grants.agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND grants.agency_id = (SELECT past_managing(p_at, v_account, v_agency) AS viewer_managing_1) AND grants.valid_from <= p_at AND (grants.valid_until IS NULL OR p_at < grants.valid_until) AND (grants.ended_at IS NULL OR p_at < grants.ended_at) AND grants.case_opened_at <= p_at AND (grants.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grants.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grants.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND grants.case_id != all(CAST((SELECT past_excluded_cases(p_at, v_account, v_agency) AS viewer_excluded_cases_1) AS UUID[]))
        ) AS s (kind, row_id, slice, subject_id, rule, grant_id);
        RETURN QUERY SELECT v_account, v_agency, s.* FROM (
SELECT 'slice'::text, NULL::uuid, in_slice.slice, in_slice.subject_id, CASE WHEN (in_slice.owner_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND in_slice.owner_agency_id = (SELECT past_owning(p_at, v_account, v_agency) AS viewer_owning_1) AND (in_slice.slice != 'reporter' OR in_slice.owner_agency_id = (SELECT past_directing(p_at, v_account, v_agency) AS viewer_directing_1) OR in_slice.case_id = any(CAST((SELECT past_worked_cases(p_at, v_account, v_agency) AS viewer_worked_cases_1) AS UUID[])))) THEN 'owner' WHEN (EXISTS (SELECT grant_of_entry.id 
FROM grants AS grant_of_entry 
WHERE grant_of_entry.case_id = in_slice.case_id AND grant_of_entry.agency_id = (SELECT past_reading(p_at, v_account, v_agency) AS viewer_reading_1) AND ((SELECT CAST(v_account AS UUID) AS nullif_2) = any(grant_of_entry.account_ids) OR grant_of_entry.account_ids IS NULL AND coalesce(grant_of_entry.team_id, grant_of_entry.agency_id) = any(CAST((SELECT past_reads(p_at, v_account, v_agency) AS viewer_reads_1) AS UUID[]))) AND grant_of_entry.valid_from <= p_at AND (grant_of_entry.valid_until IS NULL OR p_at < grant_of_entry.valid_until) AND (grant_of_entry.ended_at IS NULL OR p_at < grant_of_entry.ended_at) AND grant_of_entry.case_opened_at <= p_at AND (grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND in_slice.slice = any(grant_of_entry.slices) AND (grant_of_entry.subject_id = in_slice.subject_id OR grant_of_entry.subject_id IS NULL AND grant_of_entry.basis != 'CONSENT') AND (in_slice.slice NOT IN ('reporter', 'advice')) AND (in_slice.slice != 'detail' OR grant_of_entry.agency_id = (SELECT past_reading_detail(p_at, v_account, v_agency) AS viewer_reading_detail_1)) AND (NOT past_concealed(p_at, grant_of_entry.case_id) OR (in_slice.slice NOT IN ('contact', 'school')) OR grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)) THEN 'grant' ELSE 'own_post' END AS anon_1, CASE WHEN (in_slice.owner_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND in_slice.owner_agency_id = (SELECT past_owning(p_at, v_account, v_agency) AS viewer_owning_1) AND (in_slice.slice != 'reporter' OR in_slice.owner_agency_id = (SELECT past_directing(p_at, v_account, v_agency) AS viewer_directing_1) OR in_slice.case_id = any(CAST((SELECT past_worked_cases(p_at, v_account, v_agency) AS viewer_worked_cases_1) AS UUID[])))) THEN NULL ELSE (SELECT deciding_grant.id 
FROM grants AS deciding_grant 
WHERE deciding_grant.case_id = in_slice.case_id AND deciding_grant.agency_id = (SELECT past_reading(p_at, v_account, v_agency) AS viewer_reading_1) AND ((SELECT CAST(v_account AS UUID) AS nullif_2) = any(deciding_grant.account_ids) OR deciding_grant.account_ids IS NULL AND coalesce(deciding_grant.team_id, deciding_grant.agency_id) = any(CAST((SELECT past_reads(p_at, v_account, v_agency) AS viewer_reads_1) AS UUID[]))) AND deciding_grant.valid_from <= p_at AND (deciding_grant.valid_until IS NULL OR p_at < deciding_grant.valid_until) AND (deciding_grant.ended_at IS NULL OR p_at < deciding_grant.ended_at) AND deciding_grant.case_opened_at <= p_at AND (deciding_grant.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR deciding_grant.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND deciding_grant.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND in_slice.slice = any(deciding_grant.slices) AND (deciding_grant.subject_id = in_slice.subject_id OR deciding_grant.subject_id IS NULL AND deciding_grant.basis != 'CONSENT') AND (in_slice.slice NOT IN ('reporter', 'advice')) AND (in_slice.slice != 'detail' OR deciding_grant.agency_id = (SELECT past_reading_detail(p_at, v_account, v_agency) AS viewer_reading_detail_1)) AND (NOT past_concealed(p_at, deciding_grant.case_id) OR (in_slice.slice NOT IN ('contact', 'school')) OR deciding_grant.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18')) ORDER BY CASE deciding_grant.basis WHEN 'APPI27_1_1' THEN 1 WHEN 'APPI27_1_2' THEN 1 WHEN 'APPI27_1_3' THEN 1 WHEN 'APPI27_1_4' THEN 1 WHEN 'APPI69_1' THEN 1 WHEN 'APPI69_2_2' THEN 1 WHEN 'APPI69_2_3' THEN 1 WHEN 'APPI69_2_4' THEN 1 WHEN 'BULLY23_1' THEN 1 WHEN 'BULLY23_2' THEN 1 WHEN 'BULLY23_6' THEN 1 WHEN 'BULLY28' THEN 1 WHEN 'CAPA10' THEN 1 WHEN 'CAPA13_4' THEN 1 WHEN 'CAPA6' THEN 1 WHEN 'CAPA8' THEN 1 WHEN 'CONSENT' THEN 0 WHEN 'CWA21_10_5' THEN 1 WHEN 'CWA25' THEN 1 WHEN 'CWA25_2' THEN 1 WHEN 'CWA25_3' THEN 1 WHEN 'CWA25_7' THEN 1 WHEN 'CWA33_12' THEN 1 WHEN 'CYS20' THEN 1 WHEN 'EMERGENCY' THEN 3 WHEN 'ENTRUST_NPO' THEN 2 WHEN 'EXPERT' THEN 2 WHEN 'LPA27_3' THEN 1 WHEN 'POOR9' THEN 1 WHEN 'SCHPOL' THEN 1 WHEN 'SWA106_6' THEN 1 WHEN 'TSV18' THEN 1 ELSE 4 END, deciding_grant.valid_from, deciding_grant.id 
 LIMIT 1) END AS anon_2 
FROM (SELECT person_of_slice.case_id AS case_id, person_of_slice.owner_agency_id AS owner_agency_id, person_of_slice.case_opened_at AS case_opened_at, anon_3.code AS slice, person_of_slice.person_id AS subject_id 
FROM case_people AS person_of_slice JOIN unnest(ARRAY['basic', 'contact', 'summary', 'detail', 'child_view', 'school', 'home', 'health', 'welfare', 'safety', 'plan', 'watch_points', 'progress', 'reporter', 'facts', 'judgement', 'advice', 'others']) AS anon_3(code) ON true 
WHERE person_of_slice.case_id = p_case) AS in_slice 
WHERE in_slice.case_opened_at <= p_at AND in_slice.case_id != all(CAST((SELECT past_excluded_cases(p_at, v_account, v_agency) AS viewer_excluded_cases_1) AS UUID[])) AND (in_slice.owner_agency_id = (SELECT CAST(v_agency AS UUID) AS nullif_1) AND in_slice.owner_agency_id = (SELECT past_owning(p_at, v_account, v_agency) AS viewer_owning_1) AND (in_slice.slice != 'reporter' OR in_slice.owner_agency_id = (SELECT past_directing(p_at, v_account, v_agency) AS viewer_directing_1) OR in_slice.case_id = any(CAST((SELECT past_worked_cases(p_at, v_account, v_agency) AS viewer_worked_cases_1) AS UUID[]))) OR (EXISTS (SELECT grant_of_entry.id 
FROM grants AS grant_of_entry 
WHERE grant_of_entry.case_id = in_slice.case_id AND grant_of_entry.agency_id = (SELECT past_reading(p_at, v_account, v_agency) AS viewer_reading_1) AND ((SELECT CAST(v_account AS UUID) AS nullif_2) = any(grant_of_entry.account_ids) OR grant_of_entry.account_ids IS NULL AND coalesce(grant_of_entry.team_id, grant_of_entry.agency_id) = any(CAST((SELECT past_reads(p_at, v_account, v_agency) AS viewer_reads_1) AS UUID[]))) AND grant_of_entry.valid_from <= p_at AND (grant_of_entry.valid_until IS NULL OR p_at < grant_of_entry.valid_until) AND (grant_of_entry.ended_at IS NULL OR p_at < grant_of_entry.ended_at) AND grant_of_entry.case_opened_at <= p_at AND (grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_us(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grant_of_entry.case_id != all(CAST((SELECT past_cases_not_to_tell_me(p_at, v_account, v_agency) AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND in_slice.slice = any(grant_of_entry.slices) AND (grant_of_entry.subject_id = in_slice.subject_id OR grant_of_entry.subject_id IS NULL AND grant_of_entry.basis != 'CONSENT') AND (in_slice.slice NOT IN ('reporter', 'advice')) AND (in_slice.slice != 'detail' OR grant_of_entry.agency_id = (SELECT past_reading_detail(p_at, v_account, v_agency) AS viewer_reading_detail_1)) AND (NOT past_concealed(p_at, grant_of_entry.case_id) OR (in_slice.slice NOT IN ('contact', 'school')) OR grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)))
        ) AS s (kind, row_id, slice, subject_id, rule, grant_id);
    END LOOP;
END $$;

CREATE FUNCTION case_sights(p_case uuid, p_at timestamptz)
RETURNS TABLE (
    account_id uuid, agency_id uuid, kind text, row_id uuid, slice text, subject_id uuid,
    rule text, grant_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    -- The owner alone asks who sees its case; anybody else gets no row, as where there is none.
    IF EXISTS (SELECT 1 FROM cases WHERE cases.id = p_case AND cases.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND cases.id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))) THEN
        RETURN QUERY SELECT * FROM sights_at(p_case, p_at);
    END IF;
END $$;

CREATE FUNCTION use_once(p_mark bytea)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM used_marks WHERE recorded_at < clock_timestamp() - interval '1 day';
    INSERT INTO used_marks (mark) VALUES (p_mark) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

CREATE FUNCTION throttle_failures(p_bucket bytea, p_window interval)
RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(sum(failures), 0)::integer FROM throttle_counts
    WHERE bucket = p_bucket AND window_start > clock_timestamp() - p_window;
$$;

CREATE FUNCTION throttle_failed(p_bucket bytea)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM throttle_counts WHERE window_start < clock_timestamp() - interval '10 minutes';
    INSERT INTO throttle_counts (bucket, window_start, failures)
    VALUES (p_bucket, date_trunc('second', clock_timestamp()), 1)
    ON CONFLICT (bucket, window_start) DO UPDATE SET failures = throttle_counts.failures + 1;
$$;

-- ---------------------------------------------------------------------------------------------
-- Signing in through an organisation's own sign-on.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION issuers_offered()
RETURNS TABLE (id uuid, name text, domains text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT i.id, i.name, i.domains FROM issuers i WHERE NOT i.suspended ORDER BY i.name, i.id;
$$;

CREATE FUNCTION issuer_for_sign_on(p_issuer uuid)
RETURNS TABLE (
    id uuid, name text, url text, client_id text, client_secret_sealed bytea, domains text[],
    claim text, second_factors text[], kek_id text, wrapped bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT i.id, i.name, i.url, i.client_id, i.client_secret_sealed, i.domains, i.claim,
        i.second_factors, k.kek_id, k.wrapped
    FROM issuers i JOIN issuer_keys k ON k.scope_id = i.id
    WHERE i.id = p_issuer AND NOT i.suspended;
$$;

CREATE FUNCTION places_by_subject(p_issuer uuid, p_subject bytea)
RETURNS TABLE (account_id uuid, agency_id uuid, value text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Held until the session is open, as in account_for_login.
    PERFORM 1 FROM accounts a JOIN issuer_links l ON l.account_id = a.id
    WHERE l.issuer_id = p_issuer AND l.subject_index = p_subject AND l.valid_until IS NULL
    FOR SHARE OF a;
    -- Where somebody is known, at least one row: without an agency where nothing granted is live,
    -- the account is disabled, or the sign-on does not lead there.
    RETURN QUERY SELECT l.account_id, g.agency_id, g.value
    FROM issuer_links l JOIN accounts a ON a.id = l.account_id
    LEFT JOIN LATERAL (
        SELECT m.id, m.agency_id, m.valid_from, p.value FROM memberships m
        JOIN issuer_places p ON p.agency_id = m.agency_id AND (p.role IS NULL OR p.role = m.role)
        WHERE m.account_id = l.account_id AND p.issuer_id = p_issuer AND NOT a.disabled
            AND m.valid_from <= portal_clock()
            AND (m.confirm_by IS NULL OR portal_clock() < m.confirm_by)
            AND (m.valid_until IS NULL OR portal_clock() < m.valid_until)
            AND p.valid_from <= portal_clock()
            AND (p.valid_until IS NULL OR portal_clock() < p.valid_until)
    ) AS g ON true
    WHERE l.issuer_id = p_issuer AND l.subject_index = p_subject AND l.valid_until IS NULL
    ORDER BY g.valid_from, g.id;
END $$;

CREATE FUNCTION session_came_from(p_token_hash bytea, p_issuer uuid)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE sessions SET issuer_id = p_issuer WHERE token_hash = p_token_hash AND ended_at IS NULL;
$$;

CREATE FUNCTION lend_session(p_token_hash bytea, p_consent uuid)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- One way only: what a factor proves is a new session, which is lent to nobody.
    UPDATE sessions SET lent_for = p_consent WHERE token_hash = p_token_hash AND ended_at IS NULL;
$$;

CREATE FUNCTION issuer_leads_to(p_issuer uuid, p_agency uuid)
RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Without a new answer of the sign-on: only where everybody of it may go, in the own role.
    SELECT EXISTS (
        SELECT 1 FROM issuer_places p JOIN issuers i ON i.id = p.issuer_id
        JOIN memberships m ON m.agency_id = p.agency_id AND (p.role IS NULL OR p.role = m.role)
        WHERE p.issuer_id = p_issuer AND p.agency_id = p_agency AND p.value IS NULL
            AND NOT i.suspended
            AND p.valid_from <= portal_clock()
            AND (p.valid_until IS NULL OR portal_clock() < p.valid_until)
            AND m.account_id = nullif(current_setting('portal.account_id', true), '')::uuid
            AND m.valid_from <= portal_clock()
            AND (m.confirm_by IS NULL OR portal_clock() < m.confirm_by)
            AND (m.valid_until IS NULL OR portal_clock() < m.valid_until));
$$;

CREATE FUNCTION leads_here(p_agency uuid)
RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Whether the viewer may act for an agency after coming in here, by password or passkey.
    SELECT EXISTS (
        SELECT 1 FROM memberships m
        WHERE m.account_id = nullif(current_setting('portal.account_id', true), '')::uuid
            AND m.agency_id = p_agency AND m.valid_from <= portal_clock()
            AND (m.confirm_by IS NULL OR portal_clock() < m.confirm_by)
            AND (m.valid_until IS NULL OR portal_clock() < m.valid_until)
            AND comes_in_here(m.manager, m.role, m.agency_id));
$$;

CREATE FUNCTION places_by_link(p_link_hash bytea)
RETURNS TABLE (issuer_id uuid, name text, agency_id uuid, value text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Which sign-ons lead somebody invited to a granted place. Only who has no way in yet: a link
    -- for a lost password must not bring in another house's account past the second factor.
    SELECT i.id, i.name, m.agency_id, p.value
    FROM notices n JOIN accounts a ON a.id = n.account_id AND NOT a.disabled
    JOIN without_password(ARRAY[n.account_id]) AS w ON w = n.account_id
    JOIN memberships m ON m.account_id = n.account_id AND m.valid_from <= portal_clock()
        AND (m.confirm_by IS NULL OR portal_clock() < m.confirm_by)
        AND (m.valid_until IS NULL OR portal_clock() < m.valid_until)
    JOIN issuer_places p ON p.agency_id = m.agency_id AND (p.role IS NULL OR p.role = m.role)
        AND p.valid_from <= portal_clock()
        AND (p.valid_until IS NULL OR portal_clock() < p.valid_until)
    JOIN issuers i ON i.id = p.issuer_id AND NOT i.suspended
    WHERE n.link_hash = p_link_hash AND n.used_at IS NULL AND portal_clock() < n.expires_at
    ORDER BY i.name, i.id, m.valid_from, m.id;
$$;

CREATE FUNCTION link_by_invitation(p_link_hash bytea, p_issuer uuid, p_subject bytea)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_account uuid;
BEGIN
    -- The link is used up and the account linked, both or neither. The row decides between uses at
    -- once: whoever waits finds it used.
    PERFORM 1 FROM notices WHERE link_hash = p_link_hash FOR UPDATE;
    IF NOT EXISTS (SELECT 1 FROM places_by_link(p_link_hash) l WHERE l.issuer_id = p_issuer) THEN
        RETURN NULL;
    END IF;
    UPDATE notices SET used_at = portal_clock() WHERE link_hash = p_link_hash AND used_at IS NULL
    RETURNING account_id INTO v_account;
    INSERT INTO issuer_links (id, issuer_id, account_id, subject_index, valid_from)
    VALUES (gen_random_uuid(), p_issuer, v_account, p_subject, portal_clock());
    RETURN v_account;
END $$;

-- ---------------------------------------------------------------------------------------------
-- Machines that call the interface.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION machine_secrets_of(p_client uuid)
RETURNS TABLE (client_id uuid, scopes text[], secret_id uuid, secret_hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.id, c.scopes, s.id, s.secret_hash
    FROM machine_clients c JOIN machine_secrets s ON s.client_id = c.id
    WHERE c.id = p_client AND c.revoked_at IS NULL
        AND s.valid_from <= portal_clock()
        AND (s.valid_until IS NULL OR portal_clock() < s.valid_until);
$$;

CREATE FUNCTION issue_machine_token(
    p_token_hash bytea, p_secret uuid, p_scopes text[], p_for interval)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM machine_tokens WHERE valid_until < portal_clock();
    UPDATE machine_secrets SET used_at = portal_clock() WHERE id = p_secret;
    INSERT INTO machine_tokens (token_hash, secret_id, scopes, valid_until)
    VALUES (p_token_hash, p_secret, p_scopes, portal_clock() + p_for);
$$;

CREATE FUNCTION machine_by_token(p_token_hash bytea)
RETURNS TABLE (
    client_id uuid, name text, agency_id uuid, agency_name text, scopes text[],
    valid_until timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- A token ends with its client and with its secret, whichever is sooner.
    SELECT c.id, c.name, c.agency_id, a.name, t.scopes, t.valid_until
    FROM machine_tokens t
    JOIN machine_secrets s ON s.id = t.secret_id
    JOIN machine_clients c ON c.id = s.client_id
    JOIN agencies a ON a.id = c.agency_id
    WHERE t.token_hash = p_token_hash AND portal_clock() < t.valid_until
        AND c.revoked_at IS NULL AND (s.valid_until IS NULL OR portal_clock() < s.valid_until);
$$;

-- ---------------------------------------------------------------------------------------------
-- Health.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION worker_seen_at()
RETURNS timestamptz LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- When a worker was last heard of; NULL where there is none.
    RETURN (SELECT max(last_heartbeat) FROM jobs.procrastinate_workers);
END $$;

CREATE FUNCTION mail_waits_since()
RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Since when the oldest letter is due that was neither sent nor taken back.
    SELECT min(due_at) FROM notices
    WHERE sent_at IS NULL AND used_at IS NULL AND due_at <= portal_clock()
        AND (expires_at IS NULL OR portal_clock() < expires_at);
$$;

-- ---------------------------------------------------------------------------------------------
-- Locking: a post that races a withdrawal loses.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION lock_grants(p_case uuid, p_exclusive boolean)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- The case row stands for its grants: posts share it, whoever gives or ends a grant holds it.
    IF p_exclusive THEN
        PERFORM 1 FROM cases WHERE id = p_case FOR NO KEY UPDATE;
    ELSE
        PERFORM 1 FROM cases WHERE id = p_case FOR SHARE;
    END IF;
END $$;

CREATE FUNCTION shorten_grant(p_grant uuid, p_until timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Says whether the end was moved: of a live consent of the viewer's own centre, only ever to an
    -- earlier instant, and never into the past, which would change who could see what then.
    UPDATE grants SET valid_until = p_until
    WHERE grants.id = p_grant AND grants.basis = 'CONSENT' AND grants.ended_at IS NULL
        AND portal_clock() <= p_until AND grants.valid_from < p_until
        AND (grants.valid_until IS NULL OR p_until < grants.valid_until)
        AND grants.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND grants.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND grants.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]));
    RETURN FOUND;
END $$;

CREATE FUNCTION defer_ends_at_18(p_child uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Whoever enters a date of birth does not see every case of the child; the worker does. It reads
    -- the date itself, so that the job tells nobody how old somebody is.
    IF viewer_owning() IS NOT NULL THEN
        PERFORM defer_job('end_at_18', jsonb_build_object('child', p_child), NULL);
    END IF;
END $$;

-- ---------------------------------------------------------------------------------------------
-- Emergency view: by somebody whose agency sees the case, though perhaps not this person.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION emergency_case(p_case uuid, p_reference text)
RETURNS uuid LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- The case that the viewer may open in an emergency, or NULL: hidden and absent alike. What
    -- denies binds even where it began after this transaction did, and an emergency opens no other;
    -- an agency that left the scheme reads nothing, so there is nothing to open for it.
    RETURN (
    SELECT c.id
    FROM memberships me
    JOIN accounts a ON a.id = me.account_id
    JOIN agencies g ON g.id = me.agency_id AND g.type = ANY (ARRAY['cgc', 'support_center'])
    JOIN cases c ON (c.id = p_case OR c.reference = p_reference) AND c.opened_at <= portal_clock()
    WHERE me.account_id = nullif(current_setting('portal.account_id', true), '')::uuid
        AND me.agency_id = viewer_reading()
        AND me.valid_from <= portal_clock()
        AND (me.valid_until IS NULL OR portal_clock() < me.valid_until)
        AND NOT (c.owner_agency_id = g.id AND me.role = ANY (ARRAY['center_counselor', 'center_director', 'center_investigator']))
        AND NOT EXISTS (
            SELECT 1 FROM denials d
            WHERE d.case_id = c.id AND (d.valid_until IS NULL OR portal_clock() < d.valid_until)
                AND (d.account_id = a.id OR d.person_id = a.person_id))
        AND (c.owner_agency_id = g.id OR EXISTS (
            SELECT 1 FROM grants x
            WHERE x.case_id = c.id AND x.agency_id = g.id AND x.basis <> 'EMERGENCY'
                AND x.valid_from <= portal_clock()
                AND (x.valid_until IS NULL OR portal_clock() < x.valid_until)
                AND x.ended_at IS NULL
                AND (x.basis = ANY (ARRAY['APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18']) OR NOT EXISTS (
                    SELECT 1 FROM denials d
                    WHERE d.case_id = c.id AND d.kind = 'never_tell' AND d.agency_id = g.id
                        AND (d.valid_until IS NULL OR portal_clock() < d.valid_until))))));
END $$;

CREATE FUNCTION begin_emergency_view(p_emergency uuid, p_grant uuid, p_case uuid, p_reason bytea)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_me uuid := nullif(current_setting('portal.account_id', true), '')::uuid;
    v_agency uuid := nullif(current_setting('portal.agency_id', true), '')::uuid;
    v_case cases%ROWTYPE;
    v_grant uuid;
BEGIN
    -- Emergency, grant and task, all or none: nothing is open without its reason and its review.
    SELECT * INTO v_case FROM cases
    WHERE id = emergency_case(p_case, NULL) FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- Sent twice, or while a view of the same person is open: that one.
    SELECT g.id INTO v_grant FROM grants g JOIN emergencies e ON e.id = g.emergency_id
    WHERE g.case_id = p_case AND e.kind = 'view' AND e.started_by = v_me
        AND e.agency_id = v_agency AND g.ended_at IS NULL AND portal_clock() < g.valid_until;
    IF FOUND THEN
        RETURN v_grant;
    END IF;
    INSERT INTO emergencies
        (id, case_id, owner_agency_id, kind, agency_id, started_by, reason_sealed)
    VALUES (p_emergency, p_case, v_case.owner_agency_id, 'view', v_agency, v_me, p_reason);
    INSERT INTO grants
        (id, case_id, owner_agency_id, case_opened_at, case_concealed, agency_id, slices, purpose,
        basis, necessity, valid_from, valid_until, account_ids, emergency_id, recorded_by)
    VALUES (p_grant, p_case, v_case.owner_agency_id, v_case.opened_at, v_case.concealed, v_agency,
        ARRAY['basic', 'contact', 'health', 'safety'], 'safety', 'EMERGENCY', 'agencies_needed',
        portal_clock(), portal_clock() + interval '24 hours', ARRAY[v_me], p_emergency, v_me);
    INSERT INTO tasks (id, case_id, owner_agency_id, kind, grant_id, due_at)
    VALUES (gen_random_uuid(), p_case, v_case.owner_agency_id, 'emergency', p_grant,
        portal_clock() + interval '48 hours');
    RETURN p_grant;
END $$;

-- ---------------------------------------------------------------------------------------------
-- Derived rows. The application's own update of other viewers' rows would touch none of them.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION refresh_case_access(p_case uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM cases WHERE id = p_case FOR NO KEY UPDATE;
    DELETE FROM case_access WHERE case_id = p_case;

    INSERT INTO case_access
        (case_id, circle_id, agency_id, valid_from, valid_until, last_visible_activity, check_on)
    SELECT c.id, c.owner_agency_id, c.owner_agency_id, c.opened_at, 'infinity',
        greatest(c.opened_at, (
            SELECT max(e.written_at) FROM entries e
            WHERE e.case_id = c.id AND e.slice <> 'reporter' AND e.retracted_at IS NULL)),
        CASE WHEN c.status <> 'closed' THEN coalesce((
            SELECT p.next_on FROM progress_checks p WHERE p.case_id = c.id
            ORDER BY p.checked_at DESC, p.id DESC LIMIT 1), '0001-01-01') END
    FROM cases c WHERE c.id = p_case;

    -- For each circle the stretch of time, current or next, in which at least one grant admits
    -- it: grants whose basis overrides a never-tell, and the others less the time it stands.
    WITH named AS (
        SELECT g.id, g.agency_id, g.slices, g.subject_id, g.basis, g.valid_from, g.valid_until,
            g.ended_at, g.case_concealed, a.type AS agency_type, circle.id AS circle_id,
            tstzrange(greatest(g.valid_from, g.case_opened_at),
                least(g.valid_until, g.ended_at), '[)') AS during
        FROM grants g
        JOIN agencies a ON a.id = g.agency_id AND a.type <> ALL (ARRAY['expert_lawyer', 'expert_welfare'])
        CROSS JOIN LATERAL (
            SELECT unnest(g.account_ids)
            UNION ALL SELECT g.team_id WHERE g.team_id IS NOT NULL
            UNION ALL SELECT t.id FROM teams t
                WHERE t.agency_id = g.agency_id AND t.is_default
                    AND g.team_id IS NULL AND g.account_ids IS NULL
        ) AS circle (id)
        WHERE g.case_id = p_case
            AND greatest(g.valid_from, g.case_opened_at)
                < coalesce(least(g.valid_until, g.ended_at), 'infinity')
    ), told AS (
        SELECT n.circle_id, n.agency_id,
            coalesce(range_agg(n.during) FILTER (WHERE n.basis = ANY (ARRAY['APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'])),
                '{}'::tstzmultirange)
            + (coalesce(range_agg(n.during) FILTER (WHERE n.basis <> ALL (ARRAY['APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'])),
                '{}'::tstzmultirange)
                - coalesce((
                    SELECT range_agg(tstzrange(d.valid_from, d.valid_until, '[)'))
                    FROM denials d
                    WHERE d.case_id = p_case AND d.kind = 'never_tell'
                        AND d.agency_id = n.agency_id
                        AND d.valid_from < coalesce(d.valid_until, 'infinity')),
                    '{}'::tstzmultirange)) AS during
        FROM named n GROUP BY n.circle_id, n.agency_id
    )
    INSERT INTO case_access
        (case_id, circle_id, agency_id, valid_from, valid_until, last_visible_activity)
    SELECT p_case, t.circle_id, t.agency_id, lower(r.stretch),
        coalesce(upper(r.stretch), 'infinity'),
        greatest(lower(r.stretch), (
            SELECT max(e.written_at) FROM entries e
            WHERE e.case_id = p_case AND e.retracted_at IS NULL AND EXISTS (
                SELECT 1 FROM named n
                WHERE n.circle_id = t.circle_id AND n.agency_id = t.agency_id
                    AND n.during @> portal_clock()
                    AND e.slice = ANY (n.slices) AND e.slice NOT IN ('reporter', 'advice')
                    AND (e.slice <> 'detail' OR n.agency_type <> 'cafeteria')
                    AND (NOT n.case_concealed OR e.slice <> ALL (ARRAY['contact', 'school'])
                        OR n.basis = ANY (ARRAY['APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18']))
                    AND (e.subject_id = n.subject_id
                        OR (n.subject_id IS NULL AND n.basis <> 'CONSENT')))))
    FROM told t
    CROSS JOIN LATERAL (
        SELECT s.stretch FROM unnest(t.during) AS s (stretch)
        WHERE upper_inf(s.stretch) OR upper(s.stretch) > portal_clock()
        ORDER BY s.stretch LIMIT 1
    ) AS r;
END $$;

CREATE FUNCTION sweep_case_access()
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_case uuid;
    v_count integer := 0;
BEGIN
    -- A list never shows a row after its end, swept or not; this puts the next stretch in place.
    FOR v_case IN
        SELECT DISTINCT case_id FROM case_access WHERE valid_until <= portal_clock() LIMIT 10000
    LOOP
        PERFORM refresh_case_access(v_case);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END $$;

CREATE FUNCTION refresh_denials(p_case uuid)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM denials WHERE case_id = p_case;
    INSERT INTO denials (id, case_id, kind, account_id, valid_from, valid_until)
    SELECT gen_random_uuid(), x.case_id, 'exclusion', x.account_id, x.valid_from, x.valid_until
    FROM exclusions x WHERE x.case_id = p_case;
    INSERT INTO denials (id, case_id, kind, account_id, thread_id, valid_from, valid_until)
    SELECT gen_random_uuid(), x.case_id, 'exclusion', x.account_id, t.id,
        x.valid_from, x.valid_until
    FROM exclusions x
    JOIN LATERAL (
        SELECT id FROM threads WHERE threads.case_id = x.case_id
        UNION SELECT i.thread_id FROM inbox_items i WHERE i.case_id = x.case_id
    ) AS t ON true
    WHERE x.case_id = p_case;
    INSERT INTO denials
        (id, case_id, kind, account_id, agency_id, person_id, valid_from, valid_until)
    SELECT gen_random_uuid(), n.case_id, 'never_tell', n.account_id, n.agency_id, n.person_id,
        n.valid_from, n.valid_until
    FROM never_tells n
    WHERE n.case_id = p_case AND num_nonnulls(n.account_id, n.agency_id, n.person_id) = 1;
$$;

CREATE FUNCTION case_was_opened() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM refresh_case_access(NEW.id);
    RETURN NULL;
END $$;

CREATE FUNCTION reach_of_case_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM refresh_case_access(NEW.case_id);
    RETURN NULL;
END $$;

CREATE FUNCTION denial_was_written() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM refresh_denials(NEW.case_id);
    PERFORM refresh_case_access(NEW.case_id);
    RETURN NULL;
END $$;

CREATE FUNCTION thread_was_linked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.case_id IS NOT NULL THEN
        PERFORM refresh_denials(NEW.case_id);
    END IF;
    -- Taken out of a case, it is closed no more to whoever is excluded from that.
    IF TG_OP = 'UPDATE' AND OLD.case_id IS DISTINCT FROM NEW.case_id THEN
        PERFORM refresh_denials(OLD.case_id);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION visitor_wrote() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- A visitor sees no desk, yet every desk that still holds the thread must hear of it.
    UPDATE inbox_items i SET
        unread_since = coalesce(i.unread_since, NEW.written_at),
        due_at = CASE WHEN i.status = 'new' THEN i.due_at
            ELSE coalesce(t.promised_at, i.due_at) END
    FROM threads t
    WHERE t.id = NEW.thread_id AND i.thread_id = t.id AND i.status <> 'handed_over';
    RETURN NULL;
END $$;

CREATE FUNCTION default_team_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_case uuid;
BEGIN
    FOR v_case IN SELECT DISTINCT case_id FROM grants
        WHERE agency_id = NEW.agency_id AND team_id IS NULL AND account_ids IS NULL
    LOOP
        PERFORM refresh_case_access(v_case);
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION entry_was_written() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Only for circles that may see the entry: the order of a list must not tell of a hidden one.
    UPDATE case_access a SET last_visible_activity = NEW.written_at
    WHERE a.case_id = NEW.case_id AND a.last_visible_activity < NEW.written_at
        AND ((a.circle_id = NEW.owner_agency_id AND NEW.slice <> 'reporter') OR EXISTS (
            SELECT 1 FROM grants g
            WHERE g.case_id = NEW.case_id AND g.agency_id = a.agency_id
                AND g.valid_from <= portal_clock()
                AND (g.valid_until IS NULL OR portal_clock() < g.valid_until)
                AND (g.ended_at IS NULL OR portal_clock() < g.ended_at)
                AND NEW.slice = ANY (g.slices) AND NEW.slice NOT IN ('reporter', 'advice')
                AND (NEW.slice <> 'detail' OR NOT EXISTS (
                    SELECT 1 FROM agencies c
                    WHERE c.id = g.agency_id AND c.type = 'cafeteria'))
                AND (NOT g.case_concealed OR NEW.slice <> ALL (ARRAY['contact', 'school'])
                    OR g.basis = ANY (ARRAY['APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18']))
                AND (g.subject_id = NEW.subject_id
                    OR (g.subject_id IS NULL AND g.basis <> 'CONSENT'))
                AND (a.circle_id = ANY (g.account_ids) OR a.circle_id = g.team_id
                    OR (g.account_ids IS NULL AND g.team_id IS NULL AND a.circle_id IN (
                        SELECT t.id FROM teams t
                        WHERE t.agency_id = g.agency_id AND t.is_default)))));
    RETURN NULL;
END $$;

CREATE FUNCTION entry_was_retracted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE entries SET retracted_at = NEW.retracted_at
    WHERE id = NEW.entry_id AND retracted_at IS NULL;
    PERFORM refresh_case_access(NEW.case_id);
    RETURN NULL;
END $$;

CREATE FUNCTION link_was_ended() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Made anew, the link opens a new session; the old ones stay ended.
    UPDATE sessions SET ended_at = portal_clock()
    WHERE account_id = NEW.account_id AND issuer_id = NEW.issuer_id AND ended_at IS NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION task_was_ended() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Whoever ends a task is seldom the owner of the grant that goes with it.
    IF NEW.status NOT IN ('asked', 'accepted') THEN
        UPDATE grants SET ended_at = portal_clock()
        WHERE action_id = NEW.action_id AND ended_at IS NULL;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION membership_is_single() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- The account row stands for its memberships, so that two writers cannot both pass.
    PERFORM 1 FROM accounts WHERE id = NEW.account_id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM memberships m
        WHERE m.account_id = NEW.account_id AND m.agency_id = NEW.agency_id AND m.id <> NEW.id
            -- Both hold from the later beginning on, unless one of them is over by then: one that
            -- ends as it begins overlaps nothing.
            AND greatest(m.valid_from, NEW.valid_from)
                < coalesce(least(m.valid_until, NEW.valid_until), 'infinity'))
    THEN
        RAISE exclusion_violation USING
            MESSAGE = 'two memberships of one account in one agency overlap',
            CONSTRAINT = 'memberships_overlap';
    END IF;
    -- Whoever may bring an end nearer could otherwise open cases alone: a longer membership is a
    -- new one, which takes two people. The system role, which nobody looks through, is not bound.
    IF TG_OP = 'UPDATE' AND nullif(current_setting('portal.account_id', true), '') IS NOT NULL
        AND coalesce(OLD.valid_until, 'infinity') < coalesce(NEW.valid_until, 'infinity')
    THEN
        RAISE insufficient_privilege USING MESSAGE = 'a membership is not prolonged';
    END IF;
    -- From April to the end of the next May and no longer: a confirmation is for one year.
    IF nullif(current_setting('portal.account_id', true), '') IS NOT NULL
        AND (TG_OP = 'INSERT' OR NEW.confirm_by IS DISTINCT FROM OLD.confirm_by)
        AND coalesce(NEW.confirm_by, 'infinity')
            > greatest(NEW.valid_from, portal_clock()) + interval '15 months'
    THEN
        RAISE insufficient_privilege USING MESSAGE = 'a confirmation is for one year';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER opened AFTER INSERT OR UPDATE OF owner_agency_id, status ON cases
    FOR EACH ROW EXECUTE FUNCTION case_was_opened();
CREATE TRIGGER written AFTER INSERT OR UPDATE ON grants
    FOR EACH ROW EXECUTE FUNCTION reach_of_case_changed();
CREATE TRIGGER written AFTER INSERT ON progress_checks
    FOR EACH ROW EXECUTE FUNCTION reach_of_case_changed();
CREATE TRIGGER written AFTER INSERT OR UPDATE ON exclusions
    FOR EACH ROW EXECUTE FUNCTION denial_was_written();
CREATE TRIGGER written AFTER INSERT OR UPDATE ON never_tells
    FOR EACH ROW EXECUTE FUNCTION denial_was_written();
CREATE TRIGGER linked AFTER INSERT OR UPDATE OF case_id ON threads
    FOR EACH ROW EXECUTE FUNCTION thread_was_linked();
CREATE TRIGGER linked AFTER INSERT OR UPDATE OF case_id ON inbox_items
    FOR EACH ROW EXECUTE FUNCTION thread_was_linked();
CREATE TRIGGER written AFTER INSERT ON thread_messages
    FOR EACH ROW WHEN (NEW.agency_id IS NULL) EXECUTE FUNCTION visitor_wrote();
CREATE TRIGGER defaulted AFTER INSERT OR UPDATE OF is_default ON teams
    FOR EACH ROW EXECUTE FUNCTION default_team_changed();
CREATE TRIGGER written AFTER INSERT ON entries
    FOR EACH ROW EXECUTE FUNCTION entry_was_written();
CREATE TRIGGER retracted AFTER INSERT ON retractions
    FOR EACH ROW EXECUTE FUNCTION entry_was_retracted();
CREATE TRIGGER ended AFTER UPDATE OF valid_until ON issuer_links
    FOR EACH ROW WHEN (NEW.valid_until IS NOT NULL) EXECUTE FUNCTION link_was_ended();
CREATE TRIGGER ended AFTER INSERT ON action_events
    FOR EACH ROW EXECUTE FUNCTION task_was_ended();
CREATE TRIGGER single BEFORE INSERT OR UPDATE ON memberships
    FOR EACH ROW EXECUTE FUNCTION membership_is_single();

-- ---------------------------------------------------------------------------------------------
-- Notifications: written with the job of their mail in the transaction that causes them. Whether
-- one shows is asked when it is read; here it is only decided who may hear of a thing at all.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION somebody_looks()
RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- A register that is loaded and a city that is seeded are nobody's deeds: nobody is told.
    SELECT concat(current_setting('portal.account_id', true),
        current_setting('portal.thread_id', true), current_setting('portal.intake_id', true)) <> '';
$$;

CREATE FUNCTION may_hear(p_account uuid, p_agency uuid, p_case uuid, p_thread uuid)
RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Whoever works there now, and is neither excluded nor somebody who must not be told.
    SELECT EXISTS (
        SELECT 1 FROM accounts a JOIN memberships m ON m.account_id = a.id
        WHERE a.id = p_account AND NOT a.disabled AND m.agency_id = p_agency
            AND m.valid_from <= portal_clock()
            AND (m.confirm_by IS NULL OR portal_clock() < m.confirm_by)
            AND (m.valid_until IS NULL OR portal_clock() < m.valid_until)
            AND NOT EXISTS (
                SELECT 1 FROM denials d
                WHERE (d.case_id = p_case OR d.thread_id = p_thread)
                    AND (d.account_id = a.id OR d.person_id = a.person_id)
                    AND (d.valid_until IS NULL OR portal_clock() < d.valid_until)));
$$;

CREATE FUNCTION tell(
    p_accounts uuid[], p_agency uuid, p_kind text, p_case uuid, p_action uuid, p_entry uuid,
    p_thread uuid, p_about uuid, p_due timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_told uuid[];
BEGIN
    -- Nobody is told of the own deed.
    WITH told AS (
        INSERT INTO notifications (id, account_id, agency_id, kind, case_id, action_id, entry_id,
            thread_id, about_id, due_at)
        SELECT gen_random_uuid(), t.account_id, p_agency, p_kind, p_case, p_action, p_entry,
            p_thread, p_about, p_due
        FROM (
            SELECT unnest(p_accounts) AS account_id
            -- Who stands in for somebody hears of what that person hears of.
            UNION SELECT c.account_id FROM covers c
            WHERE c.agency_id = p_agency AND c.absent_id = ANY (p_accounts)
                AND c.valid_from <= portal_clock() AND portal_clock() < c.valid_until) AS t
        WHERE t.account_id
                IS DISTINCT FROM nullif(current_setting('portal.account_id', true), '')::uuid
            AND may_hear(t.account_id, p_agency, p_case, p_thread)
        ON CONFLICT DO NOTHING RETURNING account_id)
    SELECT array_agg(account_id) INTO v_told FROM told;
    IF v_told IS NOT NULL THEN
        PERFORM defer_job('tell_by_mail', jsonb_build_object('accounts', to_jsonb(v_told)), NULL);
    END IF;
END $$;

CREATE FUNCTION directors_of(p_agency uuid)
RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(account_id), '{}') FROM memberships
    WHERE agency_id = p_agency AND role = 'center_director' AND valid_from <= portal_clock()
        AND (valid_until IS NULL OR portal_clock() < valid_until);
$$;

CREATE FUNCTION workers_of(p_case uuid)
RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Who works on a case; where nobody is left of them, the director.
    SELECT CASE WHEN cardinality(w.ids) > 0 THEN w.ids ELSE directors_of(w.owner_agency_id) END
    FROM (
        SELECT c.owner_agency_id, ARRAY(
            SELECT account_id FROM case_workers WHERE case_id = p_case
                AND may_hear(account_id, c.owner_agency_id, p_case, NULL)) AS ids
        FROM cases c WHERE c.id = p_case) AS w;
$$;

CREATE FUNCTION team_of(p_agency uuid, p_team uuid)
RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- A team's members; without a team those of the agency's default team.
    SELECT coalesce(array_agg(tm.account_id), '{}')
    FROM teams t JOIN team_members tm ON tm.team_id = t.id
    WHERE t.agency_id = p_agency AND (t.id = p_team OR (p_team IS NULL AND t.is_default))
        AND tm.valid_from <= portal_clock()
        AND (tm.valid_until IS NULL OR portal_clock() < tm.valid_until);
$$;

CREATE FUNCTION desk_of(p_agency uuid)
RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(m.account_id), '{}')
    FROM memberships m JOIN agencies a ON a.id = m.agency_id
    WHERE m.agency_id = p_agency AND m.valid_from <= portal_clock()
        AND (m.valid_until IS NULL OR portal_clock() < m.valid_until)
        AND (m.role = ANY (ARRAY['center_counselor', 'center_director', 'center_investigator', 'npo_worker']) OR (
            a.type = ANY (ARRAY['nursery', 'school']) AND m.role <> ALL (ARRAY['audit_officer', 'center_clerk', 'sysadmin'])
            AND m.account_id = ANY (team_of(p_agency, NULL))));
$$;

CREATE FUNCTION readers_of(p_case uuid, p_agency uuid)
RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- Whoever some grant on the case names; an agency that sees nothing yet has its team.
    SELECT coalesce(array_agg(r.id), team_of(p_agency, NULL)) FROM (
        SELECT unnest(coalesce(g.account_ids, team_of(g.agency_id, g.team_id))) AS id FROM grants g
        WHERE g.case_id = p_case AND g.agency_id = p_agency AND g.ended_at IS NULL
            AND (g.valid_until IS NULL OR portal_clock() < g.valid_until)) AS r;
$$;

CREATE FUNCTION ring_alarm(p_alarm uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_alarm alarms%ROWTYPE;
    v_list uuid[];
    v_rings integer;
BEGIN
    -- The next of the duty list, and after the last the first again. Where nobody on it may hear
    -- of this one, the directors; and where there is none, everybody at the desk.
    SELECT * INTO v_alarm FROM alarms WHERE id = p_alarm AND confirmed_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT array_agg(d.account_id ORDER BY d.place, d.id) INTO v_list FROM duty_places d
    WHERE d.agency_id = v_alarm.agency_id AND d.valid_from <= portal_clock()
        AND (d.valid_until IS NULL OR portal_clock() < d.valid_until)
        AND may_hear(d.account_id, d.agency_id, v_alarm.case_id, v_alarm.thread_id)
        AND d.account_id IS DISTINCT FROM
            nullif(current_setting('portal.account_id', true), '')::uuid;
    SELECT count(DISTINCT n.due_at) INTO v_rings FROM notifications n WHERE n.about_id = p_alarm;
    IF v_list IS NOT NULL THEN
        v_list := ARRAY[v_list[1 + v_rings % cardinality(v_list)]];
    ELSE
        v_list := array_remove(directors_of(v_alarm.agency_id),
            nullif(current_setting('portal.account_id', true), '')::uuid);
        IF cardinality(v_list) = 0 THEN
            v_list := desk_of(v_alarm.agency_id);
        END IF;
    END IF;
    UPDATE alarms SET rung_at = portal_clock() WHERE id = p_alarm;
    PERFORM tell(v_list, v_alarm.agency_id, 'alarm', v_alarm.case_id, NULL, NULL,
        v_alarm.thread_id, p_alarm, portal_clock());
END $$;

CREATE FUNCTION ring_on()
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_alarm uuid;
    v_count integer := 0;
BEGIN
    -- Nobody confirmed for ten minutes: the next one (domain.md §2).
    FOR v_alarm IN SELECT id FROM alarms
        WHERE confirmed_at IS NULL AND rung_at <= portal_clock() - interval '10 minutes'
    LOOP
        PERFORM ring_alarm(v_alarm);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END $$;

CREATE FUNCTION begin_alarm(p_agency uuid, p_case uuid, p_thread uuid, p_about uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_alarm uuid := gen_random_uuid();
BEGIN
    -- Deciding once more while it rings makes no second alarm.
    INSERT INTO alarms (id, agency_id, case_id, thread_id, about_id)
    SELECT v_alarm, p_agency, p_case, p_thread, p_about
    WHERE NOT EXISTS (
        SELECT 1 FROM alarms a WHERE a.confirmed_at IS NULL
            AND (a.case_id = p_case OR a.thread_id = p_thread));
    IF FOUND THEN
        PERFORM ring_alarm(v_alarm);
    END IF;
END $$;

CREATE FUNCTION tell_of_item(p_item uuid)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_item inbox_items%ROWTYPE;
BEGIN
    SELECT * INTO v_item FROM inbox_items WHERE id = p_item;
    PERFORM tell(desk_of(v_item.agency_id), v_item.agency_id, 'arrived', NULL, NULL, NULL,
        v_item.thread_id, v_item.id, NULL);
    IF EXISTS (SELECT 1 FROM consultations c WHERE c.id = v_item.consultation_id AND c.urgent)
        AND EXISTS (
            SELECT 1 FROM agencies a WHERE a.id = v_item.agency_id AND a.type = 'support_center')
    THEN
        PERFORM begin_alarm(v_item.agency_id, NULL, v_item.thread_id, v_item.id);
    END IF;
END $$;

CREATE FUNCTION tell_of_deadlines()
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_today date := (portal_clock() AT TIME ZONE 'Asia/Tokyo')::date;
    v_row record;
BEGIN
    -- What is due by tomorrow is told once to whom it waits for; what is overdue once more, and to
    -- the centre's workers and its director. What lay for a month was told of long ago.
    FOR v_row IN SELECT a.*, (a.due_on + 1)::timestamp AT TIME ZONE 'Asia/Tokyo' AS due_at
        FROM actions a WHERE a.status IN ('asked', 'accepted')
            AND a.due_on BETWEEN v_today - 30 AND v_today + 1
    LOOP
        PERFORM tell(readers_of(v_row.case_id, v_row.agency_id), v_row.agency_id,
            CASE WHEN v_row.due_on < v_today THEN 'overdue' ELSE 'due' END, v_row.case_id,
            v_row.id, NULL, NULL, v_row.id, v_row.due_at);
        IF v_row.due_on < v_today THEN
            PERFORM tell(workers_of(v_row.case_id) || directors_of(v_row.owner_agency_id),
                v_row.owner_agency_id, 'overdue', v_row.case_id, v_row.id, NULL, NULL, v_row.id,
                v_row.due_at);
        END IF;
    END LOOP;
    FOR v_row IN SELECT p.*, (p.next_on + 1)::timestamp AT TIME ZONE 'Asia/Tokyo' AS due_at
        FROM cases c CROSS JOIN LATERAL (
            SELECT * FROM progress_checks WHERE case_id = c.id
            ORDER BY checked_at DESC, id DESC LIMIT 1) AS p
        WHERE c.status <> 'closed' AND p.next_on BETWEEN v_today - 30 AND v_today
    LOOP
        PERFORM tell(
            CASE WHEN v_row.next_on < v_today
                THEN workers_of(v_row.case_id) || directors_of(v_row.owner_agency_id)
                ELSE workers_of(v_row.case_id) END,
            v_row.owner_agency_id, CASE WHEN v_row.next_on < v_today THEN 'overdue' ELSE 'due' END,
            v_row.case_id, NULL, NULL, NULL, v_row.id, v_row.due_at);
    END LOOP;
    FOR v_row IN SELECT * FROM tasks t
        WHERE t.done_at IS NULL AND t.due_at < portal_clock()
            AND t.due_at > portal_clock() - interval '30 days'
    LOOP
        PERFORM tell(workers_of(v_row.case_id) || directors_of(v_row.owner_agency_id),
            v_row.owner_agency_id, 'overdue', v_row.case_id, NULL, NULL, NULL, v_row.id,
            v_row.due_at);
    END LOOP;
    FOR v_row IN SELECT * FROM inbox_items i
        WHERE (i.status = 'new' OR i.unread_since IS NOT NULL) AND i.due_at < portal_clock()
            AND i.due_at > portal_clock() - interval '30 days'
    LOOP
        PERFORM tell(desk_of(v_row.agency_id), v_row.agency_id, 'overdue', NULL, NULL, NULL,
            v_row.thread_id, v_row.id, v_row.due_at);
    END LOOP;
END $$;

CREATE FUNCTION mention(p_entry uuid, p_agency uuid, p_accounts uuid[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_entry entries%ROWTYPE;
BEGIN
    -- By its author, with the entry. Without names all readers of an agency; whoever cannot see
    -- the entry is not shown that there is one.
    SELECT * INTO v_entry FROM entries WHERE id = p_entry AND written_at = portal_clock()
        AND author_account_id = nullif(current_setting('portal.account_id', true), '')::uuid;
    IF FOUND THEN
        PERFORM tell(coalesce(p_accounts, readers_of(v_entry.case_id, p_agency)), p_agency,
            'mention', v_entry.case_id, NULL, v_entry.id, NULL, v_entry.id, NULL);
    END IF;
END $$;

CREATE FUNCTION share_was_given() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF somebody_looks() THEN
        PERFORM tell(coalesce(NEW.account_ids, team_of(NEW.agency_id, NEW.team_id)), NEW.agency_id,
            'share', NEW.case_id, NULL, NULL, NULL, NEW.id, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION action_was_asked() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF somebody_looks() THEN
        PERFORM tell(readers_of(NEW.case_id, NEW.agency_id), NEW.agency_id, 'action', NEW.case_id,
            NEW.id, NULL, NULL, NEW.id, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION action_was_answered() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_action actions%ROWTYPE;
BEGIN
    SELECT * INTO v_action FROM actions WHERE id = NEW.action_id;
    IF NEW.status NOT IN ('asked', 'accepted') THEN
        -- Nobody has to read of the deadline of what is over.
        UPDATE notifications SET read_at = portal_clock()
        WHERE about_id = NEW.action_id AND kind IN ('due', 'overdue') AND read_at IS NULL;
    END IF;
    IF NOT somebody_looks() THEN
        RETURN NULL;
    END IF;
    IF NEW.status = 'cancelled' THEN
        PERFORM tell(readers_of(NEW.case_id, v_action.agency_id), v_action.agency_id, 'answer',
            NEW.case_id, NEW.action_id, NULL, NULL, NEW.id, NULL);
    ELSE
        PERFORM tell(workers_of(NEW.case_id) || v_action.asked_by, NEW.owner_agency_id, 'answer',
            NEW.case_id, NEW.action_id, NULL, NULL, NEW.id, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION message_was_written() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    v_item inbox_items%ROWTYPE;
BEGIN
    IF NOT somebody_looks() THEN
        RETURN NULL;
    END IF;
    IF NEW.agency_id IS NOT NULL THEN
        -- A volunteer who reported in the own name hears of the reply.
        PERFORM tell(ARRAY[t.account_id], c.reporting_agency_id, 'reply', NULL, NULL, NULL, t.id,
            NEW.id, NULL)
        FROM threads t JOIN consultations c ON c.thread_id = t.id
        WHERE t.id = NEW.thread_id AND t.account_id IS NOT NULL
            AND c.reporting_agency_id IS NOT NULL;
        RETURN NULL;
    END IF;
    FOR v_item IN SELECT * FROM inbox_items i
        WHERE i.thread_id = NEW.thread_id AND i.status <> 'handed_over'
    LOOP
        PERFORM tell(
            CASE WHEN v_item.case_id IS NOT NULL THEN workers_of(v_item.case_id)
                WHEN may_hear(v_item.handled_by, v_item.agency_id, NULL, v_item.thread_id)
                    THEN ARRAY[v_item.handled_by]
                ELSE desk_of(v_item.agency_id) END,
            v_item.agency_id, 'reply', NULL, NULL, NULL, NEW.thread_id, NEW.id, NULL);
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION item_was_laid() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF somebody_looks() THEN
        PERFORM tell_of_item(NEW.id);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION item_was_settled() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.status <> 'new' AND NEW.unread_since IS NULL THEN
        UPDATE notifications SET read_at = portal_clock()
        WHERE about_id = NEW.id AND kind = 'overdue' AND read_at IS NULL;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION agency_wrote() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF somebody_looks() THEN
        PERFORM tell(workers_of(NEW.case_id), NEW.owner_agency_id, 'entry', NEW.case_id, NULL,
            NEW.id, NULL, NEW.id, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION urgency_was_decided() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF somebody_looks() THEN
        PERFORM begin_alarm(NEW.owner_agency_id, NEW.case_id, NULL, NEW.id);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION emergency_was_started() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF somebody_looks() THEN
        PERFORM tell(directors_of(NEW.owner_agency_id) || NEW.second_id, NEW.owner_agency_id,
            'emergency', NEW.case_id, NULL, NULL, NULL, NEW.id, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION task_was_opened() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- A withdrawal opens one at any hour: somebody has to look whether it was forced.
    IF somebody_looks() THEN
        PERFORM tell(workers_of(NEW.case_id), NEW.owner_agency_id, 'task', NEW.case_id, NULL, NULL,
            NULL, NEW.id, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION share_was_proposed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF somebody_looks() THEN
        PERFORM tell(directors_of(NEW.owner_agency_id), NEW.owner_agency_id, 'proposal',
            NEW.case_id, NULL, NULL, NULL, NEW.id, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION alarm_was_confirmed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Whoever else was rung has nothing left to do.
    UPDATE notifications SET read_at = portal_clock() WHERE about_id = NEW.id AND read_at IS NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER told AFTER INSERT ON grants
    FOR EACH ROW EXECUTE FUNCTION share_was_given();
CREATE TRIGGER told AFTER INSERT ON actions
    FOR EACH ROW EXECUTE FUNCTION action_was_asked();
CREATE TRIGGER told AFTER INSERT ON action_events
    FOR EACH ROW EXECUTE FUNCTION action_was_answered();
CREATE TRIGGER told AFTER INSERT ON thread_messages
    FOR EACH ROW EXECUTE FUNCTION message_was_written();
CREATE TRIGGER told AFTER INSERT ON inbox_items
    FOR EACH ROW EXECUTE FUNCTION item_was_laid();
CREATE TRIGGER settled AFTER UPDATE OF status, unread_since ON inbox_items
    FOR EACH ROW EXECUTE FUNCTION item_was_settled();
CREATE TRIGGER told AFTER INSERT ON entries
    FOR EACH ROW WHEN (NEW.author_agency_id <> NEW.owner_agency_id) EXECUTE FUNCTION agency_wrote();
CREATE TRIGGER told AFTER INSERT ON urgency_decisions
    FOR EACH ROW WHEN (NEW.urgency = 'AA') EXECUTE FUNCTION urgency_was_decided();
CREATE TRIGGER told AFTER INSERT ON tasks
    FOR EACH ROW WHEN (NEW.kind <> 'emergency') EXECUTE FUNCTION task_was_opened();
CREATE TRIGGER told AFTER INSERT ON emergencies
    FOR EACH ROW EXECUTE FUNCTION emergency_was_started();
CREATE TRIGGER told AFTER INSERT ON share_proposals
    FOR EACH ROW WHEN (NEW.decision IS NULL) EXECUTE FUNCTION share_was_proposed();
CREATE TRIGGER confirmed AFTER UPDATE OF confirmed_at ON alarms
    FOR EACH ROW EXECUTE FUNCTION alarm_was_confirmed();


GRANT USAGE ON SCHEMA public TO portal_app, portal_system;

GRANT CREATE ON SCHEMA public TO portal_system;

ALTER FUNCTION fiscal_year() OWNER TO portal_system;

REVOKE ALL ON FUNCTION fiscal_year() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION fiscal_year() TO portal_app;

ALTER FUNCTION session_limits(uuid, interval, interval) OWNER TO portal_system;

REVOKE ALL ON FUNCTION session_limits(uuid, interval, interval) FROM PUBLIC;

ALTER FUNCTION comes_in_here(boolean, text, uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION comes_in_here(boolean, text, uuid) FROM PUBLIC;

ALTER FUNCTION session_by_token(bytea, interval, interval) OWNER TO portal_system;

REVOKE ALL ON FUNCTION session_by_token(bytea, interval, interval) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION session_by_token(bytea, interval, interval) TO portal_app;

ALTER FUNCTION open_session(bytea, uuid, uuid, uuid, uuid, text, timestamptz, timestamptz) OWNER TO portal_system;

REVOKE ALL ON FUNCTION open_session(bytea, uuid, uuid, uuid, uuid, text, timestamptz, timestamptz) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION open_session(bytea, uuid, uuid, uuid, uuid, text, timestamptz, timestamptz) TO portal_app;

ALTER FUNCTION touch_session(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION touch_session(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION touch_session(bytea) TO portal_app;

ALTER FUNCTION end_session(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION end_session(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION end_session(bytea) TO portal_app;

ALTER FUNCTION sessions_of_viewer(interval, interval) OWNER TO portal_system;

REVOKE ALL ON FUNCTION sessions_of_viewer(interval, interval) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION sessions_of_viewer(interval, interval) TO portal_app;

ALTER FUNCTION end_session_of_viewer(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION end_session_of_viewer(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION end_session_of_viewer(uuid) TO portal_app;

ALTER FUNCTION way_in(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION way_in(uuid) FROM PUBLIC;

ALTER FUNCTION account_for_login(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION account_for_login(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION account_for_login(bytea) TO portal_app;

ALTER FUNCTION passkey_for_login(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION passkey_for_login(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION passkey_for_login(bytea) TO portal_app;

ALTER FUNCTION set_password(uuid, text) OWNER TO portal_system;

REVOKE ALL ON FUNCTION set_password(uuid, text) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION set_password(uuid, text) TO portal_app;

ALTER FUNCTION defer_job(text, jsonb, timestamptz) OWNER TO portal_system;

REVOKE ALL ON FUNCTION defer_job(text, jsonb, timestamptz) FROM PUBLIC;

ALTER FUNCTION defer_notice(uuid, text, uuid, bytea, interval, timestamptz) OWNER TO portal_system;

REVOKE ALL ON FUNCTION defer_notice(uuid, text, uuid, bytea, interval, timestamptz) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION defer_notice(uuid, text, uuid, bytea, interval, timestamptz) TO portal_app;

ALTER FUNCTION ask_for_reset(bytea, uuid, bytea, interval) OWNER TO portal_system;

REVOKE ALL ON FUNCTION ask_for_reset(bytea, uuid, bytea, interval) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION ask_for_reset(bytea, uuid, bytea, interval) TO portal_app;

ALTER FUNCTION without_password(uuid[]) OWNER TO portal_system;

REVOKE ALL ON FUNCTION without_password(uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION without_password(uuid[]) TO portal_app;

ALTER FUNCTION invitations_of(uuid[]) OWNER TO portal_system;

REVOKE ALL ON FUNCTION invitations_of(uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION invitations_of(uuid[]) TO portal_app;

ALTER FUNCTION withdraw_invitation(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION withdraw_invitation(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION withdraw_invitation(uuid) TO portal_app;

ALTER FUNCTION reset_factors(uuid, uuid, bytea, interval) OWNER TO portal_system;

REVOKE ALL ON FUNCTION reset_factors(uuid, uuid, bytea, interval) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION reset_factors(uuid, uuid, bytea, interval) TO portal_app;

ALTER FUNCTION link_owner(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION link_owner(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION link_owner(bytea) TO portal_app;

ALTER FUNCTION use_link(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION use_link(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION use_link(bytea) TO portal_app;

ALTER FUNCTION end_other_sessions(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION end_other_sessions(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION end_other_sessions(uuid) TO portal_app;

ALTER FUNCTION sleeping_account(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION sleeping_account(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION sleeping_account(bytea) TO portal_app;

ALTER FUNCTION forget_saved_text(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION forget_saved_text(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION forget_saved_text(uuid) TO portal_app;

ALTER FUNCTION note_device(uuid, bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION note_device(uuid, bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION note_device(uuid, bytea) TO portal_app;

ALTER FUNCTION thread_by_locator(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION thread_by_locator(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION thread_by_locator(bytea) TO portal_app;

ALTER FUNCTION account_of_address(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION account_of_address(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION account_of_address(bytea) TO portal_app;

ALTER FUNCTION newest_reply(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION newest_reply(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION newest_reply(uuid) TO portal_app;

ALTER FUNCTION door_of(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION door_of(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION door_of(uuid) TO portal_app;

ALTER FUNCTION managed_references(uuid[]) OWNER TO portal_system;

REVOKE ALL ON FUNCTION managed_references(uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION managed_references(uuid[]) TO portal_app;

ALTER FUNCTION due_checks(date, integer) OWNER TO portal_system;

REVOKE ALL ON FUNCTION due_checks(date, integer) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION due_checks(date, integer) TO portal_app;

ALTER FUNCTION unread_grants(integer) OWNER TO portal_system;

REVOKE ALL ON FUNCTION unread_grants(integer) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION unread_grants(integer) TO portal_app;

ALTER FUNCTION past_concealed(timestamptz, uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION past_concealed(timestamptz, uuid) FROM PUBLIC;

ALTER FUNCTION sights_at(uuid, timestamptz) OWNER TO portal_system;

REVOKE ALL ON FUNCTION sights_at(uuid, timestamptz) FROM PUBLIC;

ALTER FUNCTION case_sights(uuid, timestamptz) OWNER TO portal_system;

REVOKE ALL ON FUNCTION case_sights(uuid, timestamptz) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION case_sights(uuid, timestamptz) TO portal_app;

ALTER FUNCTION use_once(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION use_once(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION use_once(bytea) TO portal_app;

ALTER FUNCTION throttle_failures(bytea, interval) OWNER TO portal_system;

REVOKE ALL ON FUNCTION throttle_failures(bytea, interval) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION throttle_failures(bytea, interval) TO portal_app;

ALTER FUNCTION throttle_failed(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION throttle_failed(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION throttle_failed(bytea) TO portal_app;

ALTER FUNCTION issuers_offered() OWNER TO portal_system;

REVOKE ALL ON FUNCTION issuers_offered() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION issuers_offered() TO portal_app;

ALTER FUNCTION issuer_for_sign_on(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION issuer_for_sign_on(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION issuer_for_sign_on(uuid) TO portal_app;

ALTER FUNCTION places_by_subject(uuid, bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION places_by_subject(uuid, bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION places_by_subject(uuid, bytea) TO portal_app;

ALTER FUNCTION session_came_from(bytea, uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION session_came_from(bytea, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION session_came_from(bytea, uuid) TO portal_app;

ALTER FUNCTION lend_session(bytea, uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION lend_session(bytea, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION lend_session(bytea, uuid) TO portal_app;

ALTER FUNCTION issuer_leads_to(uuid, uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION issuer_leads_to(uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION issuer_leads_to(uuid, uuid) TO portal_app;

ALTER FUNCTION leads_here(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION leads_here(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION leads_here(uuid) TO portal_app;

ALTER FUNCTION places_by_link(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION places_by_link(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION places_by_link(bytea) TO portal_app;

ALTER FUNCTION link_by_invitation(bytea, uuid, bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION link_by_invitation(bytea, uuid, bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION link_by_invitation(bytea, uuid, bytea) TO portal_app;

ALTER FUNCTION machine_secrets_of(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION machine_secrets_of(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION machine_secrets_of(uuid) TO portal_app;

ALTER FUNCTION issue_machine_token(bytea, uuid, text[], interval) OWNER TO portal_system;

REVOKE ALL ON FUNCTION issue_machine_token(bytea, uuid, text[], interval) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION issue_machine_token(bytea, uuid, text[], interval) TO portal_app;

ALTER FUNCTION machine_by_token(bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION machine_by_token(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION machine_by_token(bytea) TO portal_app;

ALTER FUNCTION worker_seen_at() OWNER TO portal_system;

REVOKE ALL ON FUNCTION worker_seen_at() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION worker_seen_at() TO portal_app;

ALTER FUNCTION mail_waits_since() OWNER TO portal_system;

REVOKE ALL ON FUNCTION mail_waits_since() FROM PUBLIC;

GRANT EXECUTE ON FUNCTION mail_waits_since() TO portal_app;

ALTER FUNCTION lock_grants(uuid, boolean) OWNER TO portal_system;

REVOKE ALL ON FUNCTION lock_grants(uuid, boolean) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION lock_grants(uuid, boolean) TO portal_app;

ALTER FUNCTION shorten_grant(uuid, timestamptz) OWNER TO portal_system;

REVOKE ALL ON FUNCTION shorten_grant(uuid, timestamptz) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION shorten_grant(uuid, timestamptz) TO portal_app;

ALTER FUNCTION defer_ends_at_18(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION defer_ends_at_18(uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION defer_ends_at_18(uuid) TO portal_app;

ALTER FUNCTION emergency_case(uuid, text) OWNER TO portal_system;

REVOKE ALL ON FUNCTION emergency_case(uuid, text) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION emergency_case(uuid, text) TO portal_app;

ALTER FUNCTION begin_emergency_view(uuid, uuid, uuid, bytea) OWNER TO portal_system;

REVOKE ALL ON FUNCTION begin_emergency_view(uuid, uuid, uuid, bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION begin_emergency_view(uuid, uuid, uuid, bytea) TO portal_app;

ALTER FUNCTION refresh_case_access(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION refresh_case_access(uuid) FROM PUBLIC;

ALTER FUNCTION sweep_case_access() OWNER TO portal_system;

REVOKE ALL ON FUNCTION sweep_case_access() FROM PUBLIC;

ALTER FUNCTION refresh_denials(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION refresh_denials(uuid) FROM PUBLIC;

ALTER FUNCTION case_was_opened() OWNER TO portal_system;

REVOKE ALL ON FUNCTION case_was_opened() FROM PUBLIC;

ALTER FUNCTION reach_of_case_changed() OWNER TO portal_system;

REVOKE ALL ON FUNCTION reach_of_case_changed() FROM PUBLIC;

ALTER FUNCTION denial_was_written() OWNER TO portal_system;

REVOKE ALL ON FUNCTION denial_was_written() FROM PUBLIC;

ALTER FUNCTION thread_was_linked() OWNER TO portal_system;

REVOKE ALL ON FUNCTION thread_was_linked() FROM PUBLIC;

ALTER FUNCTION visitor_wrote() OWNER TO portal_system;

REVOKE ALL ON FUNCTION visitor_wrote() FROM PUBLIC;

ALTER FUNCTION default_team_changed() OWNER TO portal_system;

REVOKE ALL ON FUNCTION default_team_changed() FROM PUBLIC;

ALTER FUNCTION entry_was_written() OWNER TO portal_system;

REVOKE ALL ON FUNCTION entry_was_written() FROM PUBLIC;

ALTER FUNCTION entry_was_retracted() OWNER TO portal_system;

REVOKE ALL ON FUNCTION entry_was_retracted() FROM PUBLIC;

ALTER FUNCTION link_was_ended() OWNER TO portal_system;

REVOKE ALL ON FUNCTION link_was_ended() FROM PUBLIC;

ALTER FUNCTION task_was_ended() OWNER TO portal_system;

REVOKE ALL ON FUNCTION task_was_ended() FROM PUBLIC;

ALTER FUNCTION membership_is_single() OWNER TO portal_system;

REVOKE ALL ON FUNCTION membership_is_single() FROM PUBLIC;

ALTER FUNCTION somebody_looks() OWNER TO portal_system;

REVOKE ALL ON FUNCTION somebody_looks() FROM PUBLIC;

ALTER FUNCTION may_hear(uuid, uuid, uuid, uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION may_hear(uuid, uuid, uuid, uuid) FROM PUBLIC;

ALTER FUNCTION tell(uuid[], uuid, text, uuid, uuid, uuid, uuid, uuid, timestamptz) OWNER TO portal_system;

REVOKE ALL ON FUNCTION tell(uuid[], uuid, text, uuid, uuid, uuid, uuid, uuid, timestamptz) FROM PUBLIC;

ALTER FUNCTION directors_of(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION directors_of(uuid) FROM PUBLIC;

ALTER FUNCTION workers_of(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION workers_of(uuid) FROM PUBLIC;

ALTER FUNCTION team_of(uuid, uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION team_of(uuid, uuid) FROM PUBLIC;

ALTER FUNCTION desk_of(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION desk_of(uuid) FROM PUBLIC;

ALTER FUNCTION readers_of(uuid, uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION readers_of(uuid, uuid) FROM PUBLIC;

ALTER FUNCTION ring_alarm(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION ring_alarm(uuid) FROM PUBLIC;

ALTER FUNCTION ring_on() OWNER TO portal_system;

REVOKE ALL ON FUNCTION ring_on() FROM PUBLIC;

ALTER FUNCTION begin_alarm(uuid, uuid, uuid, uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION begin_alarm(uuid, uuid, uuid, uuid) FROM PUBLIC;

ALTER FUNCTION tell_of_item(uuid) OWNER TO portal_system;

REVOKE ALL ON FUNCTION tell_of_item(uuid) FROM PUBLIC;

ALTER FUNCTION tell_of_deadlines() OWNER TO portal_system;

REVOKE ALL ON FUNCTION tell_of_deadlines() FROM PUBLIC;

ALTER FUNCTION mention(uuid, uuid, uuid[]) OWNER TO portal_system;

REVOKE ALL ON FUNCTION mention(uuid, uuid, uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION mention(uuid, uuid, uuid[]) TO portal_app;

ALTER FUNCTION share_was_given() OWNER TO portal_system;

REVOKE ALL ON FUNCTION share_was_given() FROM PUBLIC;

ALTER FUNCTION action_was_asked() OWNER TO portal_system;

REVOKE ALL ON FUNCTION action_was_asked() FROM PUBLIC;

ALTER FUNCTION action_was_answered() OWNER TO portal_system;

REVOKE ALL ON FUNCTION action_was_answered() FROM PUBLIC;

ALTER FUNCTION message_was_written() OWNER TO portal_system;

REVOKE ALL ON FUNCTION message_was_written() FROM PUBLIC;

ALTER FUNCTION item_was_laid() OWNER TO portal_system;

REVOKE ALL ON FUNCTION item_was_laid() FROM PUBLIC;

ALTER FUNCTION item_was_settled() OWNER TO portal_system;

REVOKE ALL ON FUNCTION item_was_settled() FROM PUBLIC;

ALTER FUNCTION agency_wrote() OWNER TO portal_system;

REVOKE ALL ON FUNCTION agency_wrote() FROM PUBLIC;

ALTER FUNCTION urgency_was_decided() OWNER TO portal_system;

REVOKE ALL ON FUNCTION urgency_was_decided() FROM PUBLIC;

ALTER FUNCTION emergency_was_started() OWNER TO portal_system;

REVOKE ALL ON FUNCTION emergency_was_started() FROM PUBLIC;

ALTER FUNCTION task_was_opened() OWNER TO portal_system;

REVOKE ALL ON FUNCTION task_was_opened() FROM PUBLIC;

ALTER FUNCTION share_was_proposed() OWNER TO portal_system;

REVOKE ALL ON FUNCTION share_was_proposed() FROM PUBLIC;

ALTER FUNCTION alarm_was_confirmed() OWNER TO portal_system;

REVOKE ALL ON FUNCTION alarm_was_confirmed() FROM PUBLIC;

CREATE FUNCTION viewer_acting() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_acting', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_acting', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_owning() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_owning', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND acting.role IN ('center_director', 'center_counselor', 'center_investigator')
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_owning', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_directing() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_directing', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND acting.role = 'center_director'
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_directing', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_naming() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_naming', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND acting.role = 'center_director' AND NOT (EXISTS (SELECT another_centre.id 
FROM agencies AS another_centre 
WHERE another_centre.type = acting_agency.type AND another_centre.id != acting_agency.id))
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_naming', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_reading() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_reading', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer')) AND NOT (EXISTS (SELECT departure.id 
FROM departures AS departure 
WHERE departure.agency_id = acting.agency_id AND departure.valid_from <= portal_clock() AND (departure.valid_until IS NULL OR portal_clock() < departure.valid_until))) AND (acting_agency.type NOT IN ('expert_lawyer', 'expert_welfare')) AND (acting_agency.type != 'cafeteria' OR acting.role = 'watcher')
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_reading', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_reading_detail() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_reading_detail', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer')) AND NOT (EXISTS (SELECT departure.id 
FROM departures AS departure 
WHERE departure.agency_id = acting.agency_id AND departure.valid_from <= portal_clock() AND (departure.valid_until IS NULL OR portal_clock() < departure.valid_until))) AND (acting_agency.type NOT IN ('expert_lawyer', 'expert_welfare')) AND (acting_agency.type != 'cafeteria' OR acting.role = 'watcher') AND acting_agency.type != 'cafeteria'
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_reading_detail', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_posting() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_posting', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer'))
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_posting', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_managing() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_managing', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer')) AND NOT (EXISTS (SELECT departure.id 
FROM departures AS departure 
WHERE departure.agency_id = acting.agency_id AND departure.valid_from <= portal_clock() AND (departure.valid_until IS NULL OR portal_clock() < departure.valid_until))) AND acting.manager
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_managing', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_advising() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_advising', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer')) AND NOT (EXISTS (SELECT departure.id 
FROM departures AS departure 
WHERE departure.agency_id = acting.agency_id AND departure.valid_from <= portal_clock() AND (departure.valid_until IS NULL OR portal_clock() < departure.valid_until))) AND acting_agency.type IN ('expert_lawyer', 'expert_welfare')
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_advising', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_administering() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_administering', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND acting.role = 'sysadmin'
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_administering', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_auditing() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_auditing', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND acting.role = 'audit_officer'
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_auditing', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_clerking() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_clerking', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND acting.role = 'center_clerk'
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_clerking', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_default_team() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_default_team', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT my_team.agency_id 
FROM teams AS my_team JOIN team_members AS my_team_member ON my_team.id = my_team_member.team_id 
WHERE my_team.agency_id = v_us AND my_team.is_default AND my_team_member.account_id = v_me AND my_team_member.valid_from <= portal_clock() AND (my_team_member.valid_until IS NULL OR portal_clock() < my_team_member.valid_until) 
 LIMIT 1
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_default_team', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_reads() RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_reads', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid[];
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid[] := (
SELECT array((SELECT my_team_member.team_id 
FROM team_members AS my_team_member 
WHERE my_team_member.account_id = v_me AND my_team_member.valid_from <= portal_clock() AND (my_team_member.valid_until IS NULL OR portal_clock() < my_team_member.valid_until) UNION ALL SELECT my_team.agency_id 
FROM teams AS my_team JOIN team_members AS my_team_member ON my_team.id = my_team_member.team_id 
WHERE my_team.agency_id = v_us AND my_team.is_default AND my_team_member.account_id = v_me AND my_team_member.valid_from <= portal_clock() AND (my_team_member.valid_until IS NULL OR portal_clock() < my_team_member.valid_until))) AS array_1
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_reads', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_desk() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_desk', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid := (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = v_me AND acting.agency_id = v_us AND acting.valid_from <= portal_clock() AND (acting.valid_until IS NULL OR portal_clock() < acting.valid_until) AND (acting.confirm_by IS NULL OR portal_clock() < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role IN ('center_director', 'center_counselor', 'center_investigator', 'npo_worker') OR acting_agency.type IN ('school', 'nursery') AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer')) AND (SELECT viewer_default_team() AS viewer_default_team_1) IS NOT NULL)
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_desk', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_person() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_person', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid;
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_found uuid := (
SELECT acting_account.person_id 
FROM accounts AS acting_account 
WHERE acting_account.id = v_me
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_person', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_excluded_cases() RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_excluded_cases', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid[];
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_found uuid[] := (
SELECT array((SELECT denial.case_id 
FROM denials AS denial 
WHERE denial.kind = 'exclusion' AND denial.account_id = v_me AND denial.valid_from <= portal_clock() AND (denial.valid_until IS NULL OR portal_clock() < denial.valid_until))) AS array_1
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_excluded_cases', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_excluded_threads() RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_excluded_threads', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid[];
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_found uuid[] := (
SELECT array((SELECT denial.thread_id 
FROM denials AS denial 
WHERE denial.kind = 'exclusion' AND denial.account_id = v_me AND denial.valid_from <= portal_clock() AND (denial.valid_until IS NULL OR portal_clock() < denial.valid_until) AND denial.thread_id IS NOT NULL)) AS array_1
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_excluded_threads', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_cases_not_to_tell_me() RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_cases_not_to_tell_me', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid[];
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_found uuid[] := (
SELECT array((SELECT denial.case_id 
FROM denials AS denial 
WHERE denial.kind = 'never_tell' AND (denial.account_id = v_me OR denial.person_id = (SELECT viewer_person() AS viewer_person_1)) AND denial.valid_from <= portal_clock() AND (denial.valid_until IS NULL OR portal_clock() < denial.valid_until))) AS array_1
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_cases_not_to_tell_me', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_cases_not_to_tell_us() RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_cases_not_to_tell_us', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid[];
    END IF;
    DECLARE
        v_us uuid := nullif(current_setting('portal.agency_id', true), '');
        v_found uuid[] := (
SELECT array((SELECT denial.case_id 
FROM denials AS denial 
WHERE denial.kind = 'never_tell' AND denial.agency_id = v_us AND denial.valid_from <= portal_clock() AND (denial.valid_until IS NULL OR portal_clock() < denial.valid_until))) AS array_1
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_cases_not_to_tell_us', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_worked_cases() RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ DECLARE
    v_who text := current_setting('portal.account_id', true) || ','
        || current_setting('portal.agency_id', true) || ';';
    v_fixed boolean := current_setting('transaction_isolation') = 'repeatable read'
        AND pg_current_xact_id_if_assigned() IS NULL;
    v_kept text := current_setting('portal.kept_worked_cases', true);
BEGIN
    IF v_fixed AND starts_with(v_kept, v_who) THEN
        RETURN nullif(substr(v_kept, length(v_who) + 1), '')::uuid[];
    END IF;
    DECLARE
        v_me uuid := nullif(current_setting('portal.account_id', true), '');
        v_found uuid[] := (
SELECT array((SELECT my_work.case_id 
FROM case_workers AS my_work 
WHERE my_work.account_id = v_me)) AS array_1
);
    BEGIN
        IF v_fixed AND v_who IS NOT NULL THEN
            v_kept := set_config('portal.kept_worked_cases', v_who || coalesce(v_found::text, ''), true);
        END IF;
        RETURN v_found;
    END;
END $$;

CREATE FUNCTION viewer_child_case() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT my_thread.case_id 
FROM threads AS my_thread 
WHERE my_thread.id = (SELECT CAST(nullif(current_setting('portal.thread_id', true), '') AS UUID) AS nullif_1) AND my_thread.kind = 'child' AND my_thread.closed_at IS NULL
); END $$;

CREATE FUNCTION viewer_guardian_case() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT my_thread.case_id 
FROM threads AS my_thread 
WHERE my_thread.id = (SELECT CAST(nullif(current_setting('portal.thread_id', true), '') AS UUID) AS nullif_1) AND my_thread.kind = 'guardian' AND my_thread.closed_at IS NULL
); END $$;

CREATE FUNCTION viewer_guardian_person() RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT my_thread.person_id 
FROM threads AS my_thread 
WHERE my_thread.id = (SELECT CAST(nullif(current_setting('portal.thread_id', true), '') AS UUID) AS nullif_1) AND my_thread.kind = 'guardian' AND my_thread.closed_at IS NULL
); END $$;

CREATE FUNCTION viewer_guardian_consents() RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT array((SELECT my_consent.id 
FROM consents AS my_consent 
WHERE my_consent.case_id = (SELECT viewer_guardian_case() AS viewer_guardian_case_1) AND my_consent.giver_person_id = (SELECT viewer_guardian_person() AS viewer_guardian_person_1))) AS array_1
); END $$;

CREATE FUNCTION viewer_sees_thread(p_thread uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT EXISTS (SELECT my_thread.id 
FROM threads AS my_thread 
WHERE my_thread.id = p_thread) AS anon_1
); END $$;

CREATE FUNCTION viewer_sees_parties(p_brief uuid, p_case uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT EXISTS (SELECT my_parties.id 
FROM brief_parties AS my_parties 
WHERE my_parties.brief_id = p_brief AND my_parties.case_id = p_case) AS anon_1
); END $$;

CREATE FUNCTION viewer_opens_by_code(p_case uuid, p_subject uuid, p_basis text, p_consents uuid[]) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT p_case = (SELECT viewer_child_case() AS viewer_child_case_1) OR p_case = (SELECT viewer_guardian_case() AS viewer_guardian_case_1) AND p_subject = (SELECT viewer_guardian_person() AS viewer_guardian_person_1) AND p_basis = 'CONSENT' OR p_case = (SELECT viewer_guardian_case() AS viewer_guardian_case_1) AND p_basis = 'CONSENT' AND (p_consents && CAST((SELECT viewer_guardian_consents() AS viewer_guardian_consents_1) AS UUID[])) AS anon_1
); END $$;

CREATE FUNCTION viewer_shows_case(p_key uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT EXISTS (SELECT 1 
FROM cases AS shown_cases 
WHERE shown_cases.id = p_key AND shown_cases.opened_at <= portal_clock() AND shown_cases.id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (shown_cases.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND shown_cases.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) OR (EXISTS (SELECT grant_on_case.id 
FROM grants AS grant_on_case 
WHERE grant_on_case.case_id = shown_cases.id AND grant_on_case.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) = any(grant_on_case.account_ids) OR grant_on_case.account_ids IS NULL AND coalesce(grant_on_case.team_id, grant_on_case.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[]))) AND grant_on_case.valid_from <= portal_clock() AND (grant_on_case.valid_until IS NULL OR portal_clock() < grant_on_case.valid_until) AND (grant_on_case.ended_at IS NULL OR portal_clock() < grant_on_case.ended_at) AND grant_on_case.case_opened_at <= portal_clock() AND (grant_on_case.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grant_on_case.case_id != all(CAST((SELECT viewer_cases_not_to_tell_us() AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grant_on_case.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[]))
 LIMIT ALL OFFSET 0)))) AS anon_1
); END $$;

CREATE FUNCTION viewer_shows_action(p_key uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT EXISTS (SELECT 1 
FROM actions AS shown_actions 
WHERE shown_actions.id = p_key AND shown_actions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (shown_actions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND shown_actions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) OR shown_actions.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND shown_actions.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND (EXISTS (SELECT grant_on_action.id 
FROM grants AS grant_on_action 
WHERE grant_on_action.case_id = shown_actions.case_id AND grant_on_action.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) = any(grant_on_action.account_ids) OR grant_on_action.account_ids IS NULL AND coalesce(grant_on_action.team_id, grant_on_action.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[]))) AND grant_on_action.valid_from <= portal_clock() AND (grant_on_action.valid_until IS NULL OR portal_clock() < grant_on_action.valid_until) AND (grant_on_action.ended_at IS NULL OR portal_clock() < grant_on_action.ended_at) AND grant_on_action.case_opened_at <= portal_clock() AND (grant_on_action.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grant_on_action.case_id != all(CAST((SELECT viewer_cases_not_to_tell_us() AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grant_on_action.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[]))
 LIMIT ALL OFFSET 0)))) AS anon_1
); END $$;

CREATE FUNCTION viewer_shows_entry(p_key uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT EXISTS (SELECT 1 
FROM entries AS shown_entries 
WHERE shown_entries.id = p_key AND shown_entries.written_at <= portal_clock() AND shown_entries.case_opened_at <= portal_clock() AND (shown_entries.retracted_at IS NULL OR portal_clock() < shown_entries.retracted_at) AND shown_entries.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (shown_entries.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND shown_entries.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (shown_entries.slice != 'reporter' OR shown_entries.owner_agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR shown_entries.case_id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[]))) OR (EXISTS (SELECT grant_of_entry.id 
FROM grants AS grant_of_entry 
WHERE grant_of_entry.case_id = shown_entries.case_id AND grant_of_entry.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) = any(grant_of_entry.account_ids) OR grant_of_entry.account_ids IS NULL AND coalesce(grant_of_entry.team_id, grant_of_entry.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[]))) AND grant_of_entry.valid_from <= portal_clock() AND (grant_of_entry.valid_until IS NULL OR portal_clock() < grant_of_entry.valid_until) AND (grant_of_entry.ended_at IS NULL OR portal_clock() < grant_of_entry.ended_at) AND grant_of_entry.case_opened_at <= portal_clock() AND (grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grant_of_entry.case_id != all(CAST((SELECT viewer_cases_not_to_tell_us() AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grant_of_entry.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND shown_entries.slice = any(grant_of_entry.slices) AND (grant_of_entry.subject_id = shown_entries.subject_id OR grant_of_entry.subject_id IS NULL AND grant_of_entry.basis != 'CONSENT') AND (shown_entries.slice NOT IN ('reporter', 'advice')) AND (shown_entries.slice != 'detail' OR grant_of_entry.agency_id = (SELECT viewer_reading_detail() AS viewer_reading_detail_1)) AND (NOT grant_of_entry.case_concealed OR (shown_entries.slice NOT IN ('contact', 'school')) OR grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)) OR shown_entries.author_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND shown_entries.author_agency_id = (SELECT viewer_posting() AS viewer_posting_1) AND (shown_entries.author_account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) OR (SELECT viewer_default_team() AS viewer_default_team_1) IS NOT NULL) AND shown_entries.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND shown_entries.owner_agency_id != shown_entries.author_agency_id)) AS anon_1
); END $$;

CREATE FUNCTION viewer_shows_thread(p_key uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT (EXISTS (SELECT 1 
FROM inbox_items AS shown_inbox_items 
WHERE shown_inbox_items.thread_id = p_key AND shown_inbox_items.agency_id = (SELECT viewer_desk() AS viewer_desk_1) AND shown_inbox_items.thread_id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) AND (shown_inbox_items.case_id IS NULL OR NOT shown_inbox_items.sealed OR shown_inbox_items.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND shown_inbox_items.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (shown_inbox_items.agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR shown_inbox_items.case_id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[])))))) OR (EXISTS (SELECT 1 
FROM threads AS shown_threads 
WHERE shown_threads.id = p_key AND (shown_threads.id = (SELECT CAST(nullif(current_setting('portal.thread_id', true), '') AS UUID) AS nullif_2) OR shown_threads.id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_3) OR shown_threads.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_4) AND (SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL AND shown_threads.id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) OR shown_threads.id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) AND (shown_threads.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (NOT shown_threads.sealed OR shown_threads.owner_agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR shown_threads.case_id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[]))) OR (shown_threads.owner_agency_id IS NULL OR shown_threads.owner_agency_id = (SELECT viewer_desk() AS viewer_desk_1)) AND (EXISTS (SELECT item_of_thread.id 
FROM inbox_items AS item_of_thread 
WHERE item_of_thread.thread_id = shown_threads.id AND item_of_thread.agency_id = (SELECT viewer_desk() AS viewer_desk_1) AND item_of_thread.thread_id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) AND (item_of_thread.case_id IS NULL OR NOT item_of_thread.sealed OR item_of_thread.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND item_of_thread.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (item_of_thread.agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR item_of_thread.case_id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[]))))
 LIMIT ALL OFFSET 0)))))) AS anon_1
); END $$;

CREATE FUNCTION past_acting(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled
); END $$;

REVOKE ALL ON FUNCTION past_acting(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_acting(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_owning(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND acting.role IN ('center_director', 'center_counselor', 'center_investigator')
); END $$;

REVOKE ALL ON FUNCTION past_owning(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_owning(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_directing(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND acting.role = 'center_director'
); END $$;

REVOKE ALL ON FUNCTION past_directing(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_directing(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_naming(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND acting.role = 'center_director' AND NOT (EXISTS (SELECT another_centre.id 
FROM agencies AS another_centre 
WHERE another_centre.type = acting_agency.type AND another_centre.id != acting_agency.id))
); END $$;

REVOKE ALL ON FUNCTION past_naming(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_naming(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_reading(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer')) AND NOT (EXISTS (SELECT departure.id 
FROM departures AS departure 
WHERE departure.agency_id = acting.agency_id AND departure.valid_from <= p_at AND (departure.valid_until IS NULL OR p_at < departure.valid_until))) AND (acting_agency.type NOT IN ('expert_lawyer', 'expert_welfare')) AND (acting_agency.type != 'cafeteria' OR acting.role = 'watcher')
); END $$;

REVOKE ALL ON FUNCTION past_reading(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_reading(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_reading_detail(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer')) AND NOT (EXISTS (SELECT departure.id 
FROM departures AS departure 
WHERE departure.agency_id = acting.agency_id AND departure.valid_from <= p_at AND (departure.valid_until IS NULL OR p_at < departure.valid_until))) AND (acting_agency.type NOT IN ('expert_lawyer', 'expert_welfare')) AND (acting_agency.type != 'cafeteria' OR acting.role = 'watcher') AND acting_agency.type != 'cafeteria'
); END $$;

REVOKE ALL ON FUNCTION past_reading_detail(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_reading_detail(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_posting(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer'))
); END $$;

REVOKE ALL ON FUNCTION past_posting(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_posting(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_managing(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer')) AND NOT (EXISTS (SELECT departure.id 
FROM departures AS departure 
WHERE departure.agency_id = acting.agency_id AND departure.valid_from <= p_at AND (departure.valid_until IS NULL OR p_at < departure.valid_until))) AND acting.manager
); END $$;

REVOKE ALL ON FUNCTION past_managing(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_managing(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_advising(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer')) AND NOT (EXISTS (SELECT departure.id 
FROM departures AS departure 
WHERE departure.agency_id = acting.agency_id AND departure.valid_from <= p_at AND (departure.valid_until IS NULL OR p_at < departure.valid_until))) AND acting_agency.type IN ('expert_lawyer', 'expert_welfare')
); END $$;

REVOKE ALL ON FUNCTION past_advising(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_advising(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_administering(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND acting.role = 'sysadmin'
); END $$;

REVOKE ALL ON FUNCTION past_administering(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_administering(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_auditing(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND acting.role = 'audit_officer'
); END $$;

REVOKE ALL ON FUNCTION past_auditing(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_auditing(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_clerking(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND acting.role = 'center_clerk'
); END $$;

REVOKE ALL ON FUNCTION past_clerking(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_clerking(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_default_team(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT my_team.agency_id 
FROM teams AS my_team JOIN team_members AS my_team_member ON my_team.id = my_team_member.team_id 
WHERE my_team.agency_id = p_agency AND my_team.is_default AND my_team_member.account_id = p_account AND my_team_member.valid_from <= p_at AND (my_team_member.valid_until IS NULL OR p_at < my_team_member.valid_until) 
 LIMIT 1
); END $$;

REVOKE ALL ON FUNCTION past_default_team(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_default_team(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_reads(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT array((SELECT my_team_member.team_id 
FROM team_members AS my_team_member 
WHERE my_team_member.account_id = p_account AND my_team_member.valid_from <= p_at AND (my_team_member.valid_until IS NULL OR p_at < my_team_member.valid_until) UNION ALL SELECT my_team.agency_id 
FROM teams AS my_team JOIN team_members AS my_team_member ON my_team.id = my_team_member.team_id 
WHERE my_team.agency_id = p_agency AND my_team.is_default AND my_team_member.account_id = p_account AND my_team_member.valid_from <= p_at AND (my_team_member.valid_until IS NULL OR p_at < my_team_member.valid_until))) AS array_1
); END $$;

REVOKE ALL ON FUNCTION past_reads(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_reads(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_desk(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting.agency_id 
FROM memberships AS acting JOIN accounts AS acting_account ON acting_account.id = acting.account_id JOIN agencies AS acting_agency ON acting_agency.id = acting.agency_id 
WHERE acting.account_id = p_account AND acting.agency_id = p_agency AND acting.valid_from <= p_at AND (acting.valid_until IS NULL OR p_at < acting.valid_until) AND (acting.confirm_by IS NULL OR p_at < acting.confirm_by) AND NOT acting_account.disabled AND (acting.role IN ('center_director', 'center_counselor', 'center_investigator', 'npo_worker') OR acting_agency.type IN ('school', 'nursery') AND (acting.role NOT IN ('center_clerk', 'sysadmin', 'audit_officer')) AND (SELECT past_default_team(p_at, p_account, p_agency) AS viewer_default_team_1) IS NOT NULL)
); END $$;

REVOKE ALL ON FUNCTION past_desk(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_desk(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_person(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT acting_account.person_id 
FROM accounts AS acting_account 
WHERE acting_account.id = p_account
); END $$;

REVOKE ALL ON FUNCTION past_person(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_person(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_excluded_cases(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT array((SELECT denial.case_id 
FROM denials AS denial 
WHERE denial.kind = 'exclusion' AND denial.account_id = p_account AND denial.valid_from <= p_at AND (denial.valid_until IS NULL OR p_at < denial.valid_until))) AS array_1
); END $$;

REVOKE ALL ON FUNCTION past_excluded_cases(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_excluded_cases(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_excluded_threads(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT array((SELECT denial.thread_id 
FROM denials AS denial 
WHERE denial.kind = 'exclusion' AND denial.account_id = p_account AND denial.valid_from <= p_at AND (denial.valid_until IS NULL OR p_at < denial.valid_until) AND denial.thread_id IS NOT NULL)) AS array_1
); END $$;

REVOKE ALL ON FUNCTION past_excluded_threads(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_excluded_threads(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_cases_not_to_tell_me(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT array((SELECT denial.case_id 
FROM denials AS denial 
WHERE denial.kind = 'never_tell' AND (denial.account_id = p_account OR denial.person_id = (SELECT past_person(p_at, p_account, p_agency) AS viewer_person_1)) AND denial.valid_from <= p_at AND (denial.valid_until IS NULL OR p_at < denial.valid_until))) AS array_1
); END $$;

REVOKE ALL ON FUNCTION past_cases_not_to_tell_me(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_cases_not_to_tell_me(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_cases_not_to_tell_us(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT array((SELECT denial.case_id 
FROM denials AS denial 
WHERE denial.kind = 'never_tell' AND denial.agency_id = p_agency AND denial.valid_from <= p_at AND (denial.valid_until IS NULL OR p_at < denial.valid_until))) AS array_1
); END $$;

REVOKE ALL ON FUNCTION past_cases_not_to_tell_us(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_cases_not_to_tell_us(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_worked_cases(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT array((SELECT my_work.case_id 
FROM case_workers AS my_work 
WHERE my_work.account_id = p_account)) AS array_1
); END $$;

REVOKE ALL ON FUNCTION past_worked_cases(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_worked_cases(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_child_case(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT my_thread.case_id 
FROM threads AS my_thread 
WHERE my_thread.id = (SELECT CAST(NULL AS UUID) AS nullif_1) AND my_thread.kind = 'child' AND my_thread.closed_at IS NULL
); END $$;

REVOKE ALL ON FUNCTION past_child_case(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_child_case(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_guardian_case(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT my_thread.case_id 
FROM threads AS my_thread 
WHERE my_thread.id = (SELECT CAST(NULL AS UUID) AS nullif_1) AND my_thread.kind = 'guardian' AND my_thread.closed_at IS NULL
); END $$;

REVOKE ALL ON FUNCTION past_guardian_case(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_guardian_case(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_guardian_person(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT my_thread.person_id 
FROM threads AS my_thread 
WHERE my_thread.id = (SELECT CAST(NULL AS UUID) AS nullif_1) AND my_thread.kind = 'guardian' AND my_thread.closed_at IS NULL
); END $$;

REVOKE ALL ON FUNCTION past_guardian_person(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_guardian_person(timestamptz, uuid, uuid) TO portal_system;

CREATE FUNCTION past_guardian_consents(p_at timestamptz, p_account uuid, p_agency uuid) RETURNS uuid[]
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
AS $$ BEGIN RETURN (
SELECT array((SELECT my_consent.id 
FROM consents AS my_consent 
WHERE my_consent.case_id = (SELECT past_guardian_case(p_at, p_account, p_agency) AS viewer_guardian_case_1) AND my_consent.giver_person_id = (SELECT past_guardian_person(p_at, p_account, p_agency) AS viewer_guardian_person_1))) AS array_1
); END $$;

REVOKE ALL ON FUNCTION past_guardian_consents(timestamptz, uuid, uuid) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION past_guardian_consents(timestamptz, uuid, uuid) TO portal_system;

REVOKE ALL ON account_keys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON account_keys TO portal_system;

GRANT SELECT ON account_keys TO portal_app;

GRANT INSERT ON account_keys TO portal_app;

REVOKE ALL ON account_profiles FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON account_profiles TO portal_system;

GRANT SELECT ON account_profiles TO portal_app;

GRANT INSERT ON account_profiles TO portal_app;

GRANT UPDATE (email_index, email_sealed, name_sealed, mail_refused_at) ON account_profiles TO portal_app;

REVOKE ALL ON accounts FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON accounts TO portal_system;

GRANT SELECT ON accounts TO portal_app;

GRANT INSERT ON accounts TO portal_app;

GRANT UPDATE (disabled, version) ON accounts TO portal_app;

REVOKE ALL ON action_events FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON action_events TO portal_system;

GRANT SELECT ON action_events TO portal_app;

GRANT INSERT ON action_events TO portal_app;

REVOKE ALL ON action_keys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON action_keys TO portal_system;

GRANT SELECT ON action_keys TO portal_app;

GRANT INSERT ON action_keys TO portal_app;

REVOKE ALL ON actions FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON actions TO portal_system;

GRANT SELECT ON actions TO portal_app;

GRANT INSERT ON actions TO portal_app;

GRANT UPDATE (status) ON actions TO portal_app;

REVOKE ALL ON advice_keys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON advice_keys TO portal_system;

GRANT SELECT ON advice_keys TO portal_app;

GRANT INSERT ON advice_keys TO portal_app;

REVOKE ALL ON advices FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON advices TO portal_system;

GRANT SELECT ON advices TO portal_app;

GRANT INSERT ON advices TO portal_app;

REVOKE ALL ON agencies FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON agencies TO portal_system;

GRANT SELECT ON agencies TO portal_app;

GRANT INSERT ON agencies TO portal_app;

GRANT UPDATE (type, name, legal_form, ward, report_slug, entrusted_npo_id, centre_id, receives_reports, version) ON agencies TO portal_app;

REVOKE ALL ON alarms FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON alarms TO portal_system;

GRANT SELECT ON alarms TO portal_app;

GRANT UPDATE (confirmed_at, confirmed_by) ON alarms TO portal_app;

REVOKE ALL ON audit_events FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON audit_events TO portal_system;

GRANT SELECT ON audit_events TO portal_app;

GRANT INSERT ON audit_events TO portal_app;

REVOKE ALL ON brief_keys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON brief_keys TO portal_system;

GRANT SELECT ON brief_keys TO portal_app;

GRANT INSERT ON brief_keys TO portal_app;

REVOKE ALL ON brief_parties FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON brief_parties TO portal_system;

GRANT SELECT ON brief_parties TO portal_app;

GRANT INSERT ON brief_parties TO portal_app;

GRANT UPDATE (names_sealed, released_at, valid_until) ON brief_parties TO portal_app;

REVOKE ALL ON briefs FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON briefs TO portal_system;

GRANT SELECT ON briefs TO portal_app;

GRANT INSERT ON briefs TO portal_app;

GRANT UPDATE (version, question_sealed, text_sealed) ON briefs TO portal_app;

REVOKE ALL ON case_access FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON case_access TO portal_system;

GRANT SELECT ON case_access TO portal_app;

REVOKE ALL ON case_looks FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON case_looks TO portal_system;

GRANT SELECT ON case_looks TO portal_app;

GRANT INSERT ON case_looks TO portal_app;

GRANT UPDATE (looked_at, since) ON case_looks TO portal_app;

REVOKE ALL ON case_people FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON case_people TO portal_system;

GRANT SELECT ON case_people TO portal_app;

GRANT INSERT ON case_people TO portal_app;

REVOKE ALL ON case_topics FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON case_topics TO portal_system;

GRANT SELECT ON case_topics TO portal_app;

GRANT INSERT ON case_topics TO portal_app;

REVOKE ALL ON case_workers FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON case_workers TO portal_system;

GRANT SELECT ON case_workers TO portal_app;

GRANT INSERT ON case_workers TO portal_app;

REVOKE ALL ON cases FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON cases TO portal_system;

GRANT SELECT ON cases TO portal_app;

GRANT INSERT ON cases TO portal_app;

GRANT UPDATE (status, closed_at, concealed) ON cases TO portal_app;

REVOKE ALL ON child_meetings FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON child_meetings TO portal_system;

GRANT SELECT ON child_meetings TO portal_app;

GRANT INSERT ON child_meetings TO portal_app;

REVOKE ALL ON closures FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON closures TO portal_system;

GRANT SELECT ON closures TO portal_app;

GRANT INSERT ON closures TO portal_app;

GRANT UPDATE (reopened_at) ON closures TO portal_app;

REVOKE ALL ON concealments FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON concealments TO portal_system;

GRANT SELECT ON concealments TO portal_app;

GRANT INSERT ON concealments TO portal_app;

GRANT UPDATE (valid_until, lifted_by, lifted_sealed) ON concealments TO portal_app;

REVOKE ALL ON conflict_declarations FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON conflict_declarations TO portal_system;

GRANT SELECT ON conflict_declarations TO portal_app;

GRANT INSERT ON conflict_declarations TO portal_app;

REVOKE ALL ON consent_events FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON consent_events TO portal_system;

GRANT SELECT ON consent_events TO portal_app;

GRANT INSERT ON consent_events TO portal_app;

REVOKE ALL ON consent_items FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON consent_items TO portal_system;

GRANT SELECT ON consent_items TO portal_app;

GRANT INSERT ON consent_items TO portal_app;

REVOKE ALL ON consents FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON consents TO portal_system;

GRANT SELECT ON consents TO portal_app;

GRANT INSERT ON consents TO portal_app;

GRANT UPDATE (draft_sealed, note_sealed, objection_sealed, said_back_sealed) ON consents TO portal_app;

REVOKE ALL ON consultations FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON consultations TO portal_system;

GRANT SELECT ON consultations TO portal_app;

GRANT INSERT ON consultations TO portal_app;

REVOKE ALL ON council_memberships FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON council_memberships TO portal_system;

GRANT SELECT ON council_memberships TO portal_app;

GRANT INSERT ON council_memberships TO portal_app;

GRANT UPDATE (valid_until) ON council_memberships TO portal_app;

REVOKE ALL ON covers FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON covers TO portal_system;

GRANT SELECT ON covers TO portal_app;

GRANT INSERT ON covers TO portal_app;

GRANT UPDATE (valid_until) ON covers TO portal_app;

REVOKE ALL ON credentials FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON credentials TO portal_system;

REVOKE ALL ON denials FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON denials TO portal_system;

GRANT SELECT ON denials TO portal_app;

REVOKE ALL ON departures FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON departures TO portal_system;

GRANT SELECT ON departures TO portal_app;

GRANT INSERT ON departures TO portal_app;

GRANT UPDATE (valid_until) ON departures TO portal_app;

REVOKE ALL ON doors FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON doors TO portal_system;

GRANT SELECT ON doors TO portal_app;

GRANT INSERT ON doors TO portal_app;

GRANT UPDATE (networks, certificates, contact, version) ON doors TO portal_app;

REVOKE ALL ON duty_places FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON duty_places TO portal_system;

GRANT SELECT ON duty_places TO portal_app;

GRANT INSERT ON duty_places TO portal_app;

GRANT UPDATE (valid_until) ON duty_places TO portal_app;

REVOKE ALL ON emergencies FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON emergencies TO portal_system;

GRANT SELECT ON emergencies TO portal_app;

GRANT INSERT ON emergencies TO portal_app;

GRANT UPDATE (decision, decided_by, decided_at, decision_sealed, prolonged_by, prolonged_at, finding, reviewed_by, reviewed_at, review_sealed, told_sealed, told_on, told_by) ON emergencies TO portal_app;

REVOKE ALL ON emergency_keys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON emergency_keys TO portal_system;

GRANT SELECT ON emergency_keys TO portal_app;

GRANT INSERT ON emergency_keys TO portal_app;

REVOKE ALL ON entries FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON entries TO portal_system;

GRANT SELECT ON entries TO portal_app;

GRANT INSERT ON entries TO portal_app;

REVOKE ALL ON exclusions FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON exclusions TO portal_system;

GRANT SELECT ON exclusions TO portal_app;

GRANT INSERT ON exclusions TO portal_app;

GRANT UPDATE (valid_until) ON exclusions TO portal_app;

REVOKE ALL ON factor_resets FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON factor_resets TO portal_system;

GRANT SELECT ON factor_resets TO portal_app;

GRANT INSERT ON factor_resets TO portal_app;

GRANT UPDATE (decided_at, decided_by, decision) ON factor_resets TO portal_app;

REVOKE ALL ON grant_reasons FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON grant_reasons TO portal_system;

GRANT SELECT ON grant_reasons TO portal_app;

GRANT INSERT ON grant_reasons TO portal_app;

REVOKE ALL ON grants FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON grants TO portal_system;

GRANT SELECT ON grants TO portal_app;

GRANT INSERT ON grants TO portal_app;

GRANT UPDATE (ended_at, team_id, account_ids, readers_fixed) ON grants TO portal_app;

REVOKE ALL ON guardian_records FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON guardian_records TO portal_system;

GRANT SELECT ON guardian_records TO portal_app;

GRANT INSERT ON guardian_records TO portal_app;

REVOKE ALL ON household_cases FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON household_cases TO portal_system;

GRANT SELECT ON household_cases TO portal_app;

GRANT INSERT ON household_cases TO portal_app;

REVOKE ALL ON households FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON households TO portal_system;

GRANT SELECT ON households TO portal_app;

GRANT INSERT ON households TO portal_app;

REVOKE ALL ON inbox_items FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON inbox_items TO portal_system;

GRANT SELECT ON inbox_items TO portal_app;

GRANT INSERT ON inbox_items TO portal_app;

GRANT UPDATE (status, handled_at, handled_by, case_id, due_at, unread_since) ON inbox_items TO portal_app;

REVOKE ALL ON issuer_keys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON issuer_keys TO portal_system;

GRANT SELECT ON issuer_keys TO portal_app;

GRANT INSERT ON issuer_keys TO portal_app;

REVOKE ALL ON issuer_links FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON issuer_links TO portal_system;

GRANT SELECT ON issuer_links TO portal_app;

GRANT INSERT ON issuer_links TO portal_app;

GRANT UPDATE (valid_until) ON issuer_links TO portal_app;

REVOKE ALL ON issuer_places FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON issuer_places TO portal_system;

GRANT SELECT ON issuer_places TO portal_app;

GRANT INSERT ON issuer_places TO portal_app;

GRANT UPDATE (valid_until) ON issuer_places TO portal_app;

REVOKE ALL ON issuers FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON issuers TO portal_system;

GRANT SELECT ON issuers TO portal_app;

GRANT INSERT ON issuers TO portal_app;

GRANT UPDATE (name, url, client_id, client_secret_sealed, domains, claim, second_factors, suspended, version) ON issuers TO portal_app;

REVOKE ALL ON known_devices FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON known_devices TO portal_system;

REVOKE ALL ON law_reports FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON law_reports TO portal_system;

GRANT SELECT ON law_reports TO portal_app;

GRANT INSERT ON law_reports TO portal_app;

GRANT UPDATE (phoned_at, recorded_by, recorded_at, phoned_to_sealed, told_sealed) ON law_reports TO portal_app;

REVOKE ALL ON machine_clients FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON machine_clients TO portal_system;

GRANT SELECT ON machine_clients TO portal_app;

GRANT INSERT ON machine_clients TO portal_app;

GRANT UPDATE (revoked_at) ON machine_clients TO portal_app;

REVOKE ALL ON machine_secrets FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON machine_secrets TO portal_system;

GRANT SELECT ON machine_secrets TO portal_app;

GRANT INSERT ON machine_secrets TO portal_app;

GRANT UPDATE (valid_until) ON machine_secrets TO portal_app;

REVOKE ALL ON machine_tokens FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON machine_tokens TO portal_system;

REVOKE ALL ON mail_choices FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON mail_choices TO portal_system;

GRANT SELECT ON mail_choices TO portal_app;

GRANT INSERT ON mail_choices TO portal_app;

GRANT UPDATE (daily_at, quiet_from, quiet_until) ON mail_choices TO portal_app;

REVOKE ALL ON matter_outcomes FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON matter_outcomes TO portal_system;

GRANT SELECT ON matter_outcomes TO portal_app;

GRANT INSERT ON matter_outcomes TO portal_app;

GRANT UPDATE (reason, until_on, recorded_by, recorded_at) ON matter_outcomes TO portal_app;

REVOKE ALL ON meeting_experts FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON meeting_experts TO portal_system;

GRANT SELECT ON meeting_experts TO portal_app;

GRANT INSERT ON meeting_experts TO portal_app;

REVOKE ALL ON meetings FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON meetings TO portal_system;

GRANT SELECT ON meetings TO portal_app;

GRANT INSERT ON meetings TO portal_app;

GRANT UPDATE (closed_at) ON meetings TO portal_app;

REVOKE ALL ON membership_proposals FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON membership_proposals TO portal_system;

GRANT SELECT ON membership_proposals TO portal_app;

GRANT INSERT ON membership_proposals TO portal_app;

GRANT UPDATE (decided_at, decided_by, decision) ON membership_proposals TO portal_app;

REVOKE ALL ON memberships FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON memberships TO portal_system;

GRANT SELECT ON memberships TO portal_app;

GRANT INSERT ON memberships TO portal_app;

GRANT UPDATE (confirm_by, valid_until) ON memberships TO portal_app;

REVOKE ALL ON necessity_records FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON necessity_records TO portal_system;

GRANT SELECT ON necessity_records TO portal_app;

GRANT INSERT ON necessity_records TO portal_app;

REVOKE ALL ON never_tells FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON never_tells TO portal_system;

GRANT SELECT ON never_tells TO portal_app;

GRANT INSERT ON never_tells TO portal_app;

GRANT UPDATE (valid_until, agency_id, account_id, person_id) ON never_tells TO portal_app;

REVOKE ALL ON notices FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON notices TO portal_system;

REVOKE ALL ON notifications FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON notifications TO portal_system;

GRANT SELECT ON notifications TO portal_app;

GRANT UPDATE (read_at) ON notifications TO portal_app;

REVOKE ALL ON parties_keys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON parties_keys TO portal_system;

GRANT SELECT ON parties_keys TO portal_app;

GRANT INSERT ON parties_keys TO portal_app;

REVOKE ALL ON passkeys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON passkeys TO portal_system;

GRANT SELECT ON passkeys TO portal_app;

GRANT INSERT ON passkeys TO portal_app;

GRANT UPDATE (sign_count, used_at, ended_at) ON passkeys TO portal_app;

REVOKE ALL ON permission_notings FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON permission_notings TO portal_system;

GRANT SELECT ON permission_notings TO portal_app;

GRANT INSERT ON permission_notings TO portal_app;

REVOKE ALL ON person_keys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON person_keys TO portal_system;

GRANT SELECT ON person_keys TO portal_app;

GRANT INSERT ON person_keys TO portal_app;

REVOKE ALL ON persons FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON persons TO portal_system;

GRANT SELECT ON persons TO portal_app;

GRANT INSERT ON persons TO portal_app;

GRANT UPDATE (birth_date_sealed) ON persons TO portal_app;

REVOKE ALL ON pledges FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON pledges TO portal_system;

GRANT SELECT ON pledges TO portal_app;

GRANT INSERT ON pledges TO portal_app;

REVOKE ALL ON progress_checks FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON progress_checks TO portal_system;

GRANT SELECT ON progress_checks TO portal_app;

GRANT INSERT ON progress_checks TO portal_app;

REVOKE ALL ON recovery_codes FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON recovery_codes TO portal_system;

GRANT SELECT ON recovery_codes TO portal_app;

GRANT INSERT ON recovery_codes TO portal_app;

GRANT UPDATE (used_at, ended_at) ON recovery_codes TO portal_app;

REVOKE ALL ON retractions FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON retractions TO portal_system;

GRANT SELECT ON retractions TO portal_app;

GRANT INSERT ON retractions TO portal_app;

REVOKE ALL ON saved_texts FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON saved_texts TO portal_system;

GRANT SELECT ON saved_texts TO portal_app;

GRANT INSERT ON saved_texts TO portal_app;

REVOKE ALL ON sessions FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO portal_system;

REVOKE ALL ON share_proposals FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON share_proposals TO portal_system;

GRANT SELECT ON share_proposals TO portal_app;

GRANT INSERT ON share_proposals TO portal_app;

GRANT UPDATE (decision, decided_by, decided_at, grant_id, refusal_sealed) ON share_proposals TO portal_app;

REVOKE ALL ON sign_in_rules FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_rules TO portal_system;

GRANT SELECT ON sign_in_rules TO portal_app;

GRANT INSERT ON sign_in_rules TO portal_app;

GRANT UPDATE (idle_minutes, absolute_minutes, sign_on_only, version) ON sign_in_rules TO portal_app;

REVOKE ALL ON slice_keys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON slice_keys TO portal_system;

GRANT SELECT ON slice_keys TO portal_app;

GRANT INSERT ON slice_keys TO portal_app;

REVOKE ALL ON spellings FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON spellings TO portal_system;

GRANT SELECT ON spellings TO portal_app;

GRANT INSERT ON spellings TO portal_app;

REVOKE ALL ON tasks FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON tasks TO portal_system;

GRANT SELECT ON tasks TO portal_app;

GRANT INSERT ON tasks TO portal_app;

GRANT UPDATE (done_at, done_by) ON tasks TO portal_app;

REVOKE ALL ON team_members FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON team_members TO portal_system;

GRANT SELECT ON team_members TO portal_app;

GRANT INSERT ON team_members TO portal_app;

GRANT UPDATE (valid_until) ON team_members TO portal_app;

REVOKE ALL ON teams FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON teams TO portal_system;

GRANT SELECT ON teams TO portal_app;

GRANT INSERT ON teams TO portal_app;

GRANT UPDATE (name, is_default) ON teams TO portal_app;

REVOKE ALL ON thread_codes FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON thread_codes TO portal_system;

GRANT INSERT ON thread_codes TO portal_app;

REVOKE ALL ON thread_keys FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON thread_keys TO portal_system;

GRANT SELECT ON thread_keys TO portal_app;

GRANT INSERT ON thread_keys TO portal_app;

REVOKE ALL ON thread_messages FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON thread_messages TO portal_system;

GRANT SELECT ON thread_messages TO portal_app;

GRANT INSERT ON thread_messages TO portal_app;

GRANT UPDATE (seen_at) ON thread_messages TO portal_app;

REVOKE ALL ON threads FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON threads TO portal_system;

GRANT SELECT ON threads TO portal_app;

GRANT INSERT ON threads TO portal_app;

GRANT UPDATE (promised_at, closed_at, case_id, owner_agency_id, person_id) ON threads TO portal_app;

REVOKE ALL ON throttle_counts FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON throttle_counts TO portal_system;

REVOKE ALL ON totp_secrets FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON totp_secrets TO portal_system;

GRANT SELECT ON totp_secrets TO portal_app;

GRANT INSERT ON totp_secrets TO portal_app;

GRANT UPDATE (used_step, ended_at) ON totp_secrets TO portal_app;

REVOKE ALL ON urgency_decisions FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON urgency_decisions TO portal_system;

GRANT SELECT ON urgency_decisions TO portal_app;

GRANT INSERT ON urgency_decisions TO portal_app;

REVOKE ALL ON used_marks FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON used_marks TO portal_system;

REVOKE ALL ON violations FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON violations TO portal_system;

GRANT SELECT ON violations TO portal_app;

GRANT INSERT ON violations TO portal_app;

REVOKE ALL ON wordings FROM PUBLIC, portal_app, portal_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON wordings TO portal_system;

GRANT SELECT ON wordings TO portal_app;

GRANT INSERT ON wordings TO portal_app;

ALTER TABLE account_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE account_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON account_keys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON account_keys FOR SELECT TO portal_app USING (
EXISTS (SELECT 1 
FROM account_profiles AS profile_of_key 
WHERE profile_of_key.account_id = account_keys.scope_id
 LIMIT ALL OFFSET 0)
);

CREATE POLICY inserted ON account_keys FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR account_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE account_profiles ENABLE ROW LEVEL SECURITY;

ALTER TABLE account_profiles FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON account_profiles TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON account_profiles FOR SELECT TO portal_app USING (
account_profiles.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_2) IS NULL OR (SELECT viewer_owning() AS viewer_owning_1) IS NOT NULL OR (SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (SELECT viewer_auditing() AS viewer_auditing_1) IS NOT NULL OR (EXISTS (SELECT colleague.id 
FROM memberships AS colleague 
WHERE colleague.account_id = account_profiles.account_id AND colleague.agency_id = (SELECT viewer_acting() AS viewer_acting_1)
 LIMIT ALL OFFSET 0)) OR (EXISTS (SELECT proposed_colleague.id 
FROM membership_proposals AS proposed_colleague 
WHERE proposed_colleague.account_id = account_profiles.account_id AND proposed_colleague.agency_id = (SELECT viewer_managing() AS viewer_managing_1) AND proposed_colleague.decision IS NULL
 LIMIT ALL OFFSET 0))
);

CREATE POLICY inserted ON account_profiles FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (SELECT viewer_managing() AS viewer_managing_1) IS NOT NULL
);

CREATE POLICY updated ON account_profiles FOR UPDATE TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;

ALTER TABLE accounts FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON accounts TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON accounts FOR SELECT TO portal_app USING (true);

CREATE POLICY inserted ON accounts FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (SELECT viewer_managing() AS viewer_managing_1) IS NOT NULL
);

CREATE POLICY updated ON accounts FOR UPDATE TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

ALTER TABLE action_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE action_events FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON action_events TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON action_events FOR SELECT TO portal_app USING (
action_events.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (action_events.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND action_events.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) OR action_events.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND action_events.agency_id = (SELECT viewer_posting() AS viewer_posting_1) AND (action_events.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) OR (SELECT viewer_default_team() AS viewer_default_team_1) IS NOT NULL) AND action_events.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) OR (EXISTS (SELECT action_of_event.id 
FROM actions AS action_of_event 
WHERE action_of_event.id = action_events.action_id
 LIMIT ALL OFFSET 0)))
);

CREATE POLICY inserted ON action_events FOR INSERT TO portal_app WITH CHECK (
action_events.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND action_events.agency_id = (SELECT viewer_posting() AS viewer_posting_1) AND (EXISTS (SELECT action_of_step.id 
FROM actions AS action_of_step 
WHERE action_of_step.id = action_events.action_id
 LIMIT ALL OFFSET 0))
);

ALTER TABLE action_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE action_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON action_keys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON action_keys FOR SELECT TO portal_app USING (
(EXISTS (SELECT 1 
FROM actions AS action_of_key 
WHERE action_of_key.id = action_keys.scope_id
 LIMIT ALL OFFSET 0)) OR (EXISTS (SELECT 1 
FROM action_events AS step_of_key 
WHERE step_of_key.action_id = action_keys.scope_id
 LIMIT ALL OFFSET 0))
);

CREATE POLICY inserted ON action_keys FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR action_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE actions ENABLE ROW LEVEL SECURITY;

ALTER TABLE actions FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON actions TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON actions FOR SELECT TO portal_app USING (
actions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (actions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND actions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) OR actions.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND actions.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND (EXISTS (SELECT grant_on_action.id 
FROM grants AS grant_on_action 
WHERE grant_on_action.case_id = actions.case_id AND grant_on_action.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) = any(grant_on_action.account_ids) OR grant_on_action.account_ids IS NULL AND coalesce(grant_on_action.team_id, grant_on_action.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[])))
 LIMIT ALL OFFSET 0)))
);

CREATE POLICY inserted ON actions FOR INSERT TO portal_app WITH CHECK (
actions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND actions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND actions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY updated ON actions FOR UPDATE TO portal_app USING (
actions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND actions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND actions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR actions.agency_id = (SELECT viewer_posting() AS viewer_posting_1)
) WITH CHECK (
actions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND actions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND actions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR actions.agency_id = (SELECT viewer_posting() AS viewer_posting_1)
);

ALTER TABLE advice_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE advice_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON advice_keys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON advice_keys FOR SELECT TO portal_app USING (
EXISTS (SELECT 1 
FROM advices AS advice_of_key 
WHERE advice_of_key.id = advice_keys.scope_id
 LIMIT ALL OFFSET 0)
);

CREATE POLICY inserted ON advice_keys FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR advice_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE advices ENABLE ROW LEVEL SECURITY;

ALTER TABLE advices FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON advices TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON advices FOR SELECT TO portal_app USING (
advices.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND advices.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND advices.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR advices.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) AND advices.agency_id = (SELECT viewer_advising() AS viewer_advising_1) AND advices.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON advices FOR INSERT TO portal_app WITH CHECK (
advices.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND advices.agency_id = (SELECT viewer_advising() AS viewer_advising_1) AND (EXISTS (SELECT brief_of_advice.id 
FROM briefs AS brief_of_advice 
WHERE brief_of_advice.id = advices.brief_id AND brief_of_advice.case_id = advices.case_id
 LIMIT ALL OFFSET 0))
);

ALTER TABLE agencies ENABLE ROW LEVEL SECURITY;

ALTER TABLE agencies FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON agencies TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON agencies FOR SELECT TO portal_app USING (true);

CREATE POLICY inserted ON agencies FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY updated ON agencies FOR UPDATE TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

ALTER TABLE alarms ENABLE ROW LEVEL SECURITY;

ALTER TABLE alarms FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON alarms TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON alarms FOR SELECT TO portal_app USING (
alarms.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (alarms.case_id IS NULL OR alarms.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))) AND (alarms.thread_id IS NULL OR alarms.thread_id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])))
);

CREATE POLICY updated ON alarms FOR UPDATE TO portal_app USING (
alarms.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (alarms.case_id IS NULL OR alarms.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))) AND (alarms.thread_id IS NULL OR alarms.thread_id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])))
) WITH CHECK (
alarms.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (alarms.case_id IS NULL OR alarms.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))) AND (alarms.thread_id IS NULL OR alarms.thread_id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])))
);

ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON audit_events TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON audit_events FOR SELECT TO portal_app USING (
(SELECT viewer_auditing() AS viewer_auditing_1) IS NOT NULL OR audit_events.case_id IS NOT NULL AND audit_events.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (EXISTS (SELECT case_of_event.id 
FROM cases AS case_of_event 
WHERE case_of_event.id = audit_events.case_id AND case_of_event.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1)
 LIMIT ALL OFFSET 0)) OR audit_events.agency_id = (SELECT viewer_managing() AS viewer_managing_1) AND (audit_events.case_id IS NULL OR (EXISTS (SELECT managed_grant_of_event.id 
FROM grants AS managed_grant_of_event 
WHERE managed_grant_of_event.case_id = audit_events.case_id AND managed_grant_of_event.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND managed_grant_of_event.agency_id = (SELECT viewer_managing() AS viewer_managing_1) AND managed_grant_of_event.valid_from <= portal_clock() AND (managed_grant_of_event.valid_until IS NULL OR portal_clock() < managed_grant_of_event.valid_until) AND (managed_grant_of_event.ended_at IS NULL OR portal_clock() < managed_grant_of_event.ended_at) AND managed_grant_of_event.case_opened_at <= portal_clock() AND (managed_grant_of_event.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR managed_grant_of_event.case_id != all(CAST((SELECT viewer_cases_not_to_tell_us() AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND managed_grant_of_event.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND managed_grant_of_event.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
 LIMIT ALL OFFSET 0))) OR audit_events.about_agency_id = (SELECT viewer_managing() AS viewer_managing_1) OR audit_events.case_id = (SELECT viewer_child_case() AS viewer_child_case_1)
);

CREATE POLICY inserted ON audit_events FOR INSERT TO portal_app WITH CHECK (
audit_events.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) OR audit_events.account_id IS NULL AND (audit_events.thread_id = (SELECT CAST(nullif(current_setting('portal.thread_id', true), '') AS UUID) AS nullif_2) OR audit_events.thread_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_3) OR audit_events.thread_id = (SELECT CAST(nullif(current_setting('portal.glimpse_id', true), '') AS UUID) AS nullif_4)) OR audit_events.account_id IS NULL AND audit_events.thread_id IS NULL AND audit_events.case_id IS NULL AND audit_events.viewer = 'nobody'
);

ALTER TABLE brief_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE brief_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON brief_keys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON brief_keys FOR SELECT TO portal_app USING (
EXISTS (SELECT 1 
FROM briefs AS brief_of_key 
WHERE brief_of_key.id = brief_keys.scope_id
 LIMIT ALL OFFSET 0)
);

CREATE POLICY inserted ON brief_keys FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR brief_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE brief_parties ENABLE ROW LEVEL SECURITY;

ALTER TABLE brief_parties FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON brief_parties TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON brief_parties FOR SELECT TO portal_app USING (
brief_parties.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND brief_parties.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND brief_parties.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR brief_parties.released_at <= portal_clock() AND portal_clock() < brief_parties.valid_until AND brief_parties.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND brief_parties.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND brief_parties.case_id != all(CAST((SELECT viewer_cases_not_to_tell_us() AS viewer_cases_not_to_tell_us_1) AS UUID[])) AND (EXISTS (SELECT invitation.id 
FROM meeting_experts AS invitation 
WHERE invitation.meeting_id = brief_parties.meeting_id AND invitation.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) AND invitation.agency_id = (SELECT viewer_advising() AS viewer_advising_1)
 LIMIT ALL OFFSET 0))
);

CREATE POLICY inserted ON brief_parties FOR INSERT TO portal_app WITH CHECK (
brief_parties.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND brief_parties.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND brief_parties.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY updated ON brief_parties FOR UPDATE TO portal_app USING (
brief_parties.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND brief_parties.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND brief_parties.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
brief_parties.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND brief_parties.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND brief_parties.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE briefs ENABLE ROW LEVEL SECURITY;

ALTER TABLE briefs FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON briefs TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON briefs FOR SELECT TO portal_app USING (
briefs.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND briefs.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND briefs.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR (EXISTS (SELECT parties_of_brief.id 
FROM brief_parties AS parties_of_brief 
WHERE parties_of_brief.brief_id = briefs.id AND parties_of_brief.released_at <= portal_clock() AND portal_clock() < parties_of_brief.valid_until AND parties_of_brief.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND parties_of_brief.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND parties_of_brief.case_id != all(CAST((SELECT viewer_cases_not_to_tell_us() AS viewer_cases_not_to_tell_us_1) AS UUID[])) AND (EXISTS (SELECT invitation.id 
FROM meeting_experts AS invitation 
WHERE invitation.meeting_id = parties_of_brief.meeting_id AND invitation.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) AND invitation.agency_id = (SELECT viewer_advising() AS viewer_advising_1)
 LIMIT ALL OFFSET 0))
 LIMIT ALL OFFSET 0)) AND (EXISTS (SELECT declaration.id 
FROM conflict_declarations AS declaration 
WHERE declaration.brief_id = briefs.id AND declaration.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) AND NOT declaration.conflict
 LIMIT ALL OFFSET 0))
);

CREATE POLICY inserted ON briefs FOR INSERT TO portal_app WITH CHECK (
briefs.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND briefs.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND briefs.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY updated ON briefs FOR UPDATE TO portal_app USING (
briefs.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND briefs.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND briefs.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
briefs.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND briefs.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND briefs.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE case_access ENABLE ROW LEVEL SECURITY;

ALTER TABLE case_access FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON case_access TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON case_access FOR SELECT TO portal_app USING (
case_access.circle_id = any(CAST((SELECT string_to_array(nullif(current_setting('portal.circles', true), ''), ',') AS string_to_array_1) AS UUID[])) AND case_access.valid_from <= portal_clock() AND portal_clock() < case_access.valid_until AND case_access.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND case_access.agency_id = CASE WHEN (case_access.circle_id = case_access.agency_id) THEN (SELECT viewer_owning() AS viewer_owning_1) ELSE (SELECT viewer_reading() AS viewer_reading_1) END AND (case_access.circle_id = case_access.agency_id OR case_access.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])))
);

ALTER TABLE case_looks ENABLE ROW LEVEL SECURITY;

ALTER TABLE case_looks FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON case_looks TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON case_looks FOR SELECT TO portal_app USING (
case_looks.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND case_looks.agency_id = (SELECT viewer_acting() AS viewer_acting_1)
);

CREATE POLICY inserted ON case_looks FOR INSERT TO portal_app WITH CHECK (
case_looks.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND case_looks.agency_id = (SELECT viewer_acting() AS viewer_acting_1) AND (EXISTS (SELECT case_looked_at.id 
FROM cases AS case_looked_at 
WHERE case_looked_at.id = case_looks.case_id
 LIMIT ALL OFFSET 0))
);

CREATE POLICY updated ON case_looks FOR UPDATE TO portal_app USING (
case_looks.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND case_looks.agency_id = (SELECT viewer_acting() AS viewer_acting_1)
) WITH CHECK (
case_looks.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND case_looks.agency_id = (SELECT viewer_acting() AS viewer_acting_1)
);

ALTER TABLE case_people ENABLE ROW LEVEL SECURITY;

ALTER TABLE case_people FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON case_people TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON case_people FOR SELECT TO portal_app USING (
case_people.case_opened_at <= portal_clock() AND case_people.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (case_people.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND case_people.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) OR (EXISTS (SELECT grant_of_person.id 
FROM grants AS grant_of_person 
WHERE grant_of_person.case_id = case_people.case_id AND grant_of_person.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) = any(grant_of_person.account_ids) OR grant_of_person.account_ids IS NULL AND coalesce(grant_of_person.team_id, grant_of_person.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[]))) AND 'basic' = any(grant_of_person.slices) AND (grant_of_person.subject_id = case_people.person_id OR grant_of_person.subject_id IS NULL AND grant_of_person.basis != 'CONSENT') AND ('basic' NOT IN ('reporter', 'advice')) AND ('basic' != 'detail' OR grant_of_person.agency_id = (SELECT viewer_reading_detail() AS viewer_reading_detail_1)) AND (NOT grant_of_person.case_concealed OR ('basic' NOT IN ('contact', 'school')) OR grant_of_person.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)))
);

CREATE POLICY inserted ON case_people FOR INSERT TO portal_app WITH CHECK (
case_people.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND case_people.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND case_people.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE case_topics ENABLE ROW LEVEL SECURITY;

ALTER TABLE case_topics FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON case_topics TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON case_topics FOR SELECT TO portal_app USING (
case_topics.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND case_topics.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND case_topics.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON case_topics FOR INSERT TO portal_app WITH CHECK (
case_topics.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND case_topics.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND case_topics.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE case_workers ENABLE ROW LEVEL SECURITY;

ALTER TABLE case_workers FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON case_workers TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON case_workers FOR SELECT TO portal_app USING (
case_workers.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) OR case_workers.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_2) AND case_workers.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND case_workers.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON case_workers FOR INSERT TO portal_app WITH CHECK (
case_workers.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND case_workers.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND case_workers.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE cases ENABLE ROW LEVEL SECURITY;

ALTER TABLE cases FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON cases TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON cases FOR SELECT TO portal_app USING (
cases.opened_at <= portal_clock() AND cases.id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (cases.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND cases.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) OR (EXISTS (SELECT grant_on_case.id 
FROM grants AS grant_on_case 
WHERE grant_on_case.case_id = cases.id AND grant_on_case.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) = any(grant_on_case.account_ids) OR grant_on_case.account_ids IS NULL AND coalesce(grant_on_case.team_id, grant_on_case.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[])))
 LIMIT ALL OFFSET 0)))
);

CREATE POLICY inserted ON cases FOR INSERT TO portal_app WITH CHECK (
cases.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1)
);

CREATE POLICY updated ON cases FOR UPDATE TO portal_app USING (
cases.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1)
) WITH CHECK (
cases.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1)
);

ALTER TABLE child_meetings ENABLE ROW LEVEL SECURITY;

ALTER TABLE child_meetings FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON child_meetings TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON child_meetings FOR SELECT TO portal_app USING (
child_meetings.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND child_meetings.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND child_meetings.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON child_meetings FOR INSERT TO portal_app WITH CHECK (
child_meetings.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND child_meetings.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND child_meetings.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE closures ENABLE ROW LEVEL SECURITY;

ALTER TABLE closures FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON closures TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON closures FOR SELECT TO portal_app USING (
closures.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND closures.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND closures.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON closures FOR INSERT TO portal_app WITH CHECK (
closures.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND closures.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND closures.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY updated ON closures FOR UPDATE TO portal_app USING (
closures.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND closures.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND closures.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
closures.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND closures.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND closures.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE concealments ENABLE ROW LEVEL SECURITY;

ALTER TABLE concealments FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON concealments TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON concealments FOR SELECT TO portal_app USING (
concealments.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND concealments.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND concealments.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON concealments FOR INSERT TO portal_app WITH CHECK (
concealments.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND concealments.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND concealments.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY updated ON concealments FOR UPDATE TO portal_app USING (
concealments.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND concealments.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND concealments.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
concealments.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND concealments.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND concealments.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE conflict_declarations ENABLE ROW LEVEL SECURITY;

ALTER TABLE conflict_declarations FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON conflict_declarations TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON conflict_declarations FOR SELECT TO portal_app USING (
conflict_declarations.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND conflict_declarations.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND conflict_declarations.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR conflict_declarations.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2)
);

CREATE POLICY inserted ON conflict_declarations FOR INSERT TO portal_app WITH CHECK (
conflict_declarations.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND viewer_sees_parties(conflict_declarations.brief_id, conflict_declarations.case_id)
);

ALTER TABLE consent_events ENABLE ROW LEVEL SECURITY;

ALTER TABLE consent_events FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON consent_events TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON consent_events FOR SELECT TO portal_app USING (
EXISTS (SELECT consent_of_row.id 
FROM consents AS consent_of_row 
WHERE consent_of_row.id = consent_events.consent_id
 LIMIT ALL OFFSET 0)
);

CREATE POLICY inserted ON consent_events FOR INSERT TO portal_app WITH CHECK (
EXISTS (SELECT consent_of_row.id 
FROM consents AS consent_of_row 
WHERE consent_of_row.id = consent_events.consent_id
 LIMIT ALL OFFSET 0)
);

ALTER TABLE consent_items ENABLE ROW LEVEL SECURITY;

ALTER TABLE consent_items FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON consent_items TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON consent_items FOR SELECT TO portal_app USING (
EXISTS (SELECT consent_of_row.id 
FROM consents AS consent_of_row 
WHERE consent_of_row.id = consent_items.consent_id
 LIMIT ALL OFFSET 0)
);

CREATE POLICY inserted ON consent_items FOR INSERT TO portal_app WITH CHECK (
consent_items.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND consent_items.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND consent_items.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE consents ENABLE ROW LEVEL SECURITY;

ALTER TABLE consents FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON consents TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON consents FOR SELECT TO portal_app USING (
consents.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND consents.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND consents.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR consents.case_id = (SELECT viewer_child_case() AS viewer_child_case_1) OR consents.case_id = (SELECT viewer_guardian_case() AS viewer_guardian_case_1) AND consents.giver_person_id = (SELECT viewer_guardian_person() AS viewer_guardian_person_1)
);

CREATE POLICY inserted ON consents FOR INSERT TO portal_app WITH CHECK (
consents.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND consents.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND consents.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY updated ON consents FOR UPDATE TO portal_app USING (
consents.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND consents.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND consents.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
consents.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND consents.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND consents.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE consultations ENABLE ROW LEVEL SECURITY;

ALTER TABLE consultations FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON consultations TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON consultations FOR SELECT TO portal_app USING (
(EXISTS (SELECT thread_of_consultation.id 
FROM threads AS thread_of_consultation 
WHERE thread_of_consultation.id = consultations.thread_id
 LIMIT ALL OFFSET 0)) OR (EXISTS (SELECT item_of_consultation.id 
FROM inbox_items AS item_of_consultation 
WHERE item_of_consultation.thread_id = consultations.thread_id
 LIMIT ALL OFFSET 0))
);

CREATE POLICY inserted ON consultations FOR INSERT TO portal_app WITH CHECK (
consultations.thread_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1) OR consultations.recorded_by = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) AND ((SELECT viewer_desk() AS viewer_desk_1) IS NOT NULL OR (SELECT viewer_clerking() AS viewer_clerking_1) IS NOT NULL)
);

ALTER TABLE council_memberships ENABLE ROW LEVEL SECURITY;

ALTER TABLE council_memberships FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON council_memberships TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON council_memberships FOR SELECT TO portal_app USING (true);

CREATE POLICY inserted ON council_memberships FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY updated ON council_memberships FOR UPDATE TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

ALTER TABLE covers ENABLE ROW LEVEL SECURITY;

ALTER TABLE covers FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON covers TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON covers FOR SELECT TO portal_app USING (
covers.agency_id = (SELECT viewer_acting() AS viewer_acting_1) OR (SELECT viewer_owning() AS viewer_owning_1) IS NOT NULL OR (SELECT viewer_auditing() AS viewer_auditing_1) IS NOT NULL
);

CREATE POLICY inserted ON covers FOR INSERT TO portal_app WITH CHECK (
covers.agency_id = (SELECT viewer_managing() AS viewer_managing_1) OR covers.agency_id = (SELECT viewer_acting() AS viewer_acting_1) AND covers.absent_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY updated ON covers FOR UPDATE TO portal_app USING (
covers.agency_id = (SELECT viewer_managing() AS viewer_managing_1) OR covers.agency_id = (SELECT viewer_acting() AS viewer_acting_1) AND covers.absent_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
) WITH CHECK (
covers.agency_id = (SELECT viewer_managing() AS viewer_managing_1) OR covers.agency_id = (SELECT viewer_acting() AS viewer_acting_1) AND covers.absent_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE credentials ENABLE ROW LEVEL SECURITY;

ALTER TABLE credentials FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON credentials TO portal_system, portal_owner USING (true) WITH CHECK (true);

ALTER TABLE denials ENABLE ROW LEVEL SECURITY;

ALTER TABLE denials FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON denials TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON denials FOR SELECT TO portal_app USING (
denials.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) OR denials.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_2) OR denials.person_id = (SELECT viewer_person() AS viewer_person_1)
);

ALTER TABLE departures ENABLE ROW LEVEL SECURITY;

ALTER TABLE departures FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON departures TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON departures FOR SELECT TO portal_app USING (true);

CREATE POLICY inserted ON departures FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_directing() AS viewer_directing_1) IS NOT NULL
);

CREATE POLICY updated ON departures FOR UPDATE TO portal_app USING (
(SELECT viewer_directing() AS viewer_directing_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_directing() AS viewer_directing_1) IS NOT NULL
);

ALTER TABLE doors ENABLE ROW LEVEL SECURITY;

ALTER TABLE doors FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON doors TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON doors FOR SELECT TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR doors.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
);

CREATE POLICY inserted ON doors FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY updated ON doors FOR UPDATE TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

ALTER TABLE duty_places ENABLE ROW LEVEL SECURITY;

ALTER TABLE duty_places FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON duty_places TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON duty_places FOR SELECT TO portal_app USING (
duty_places.agency_id = (SELECT viewer_owning() AS viewer_owning_1)
);

CREATE POLICY inserted ON duty_places FOR INSERT TO portal_app WITH CHECK (
duty_places.agency_id = (SELECT viewer_directing() AS viewer_directing_1)
);

CREATE POLICY updated ON duty_places FOR UPDATE TO portal_app USING (
duty_places.agency_id = (SELECT viewer_directing() AS viewer_directing_1)
) WITH CHECK (
duty_places.agency_id = (SELECT viewer_directing() AS viewer_directing_1)
);

ALTER TABLE emergencies ENABLE ROW LEVEL SECURITY;

ALTER TABLE emergencies FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON emergencies TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON emergencies FOR SELECT TO portal_app USING (
emergencies.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND emergencies.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND emergencies.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON emergencies FOR INSERT TO portal_app WITH CHECK (
emergencies.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND emergencies.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND emergencies.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY updated ON emergencies FOR UPDATE TO portal_app USING (
emergencies.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND emergencies.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND emergencies.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
emergencies.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND emergencies.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND emergencies.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE emergency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE emergency_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON emergency_keys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON emergency_keys FOR SELECT TO portal_app USING (
EXISTS (SELECT 1 
FROM emergencies AS emergency_of_key 
WHERE emergency_of_key.id = emergency_keys.scope_id
 LIMIT ALL OFFSET 0)
);

CREATE POLICY inserted ON emergency_keys FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR emergency_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE entries ENABLE ROW LEVEL SECURITY;

ALTER TABLE entries FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON entries TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON entries FOR SELECT TO portal_app USING (
entries.written_at <= portal_clock() AND entries.case_opened_at <= portal_clock() AND (entries.retracted_at IS NULL OR portal_clock() < entries.retracted_at) AND entries.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (entries.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND entries.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (entries.slice != 'reporter' OR entries.owner_agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR entries.case_id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[]))) OR (EXISTS (SELECT grant_of_entry.id 
FROM grants AS grant_of_entry 
WHERE grant_of_entry.case_id = entries.case_id AND grant_of_entry.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) = any(grant_of_entry.account_ids) OR grant_of_entry.account_ids IS NULL AND coalesce(grant_of_entry.team_id, grant_of_entry.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[]))) AND entries.slice = any(grant_of_entry.slices) AND (grant_of_entry.subject_id = entries.subject_id OR grant_of_entry.subject_id IS NULL AND grant_of_entry.basis != 'CONSENT') AND (entries.slice NOT IN ('reporter', 'advice')) AND (entries.slice != 'detail' OR grant_of_entry.agency_id = (SELECT viewer_reading_detail() AS viewer_reading_detail_1)) AND (NOT grant_of_entry.case_concealed OR (entries.slice NOT IN ('contact', 'school')) OR grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)) OR entries.author_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND entries.author_agency_id = (SELECT viewer_posting() AS viewer_posting_1) AND (entries.author_account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) OR (SELECT viewer_default_team() AS viewer_default_team_1) IS NOT NULL) AND entries.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND entries.owner_agency_id != entries.author_agency_id)
);

CREATE POLICY inserted ON entries FOR INSERT TO portal_app WITH CHECK (
entries.author_account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND entries.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (entries.author_agency_id = (SELECT viewer_posting() AS viewer_posting_1) AND entries.heard_from_sealed IS NULL AND (entries.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_2) AND entries.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (entries.slice != 'reporter' OR entries.owner_agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR entries.case_id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[]))) OR (EXISTS (SELECT grant_of_entry.id 
FROM grants AS grant_of_entry 
WHERE grant_of_entry.case_id = entries.case_id AND grant_of_entry.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) = any(grant_of_entry.account_ids) OR grant_of_entry.account_ids IS NULL AND coalesce(grant_of_entry.team_id, grant_of_entry.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[]))) AND entries.slice = any(grant_of_entry.slices) AND (grant_of_entry.subject_id = entries.subject_id OR grant_of_entry.subject_id IS NULL AND grant_of_entry.basis != 'CONSENT') AND (entries.slice NOT IN ('reporter', 'advice')) AND (entries.slice != 'detail' OR grant_of_entry.agency_id = (SELECT viewer_reading_detail() AS viewer_reading_detail_1)) AND (NOT grant_of_entry.case_concealed OR (entries.slice NOT IN ('contact', 'school')) OR grant_of_entry.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0))) OR entries.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND entries.author_agency_id != (SELECT viewer_owning() AS viewer_owning_1) AND entries.heard_from_sealed IS NOT NULL AND (EXISTS (SELECT grant_to_author.id 
FROM grants AS grant_to_author JOIN agencies ON agencies.id = grant_to_author.agency_id 
WHERE grant_to_author.case_id = entries.case_id AND grant_to_author.agency_id = entries.author_agency_id AND grant_to_author.valid_from <= portal_clock() AND (grant_to_author.valid_until IS NULL OR portal_clock() < grant_to_author.valid_until) AND (grant_to_author.ended_at IS NULL OR portal_clock() < grant_to_author.ended_at) AND entries.slice = any(grant_to_author.slices) AND (grant_to_author.subject_id = entries.subject_id OR grant_to_author.subject_id IS NULL AND grant_to_author.basis != 'CONSENT') AND (entries.slice NOT IN ('reporter', 'advice')) AND (entries.slice != 'detail' OR agencies.type != 'cafeteria') AND (NOT grant_to_author.case_concealed OR (entries.slice NOT IN ('contact', 'school')) OR grant_to_author.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)))
);

ALTER TABLE exclusions ENABLE ROW LEVEL SECURITY;

ALTER TABLE exclusions FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON exclusions TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON exclusions FOR SELECT TO portal_app USING (
exclusions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND exclusions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND exclusions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON exclusions FOR INSERT TO portal_app WITH CHECK (
exclusions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND exclusions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND exclusions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR exclusions.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) AND (SELECT viewer_advising() AS viewer_advising_1) IS NOT NULL
);

CREATE POLICY updated ON exclusions FOR UPDATE TO portal_app USING (
exclusions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND exclusions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND exclusions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
exclusions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND exclusions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND exclusions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE factor_resets ENABLE ROW LEVEL SECURITY;

ALTER TABLE factor_resets FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON factor_resets TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON factor_resets FOR SELECT TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (SELECT viewer_naming() AS viewer_naming_1) IS NOT NULL OR factor_resets.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
);

CREATE POLICY inserted ON factor_resets FOR INSERT TO portal_app WITH CHECK (
((SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR factor_resets.agency_id = (SELECT viewer_managing() AS viewer_managing_1)) AND factor_resets.account_id != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND factor_resets.asked_by = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND factor_resets.asked_at <= portal_clock() AND (factor_resets.decision IS NULL OR factor_resets.decision = 'alone' AND factor_resets.decided_by = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)) AND (EXISTS (SELECT place_of_reset.id 
FROM memberships AS place_of_reset 
WHERE place_of_reset.account_id = factor_resets.account_id AND place_of_reset.agency_id = factor_resets.agency_id
 LIMIT ALL OFFSET 0))
);

CREATE POLICY updated ON factor_resets FOR UPDATE TO portal_app USING (
factor_resets.decision IS DISTINCT FROM 'alone' AND ((SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (SELECT viewer_naming() AS viewer_naming_1) IS NOT NULL OR factor_resets.agency_id = (SELECT viewer_managing() AS viewer_managing_1)) AND factor_resets.account_id != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (factor_resets.decision IS NULL OR factor_resets.decided_by = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (factor_resets.decision != 'confirmed' OR factor_resets.asked_by != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND portal_clock() < factor_resets.asked_at + interval '7 days'))
) WITH CHECK (
factor_resets.decision IS DISTINCT FROM 'alone' AND ((SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (SELECT viewer_naming() AS viewer_naming_1) IS NOT NULL OR factor_resets.agency_id = (SELECT viewer_managing() AS viewer_managing_1)) AND factor_resets.account_id != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (factor_resets.decision IS NULL OR factor_resets.decided_by = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (factor_resets.decision != 'confirmed' OR factor_resets.asked_by != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND portal_clock() < factor_resets.asked_at + interval '7 days'))
);

ALTER TABLE grant_reasons ENABLE ROW LEVEL SECURITY;

ALTER TABLE grant_reasons FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON grant_reasons TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON grant_reasons FOR SELECT TO portal_app USING (
grant_reasons.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND grant_reasons.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND grant_reasons.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON grant_reasons FOR INSERT TO portal_app WITH CHECK (
grant_reasons.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND grant_reasons.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND grant_reasons.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE grants ENABLE ROW LEVEL SECURITY;

ALTER TABLE grants FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON grants TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON grants FOR SELECT TO portal_app USING (
(grants.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND ((grants.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) = any(grants.account_ids) OR grants.account_ids IS NULL AND coalesce(grants.team_id, grants.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[]))) OR grants.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_2) AND grants.agency_id = (SELECT viewer_managing() AS viewer_managing_1)) AND grants.valid_from <= portal_clock() AND (grants.valid_until IS NULL OR portal_clock() < grants.valid_until) AND (grants.ended_at IS NULL OR portal_clock() < grants.ended_at) AND grants.case_opened_at <= portal_clock() AND (grants.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grants.case_id != all(CAST((SELECT viewer_cases_not_to_tell_us() AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grants.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) OR grants.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_2) AND grants.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1)) OR nullif(current_setting('portal.agency_id', true), '') IS NULL AND viewer_opens_by_code(grants.case_id, grants.subject_id, grants.basis, grants.guardian_consent_ids)) AND grants.case_opened_at <= portal_clock()
);

CREATE POLICY inserted ON grants FOR INSERT TO portal_app WITH CHECK (
grants.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND grants.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND grants.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (grants.basis != 'EMERGENCY' OR grants.valid_until <= grants.valid_from + interval '24 hours' AND (grants.slices <@ ARRAY['basic', 'contact', 'safety', 'health']) AND (EXISTS (SELECT emergency_of_grant.id 
FROM emergencies AS emergency_of_grant 
WHERE emergency_of_grant.id = grants.emergency_id AND emergency_of_grant.case_id = grants.case_id AND emergency_of_grant.agency_id = grants.agency_id AND emergency_of_grant.kind = 'provision' AND emergency_of_grant.reviewed_at IS NULL
 LIMIT ALL OFFSET 0)))
);

CREATE POLICY updated ON grants FOR UPDATE TO portal_app USING (
grants.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND grants.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND grants.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR grants.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND grants.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND grants.agency_id = (SELECT viewer_managing() AS viewer_managing_1) AND grants.valid_from <= portal_clock() AND (grants.valid_until IS NULL OR portal_clock() < grants.valid_until) AND (grants.ended_at IS NULL OR portal_clock() < grants.ended_at) AND grants.case_opened_at <= portal_clock() AND (grants.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grants.case_id != all(CAST((SELECT viewer_cases_not_to_tell_us() AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grants.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND NOT grants.readers_fixed OR grants.case_id = (SELECT viewer_child_case() AS viewer_child_case_1) AND grants.basis = 'CONSENT' OR grants.case_id = (SELECT viewer_guardian_case() AS viewer_guardian_case_1) AND grants.subject_id = (SELECT viewer_guardian_person() AS viewer_guardian_person_1) AND grants.basis = 'CONSENT' OR grants.case_id = (SELECT viewer_guardian_case() AS viewer_guardian_case_1) AND grants.basis = 'CONSENT' AND (grants.guardian_consent_ids && CAST((SELECT viewer_guardian_consents() AS viewer_guardian_consents_1) AS UUID[]))
) WITH CHECK (
grants.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND grants.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND grants.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR grants.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND grants.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND grants.agency_id = (SELECT viewer_managing() AS viewer_managing_1) AND grants.valid_from <= portal_clock() AND (grants.valid_until IS NULL OR portal_clock() < grants.valid_until) AND (grants.ended_at IS NULL OR portal_clock() < grants.ended_at) AND grants.case_opened_at <= portal_clock() AND (grants.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18') OR grants.case_id != all(CAST((SELECT viewer_cases_not_to_tell_us() AS viewer_cases_not_to_tell_us_1) AS UUID[]))) AND grants.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND NOT grants.readers_fixed OR grants.case_id = (SELECT viewer_child_case() AS viewer_child_case_1) AND grants.basis = 'CONSENT' OR grants.case_id = (SELECT viewer_guardian_case() AS viewer_guardian_case_1) AND grants.subject_id = (SELECT viewer_guardian_person() AS viewer_guardian_person_1) AND grants.basis = 'CONSENT' OR grants.case_id = (SELECT viewer_guardian_case() AS viewer_guardian_case_1) AND grants.basis = 'CONSENT' AND (grants.guardian_consent_ids && CAST((SELECT viewer_guardian_consents() AS viewer_guardian_consents_1) AS UUID[]))
);

ALTER TABLE guardian_records ENABLE ROW LEVEL SECURITY;

ALTER TABLE guardian_records FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON guardian_records TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON guardian_records FOR SELECT TO portal_app USING (
guardian_records.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND guardian_records.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND guardian_records.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON guardian_records FOR INSERT TO portal_app WITH CHECK (
guardian_records.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND guardian_records.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND guardian_records.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE household_cases ENABLE ROW LEVEL SECURITY;

ALTER TABLE household_cases FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON household_cases TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON household_cases FOR SELECT TO portal_app USING (
household_cases.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND household_cases.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND household_cases.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON household_cases FOR INSERT TO portal_app WITH CHECK (
household_cases.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND household_cases.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND household_cases.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE households ENABLE ROW LEVEL SECURITY;

ALTER TABLE households FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON households TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON households FOR SELECT TO portal_app USING (
households.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1)
);

CREATE POLICY inserted ON households FOR INSERT TO portal_app WITH CHECK (
households.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1)
);

ALTER TABLE inbox_items ENABLE ROW LEVEL SECURITY;

ALTER TABLE inbox_items FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON inbox_items TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON inbox_items FOR SELECT TO portal_app USING (
inbox_items.agency_id = (SELECT viewer_desk() AS viewer_desk_1) AND inbox_items.thread_id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) AND (inbox_items.case_id IS NULL OR NOT inbox_items.sealed OR inbox_items.agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND inbox_items.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (inbox_items.agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR inbox_items.case_id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[]))))
);

CREATE POLICY inserted ON inbox_items FOR INSERT TO portal_app WITH CHECK (
inbox_items.thread_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1) OR (SELECT viewer_desk() AS viewer_desk_1) IS NOT NULL AND viewer_sees_thread(inbox_items.thread_id)
);

CREATE POLICY updated ON inbox_items FOR UPDATE TO portal_app USING (
inbox_items.agency_id = (SELECT viewer_desk() AS viewer_desk_1)
) WITH CHECK (
inbox_items.agency_id = (SELECT viewer_desk() AS viewer_desk_1)
);

ALTER TABLE issuer_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE issuer_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON issuer_keys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON issuer_keys FOR SELECT TO portal_app USING (
EXISTS (SELECT 1 
FROM issuers AS issuer_of_key 
WHERE issuer_of_key.id = issuer_keys.scope_id
 LIMIT ALL OFFSET 0)
);

CREATE POLICY inserted ON issuer_keys FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR issuer_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE issuer_links ENABLE ROW LEVEL SECURITY;

ALTER TABLE issuer_links FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON issuer_links TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON issuer_links FOR SELECT TO portal_app USING (
issuer_links.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR (SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (EXISTS (SELECT linked_member.id 
FROM memberships AS linked_member 
WHERE linked_member.account_id = issuer_links.account_id AND linked_member.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
 LIMIT ALL OFFSET 0))
);

CREATE POLICY inserted ON issuer_links FOR INSERT TO portal_app WITH CHECK (
issuer_links.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL
);

CREATE POLICY updated ON issuer_links FOR UPDATE TO portal_app USING (
issuer_links.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR (SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (EXISTS (SELECT linked_member.id 
FROM memberships AS linked_member 
WHERE linked_member.account_id = issuer_links.account_id AND linked_member.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
 LIMIT ALL OFFSET 0))
) WITH CHECK (
issuer_links.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR (SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (EXISTS (SELECT linked_member.id 
FROM memberships AS linked_member 
WHERE linked_member.account_id = issuer_links.account_id AND linked_member.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
 LIMIT ALL OFFSET 0))
);

ALTER TABLE issuer_places ENABLE ROW LEVEL SECURITY;

ALTER TABLE issuer_places FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON issuer_places TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON issuer_places FOR SELECT TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY inserted ON issuer_places FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY updated ON issuer_places FOR UPDATE TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

ALTER TABLE issuers ENABLE ROW LEVEL SECURITY;

ALTER TABLE issuers FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON issuers TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON issuers FOR SELECT TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY inserted ON issuers FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY updated ON issuers FOR UPDATE TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

ALTER TABLE known_devices ENABLE ROW LEVEL SECURITY;

ALTER TABLE known_devices FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON known_devices TO portal_system, portal_owner USING (true) WITH CHECK (true);

ALTER TABLE law_reports ENABLE ROW LEVEL SECURITY;

ALTER TABLE law_reports FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON law_reports TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON law_reports FOR SELECT TO portal_app USING (
law_reports.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND law_reports.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND law_reports.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON law_reports FOR INSERT TO portal_app WITH CHECK (
law_reports.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND law_reports.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND law_reports.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY updated ON law_reports FOR UPDATE TO portal_app USING (
law_reports.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND law_reports.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND law_reports.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
law_reports.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND law_reports.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND law_reports.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE machine_clients ENABLE ROW LEVEL SECURITY;

ALTER TABLE machine_clients FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON machine_clients TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON machine_clients FOR SELECT TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY inserted ON machine_clients FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY updated ON machine_clients FOR UPDATE TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

ALTER TABLE machine_secrets ENABLE ROW LEVEL SECURITY;

ALTER TABLE machine_secrets FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON machine_secrets TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON machine_secrets FOR SELECT TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY inserted ON machine_secrets FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY updated ON machine_secrets FOR UPDATE TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

ALTER TABLE machine_tokens ENABLE ROW LEVEL SECURITY;

ALTER TABLE machine_tokens FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON machine_tokens TO portal_system, portal_owner USING (true) WITH CHECK (true);

ALTER TABLE mail_choices ENABLE ROW LEVEL SECURITY;

ALTER TABLE mail_choices FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON mail_choices TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON mail_choices FOR SELECT TO portal_app USING (
mail_choices.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY inserted ON mail_choices FOR INSERT TO portal_app WITH CHECK (
mail_choices.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY updated ON mail_choices FOR UPDATE TO portal_app USING (
mail_choices.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
) WITH CHECK (
mail_choices.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE matter_outcomes ENABLE ROW LEVEL SECURITY;

ALTER TABLE matter_outcomes FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON matter_outcomes TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON matter_outcomes FOR SELECT TO portal_app USING (
matter_outcomes.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (matter_outcomes.case_id IS NOT NULL AND matter_outcomes.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR (EXISTS (SELECT item_of_outcome.id 
FROM inbox_items AS item_of_outcome 
WHERE item_of_outcome.id = matter_outcomes.item_id
 LIMIT ALL OFFSET 0)))
);

CREATE POLICY inserted ON matter_outcomes FOR INSERT TO portal_app WITH CHECK (
matter_outcomes.recorded_by = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND matter_outcomes.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (matter_outcomes.case_id IS NOT NULL AND matter_outcomes.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR (EXISTS (SELECT item_of_outcome.id 
FROM inbox_items AS item_of_outcome 
WHERE item_of_outcome.id = matter_outcomes.item_id
 LIMIT ALL OFFSET 0)))
);

CREATE POLICY updated ON matter_outcomes FOR UPDATE TO portal_app USING (
matter_outcomes.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (matter_outcomes.case_id IS NOT NULL AND matter_outcomes.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR (EXISTS (SELECT item_of_outcome.id 
FROM inbox_items AS item_of_outcome 
WHERE item_of_outcome.id = matter_outcomes.item_id
 LIMIT ALL OFFSET 0)))
) WITH CHECK (
matter_outcomes.agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (matter_outcomes.case_id IS NOT NULL AND matter_outcomes.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR (EXISTS (SELECT item_of_outcome.id 
FROM inbox_items AS item_of_outcome 
WHERE item_of_outcome.id = matter_outcomes.item_id
 LIMIT ALL OFFSET 0)))
);

ALTER TABLE meeting_experts ENABLE ROW LEVEL SECURITY;

ALTER TABLE meeting_experts FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON meeting_experts TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON meeting_experts FOR SELECT TO portal_app USING (
meeting_experts.centre_id = (SELECT viewer_owning() AS viewer_owning_1) OR meeting_experts.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND meeting_experts.agency_id = (SELECT viewer_advising() AS viewer_advising_1)
);

CREATE POLICY inserted ON meeting_experts FOR INSERT TO portal_app WITH CHECK (
meeting_experts.centre_id = (SELECT viewer_owning() AS viewer_owning_1)
);

ALTER TABLE meetings ENABLE ROW LEVEL SECURITY;

ALTER TABLE meetings FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON meetings TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON meetings FOR SELECT TO portal_app USING (
meetings.agency_id = (SELECT viewer_owning() AS viewer_owning_1) OR (EXISTS (SELECT invitation.id 
FROM meeting_experts AS invitation 
WHERE invitation.meeting_id = meetings.id AND invitation.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND invitation.agency_id = (SELECT viewer_advising() AS viewer_advising_1)
 LIMIT ALL OFFSET 0))
);

CREATE POLICY inserted ON meetings FOR INSERT TO portal_app WITH CHECK (
meetings.agency_id = (SELECT viewer_owning() AS viewer_owning_1)
);

CREATE POLICY updated ON meetings FOR UPDATE TO portal_app USING (
meetings.agency_id = (SELECT viewer_owning() AS viewer_owning_1)
) WITH CHECK (
meetings.agency_id = (SELECT viewer_owning() AS viewer_owning_1)
);

ALTER TABLE membership_proposals ENABLE ROW LEVEL SECURITY;

ALTER TABLE membership_proposals FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON membership_proposals TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON membership_proposals FOR SELECT TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (SELECT viewer_naming() AS viewer_naming_1) IS NOT NULL OR membership_proposals.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
);

CREATE POLICY inserted ON membership_proposals FOR INSERT TO portal_app WITH CHECK (
((SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR membership_proposals.agency_id = (SELECT viewer_managing() AS viewer_managing_1)) AND membership_proposals.account_id != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND membership_proposals.proposed_by = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND membership_proposals.proposed_at <= portal_clock() AND membership_proposals.decision IS NULL
);

CREATE POLICY updated ON membership_proposals FOR UPDATE TO portal_app USING (
((SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (SELECT viewer_naming() AS viewer_naming_1) IS NOT NULL OR membership_proposals.agency_id = (SELECT viewer_managing() AS viewer_managing_1)) AND membership_proposals.account_id != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (membership_proposals.decision IS NULL OR membership_proposals.decided_by = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (membership_proposals.decision != 'confirmed' OR membership_proposals.proposed_by != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND portal_clock() < membership_proposals.proposed_at + interval '7 days'))
) WITH CHECK (
((SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR (SELECT viewer_naming() AS viewer_naming_1) IS NOT NULL OR membership_proposals.agency_id = (SELECT viewer_managing() AS viewer_managing_1)) AND membership_proposals.account_id != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (membership_proposals.decision IS NULL OR membership_proposals.decided_by = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND (membership_proposals.decision != 'confirmed' OR membership_proposals.proposed_by != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND portal_clock() < membership_proposals.proposed_at + interval '7 days'))
);

ALTER TABLE memberships ENABLE ROW LEVEL SECURITY;

ALTER TABLE memberships FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON memberships TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON memberships FOR SELECT TO portal_app USING (true);

CREATE POLICY inserted ON memberships FOR INSERT TO portal_app WITH CHECK (
((SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR memberships.agency_id = (SELECT viewer_managing() AS viewer_managing_1)) AND memberships.account_id != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND NOT memberships.manager AND (EXISTS (SELECT agency_of_membership.id 
FROM agencies AS agency_of_membership 
WHERE agency_of_membership.id = memberships.agency_id AND (agency_of_membership.type = 'support_center' AND memberships.role = 'center_clerk' OR agency_of_membership.type = 'cafeteria' AND memberships.role = 'cafeteria_operator' OR agency_of_membership.type = 'cafeteria' AND memberships.role = 'cafeteria_volunteer')
 LIMIT ALL OFFSET 0)) OR (EXISTS (SELECT proposal_of_membership.id 
FROM membership_proposals AS proposal_of_membership 
WHERE proposal_of_membership.id = memberships.id AND proposal_of_membership.account_id = memberships.account_id AND proposal_of_membership.agency_id = memberships.agency_id AND proposal_of_membership.role = memberships.role AND proposal_of_membership.manager = memberships.manager AND proposal_of_membership.valid_from <= memberships.valid_from AND proposal_of_membership.valid_until IS NOT DISTINCT FROM memberships.valid_until AND proposal_of_membership.decision = 'confirmed' AND proposal_of_membership.decided_by = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND proposal_of_membership.decided_at = portal_clock() AND proposal_of_membership.proposed_by != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND memberships.account_id != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
 LIMIT ALL OFFSET 0))
);

CREATE POLICY updated ON memberships FOR UPDATE TO portal_app USING (
((SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR memberships.agency_id = (SELECT viewer_managing() AS viewer_managing_1)) AND memberships.account_id != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
) WITH CHECK (
((SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR memberships.agency_id = (SELECT viewer_managing() AS viewer_managing_1)) AND memberships.account_id != (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE necessity_records ENABLE ROW LEVEL SECURITY;

ALTER TABLE necessity_records FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON necessity_records TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON necessity_records FOR SELECT TO portal_app USING (
necessity_records.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND necessity_records.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND necessity_records.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON necessity_records FOR INSERT TO portal_app WITH CHECK (
necessity_records.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND necessity_records.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND necessity_records.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE never_tells ENABLE ROW LEVEL SECURITY;

ALTER TABLE never_tells FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON never_tells TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON never_tells FOR SELECT TO portal_app USING (
never_tells.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND never_tells.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND never_tells.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON never_tells FOR INSERT TO portal_app WITH CHECK (
never_tells.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND never_tells.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND never_tells.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY updated ON never_tells FOR UPDATE TO portal_app USING (
never_tells.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND never_tells.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND never_tells.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
never_tells.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND never_tells.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND never_tells.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE notices ENABLE ROW LEVEL SECURITY;

ALTER TABLE notices FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON notices TO portal_system, portal_owner USING (true) WITH CHECK (true);

ALTER TABLE notifications ENABLE ROW LEVEL SECURITY;

ALTER TABLE notifications FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON notifications TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON notifications FOR SELECT TO portal_app USING (
notifications.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND notifications.agency_id = (SELECT viewer_acting() AS viewer_acting_1) AND (notifications.case_id IS NULL OR viewer_shows_case(notifications.case_id)) AND (notifications.action_id IS NULL OR viewer_shows_action(notifications.action_id)) AND (notifications.entry_id IS NULL OR viewer_shows_entry(notifications.entry_id)) AND (notifications.thread_id IS NULL OR viewer_shows_thread(notifications.thread_id))
);

CREATE POLICY updated ON notifications FOR UPDATE TO portal_app USING (
notifications.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
) WITH CHECK (
notifications.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE parties_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE parties_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON parties_keys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON parties_keys FOR SELECT TO portal_app USING (
EXISTS (SELECT 1 
FROM brief_parties AS parties_of_key 
WHERE parties_of_key.id = parties_keys.scope_id
 LIMIT ALL OFFSET 0)
);

CREATE POLICY inserted ON parties_keys FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR parties_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE passkeys ENABLE ROW LEVEL SECURITY;

ALTER TABLE passkeys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON passkeys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON passkeys FOR SELECT TO portal_app USING (
passkeys.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY inserted ON passkeys FOR INSERT TO portal_app WITH CHECK (
passkeys.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY updated ON passkeys FOR UPDATE TO portal_app USING (
passkeys.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
) WITH CHECK (
passkeys.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE permission_notings ENABLE ROW LEVEL SECURITY;

ALTER TABLE permission_notings FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON permission_notings TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON permission_notings FOR SELECT TO portal_app USING (
permission_notings.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND permission_notings.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND permission_notings.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON permission_notings FOR INSERT TO portal_app WITH CHECK (
permission_notings.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND permission_notings.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND permission_notings.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE person_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE person_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON person_keys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON person_keys FOR SELECT TO portal_app USING (
EXISTS (SELECT person_in_case.id 
FROM case_people AS person_in_case 
WHERE person_in_case.person_id = person_keys.scope_id
 LIMIT ALL OFFSET 0)
);

CREATE POLICY inserted ON person_keys FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR person_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE persons ENABLE ROW LEVEL SECURITY;

ALTER TABLE persons FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON persons TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON persons FOR SELECT TO portal_app USING (
EXISTS (SELECT person_in_case.id 
FROM case_people AS person_in_case 
WHERE person_in_case.person_id = persons.id
 LIMIT ALL OFFSET 0)
);

CREATE POLICY inserted ON persons FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_owning() AS viewer_owning_1) IS NOT NULL
);

CREATE POLICY updated ON persons FOR UPDATE TO portal_app USING (
EXISTS (SELECT child_of_case.id 
FROM case_people AS child_of_case 
WHERE child_of_case.person_id = persons.id AND child_of_case.is_child AND child_of_case.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND child_of_case.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND child_of_case.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
 LIMIT ALL OFFSET 0)
) WITH CHECK (
EXISTS (SELECT child_of_case.id 
FROM case_people AS child_of_case 
WHERE child_of_case.person_id = persons.id AND child_of_case.is_child AND child_of_case.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND child_of_case.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND child_of_case.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
 LIMIT ALL OFFSET 0)
);

ALTER TABLE pledges ENABLE ROW LEVEL SECURITY;

ALTER TABLE pledges FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON pledges TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON pledges FOR SELECT TO portal_app USING (
pledges.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY inserted ON pledges FOR INSERT TO portal_app WITH CHECK (
pledges.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE progress_checks ENABLE ROW LEVEL SECURITY;

ALTER TABLE progress_checks FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON progress_checks TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON progress_checks FOR SELECT TO portal_app USING (
progress_checks.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND progress_checks.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND progress_checks.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON progress_checks FOR INSERT TO portal_app WITH CHECK (
progress_checks.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND progress_checks.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND progress_checks.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE recovery_codes ENABLE ROW LEVEL SECURITY;

ALTER TABLE recovery_codes FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON recovery_codes TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON recovery_codes FOR SELECT TO portal_app USING (
recovery_codes.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY inserted ON recovery_codes FOR INSERT TO portal_app WITH CHECK (
recovery_codes.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY updated ON recovery_codes FOR UPDATE TO portal_app USING (
recovery_codes.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
) WITH CHECK (
recovery_codes.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE retractions ENABLE ROW LEVEL SECURITY;

ALTER TABLE retractions FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON retractions TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON retractions FOR SELECT TO portal_app USING (
(retractions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND retractions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND retractions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR retractions.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) AND retractions.agency_id = (SELECT viewer_posting() AS viewer_posting_1) AND retractions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))) AND (EXISTS (SELECT 1 
FROM slice_keys AS key_of_retraction 
WHERE key_of_retraction.scope_id = retractions.case_id AND key_of_retraction.slice = retractions.slice
 LIMIT ALL OFFSET 0))
);

CREATE POLICY inserted ON retractions FOR INSERT TO portal_app WITH CHECK (
retractions.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1) AND retractions.agency_id = (SELECT viewer_posting() AS viewer_posting_1) AND (EXISTS (SELECT retracted_entry.id 
FROM entries AS retracted_entry 
WHERE retracted_entry.id = retractions.entry_id AND retracted_entry.case_id = retractions.case_id AND (retracted_entry.author_agency_id = (SELECT viewer_posting() AS viewer_posting_1) OR retracted_entry.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1))
 LIMIT ALL OFFSET 0))
);

ALTER TABLE saved_texts ENABLE ROW LEVEL SECURITY;

ALTER TABLE saved_texts FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON saved_texts TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON saved_texts FOR SELECT TO portal_app USING (
saved_texts.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY inserted ON saved_texts FOR INSERT TO portal_app WITH CHECK (
saved_texts.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;

ALTER TABLE sessions FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON sessions TO portal_system, portal_owner USING (true) WITH CHECK (true);

ALTER TABLE share_proposals ENABLE ROW LEVEL SECURITY;

ALTER TABLE share_proposals FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON share_proposals TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON share_proposals FOR SELECT TO portal_app USING (
share_proposals.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND share_proposals.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND share_proposals.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON share_proposals FOR INSERT TO portal_app WITH CHECK (
share_proposals.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND share_proposals.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND share_proposals.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY updated ON share_proposals FOR UPDATE TO portal_app USING (
share_proposals.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND share_proposals.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND share_proposals.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
share_proposals.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND share_proposals.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND share_proposals.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE sign_in_rules ENABLE ROW LEVEL SECURITY;

ALTER TABLE sign_in_rules FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON sign_in_rules TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON sign_in_rules FOR SELECT TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL OR sign_in_rules.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
);

CREATE POLICY inserted ON sign_in_rules FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

CREATE POLICY updated ON sign_in_rules FOR UPDATE TO portal_app USING (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
) WITH CHECK (
(SELECT viewer_administering() AS viewer_administering_1) IS NOT NULL
);

ALTER TABLE slice_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE slice_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON slice_keys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON slice_keys FOR SELECT TO portal_app USING (
slice_keys.scope_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND ((EXISTS (SELECT case_of_key.id 
FROM cases AS case_of_key 
WHERE case_of_key.id = slice_keys.scope_id AND case_of_key.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND case_of_key.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (slice_keys.slice != 'reporter' OR case_of_key.owner_agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR case_of_key.id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[])))
 LIMIT ALL OFFSET 0)) OR (EXISTS (SELECT grant_of_key.id 
FROM grants AS grant_of_key 
WHERE grant_of_key.case_id = slice_keys.scope_id AND grant_of_key.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) = any(grant_of_key.account_ids) OR grant_of_key.account_ids IS NULL AND coalesce(grant_of_key.team_id, grant_of_key.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[]))) AND slice_keys.slice = any(grant_of_key.slices) AND (grant_of_key.subject_id IS NOT NULL OR grant_of_key.basis != 'CONSENT') AND (slice_keys.slice NOT IN ('reporter', 'advice')) AND (slice_keys.slice != 'detail' OR grant_of_key.agency_id = (SELECT viewer_reading_detail() AS viewer_reading_detail_1)) AND (NOT grant_of_key.case_concealed OR (slice_keys.slice NOT IN ('contact', 'school')) OR grant_of_key.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)) OR (EXISTS (SELECT entry_of_key.id 
FROM entries AS entry_of_key 
WHERE entry_of_key.case_id = slice_keys.scope_id AND entry_of_key.slice = slice_keys.slice AND entry_of_key.author_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND entry_of_key.author_agency_id = (SELECT viewer_posting() AS viewer_posting_1) AND (entry_of_key.author_account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) OR (SELECT viewer_default_team() AS viewer_default_team_1) IS NOT NULL) AND entry_of_key.case_id != all(CAST((SELECT viewer_cases_not_to_tell_me() AS viewer_cases_not_to_tell_me_1) AS UUID[])) AND entry_of_key.owner_agency_id != entry_of_key.author_agency_id
 LIMIT ALL OFFSET 0)))
);

CREATE POLICY inserted ON slice_keys FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR slice_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE spellings ENABLE ROW LEVEL SECURITY;

ALTER TABLE spellings FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON spellings TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON spellings FOR SELECT TO portal_app USING (
spellings.case_opened_at <= portal_clock() AND spellings.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) AND (spellings.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND spellings.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) OR (EXISTS (SELECT grant_of_person.id 
FROM grants AS grant_of_person 
WHERE grant_of_person.case_id = spellings.case_id AND grant_of_person.agency_id = (SELECT viewer_reading() AS viewer_reading_1) AND ((SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2) = any(grant_of_person.account_ids) OR grant_of_person.account_ids IS NULL AND coalesce(grant_of_person.team_id, grant_of_person.agency_id) = any(CAST((SELECT viewer_reads() AS viewer_reads_1) AS UUID[]))) AND 'basic' = any(grant_of_person.slices) AND (grant_of_person.subject_id = spellings.person_id OR grant_of_person.subject_id IS NULL AND grant_of_person.basis != 'CONSENT') AND ('basic' NOT IN ('reporter', 'advice')) AND ('basic' != 'detail' OR grant_of_person.agency_id = (SELECT viewer_reading_detail() AS viewer_reading_detail_1)) AND (NOT grant_of_person.case_concealed OR ('basic' NOT IN ('contact', 'school')) OR grant_of_person.basis IN ('APPI27_1_2', 'BULLY23_6', 'BULLY28', 'CAPA10', 'CAPA6', 'CWA25', 'CWA25_7', 'CWA33_12', 'EMERGENCY', 'TSV18'))
 LIMIT ALL OFFSET 0)))
);

CREATE POLICY inserted ON spellings FOR INSERT TO portal_app WITH CHECK (
spellings.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND spellings.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND spellings.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;

ALTER TABLE tasks FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON tasks TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON tasks FOR SELECT TO portal_app USING (
tasks.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND tasks.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND tasks.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON tasks FOR INSERT TO portal_app WITH CHECK (
tasks.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND tasks.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND tasks.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[])) OR tasks.case_id = (SELECT viewer_child_case() AS viewer_child_case_1) OR tasks.case_id = (SELECT viewer_guardian_case() AS viewer_guardian_case_1)
);

CREATE POLICY updated ON tasks FOR UPDATE TO portal_app USING (
tasks.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND tasks.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND tasks.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
) WITH CHECK (
tasks.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND tasks.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND tasks.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE team_members ENABLE ROW LEVEL SECURITY;

ALTER TABLE team_members FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON team_members TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON team_members FOR SELECT TO portal_app USING (true);

CREATE POLICY inserted ON team_members FOR INSERT TO portal_app WITH CHECK (
EXISTS (SELECT managed_team.id 
FROM teams AS managed_team 
WHERE managed_team.id = team_members.team_id AND managed_team.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
 LIMIT ALL OFFSET 0)
);

CREATE POLICY updated ON team_members FOR UPDATE TO portal_app USING (
EXISTS (SELECT managed_team.id 
FROM teams AS managed_team 
WHERE managed_team.id = team_members.team_id AND managed_team.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
 LIMIT ALL OFFSET 0)
) WITH CHECK (
EXISTS (SELECT managed_team.id 
FROM teams AS managed_team 
WHERE managed_team.id = team_members.team_id AND managed_team.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
 LIMIT ALL OFFSET 0)
);

ALTER TABLE teams ENABLE ROW LEVEL SECURITY;

ALTER TABLE teams FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON teams TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON teams FOR SELECT TO portal_app USING (true);

CREATE POLICY inserted ON teams FOR INSERT TO portal_app WITH CHECK (
teams.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
);

CREATE POLICY updated ON teams FOR UPDATE TO portal_app USING (
teams.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
) WITH CHECK (
teams.agency_id = (SELECT viewer_managing() AS viewer_managing_1)
);

ALTER TABLE thread_codes ENABLE ROW LEVEL SECURITY;

ALTER TABLE thread_codes FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON thread_codes TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY inserted ON thread_codes FOR INSERT TO portal_app WITH CHECK (
thread_codes.thread_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1) OR (EXISTS (SELECT thread_of_code.id 
FROM threads AS thread_of_code 
WHERE thread_of_code.id = thread_codes.thread_id
 LIMIT ALL OFFSET 0)) OR (SELECT viewer_clerking() AS viewer_clerking_1) IS NOT NULL
);

ALTER TABLE thread_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE thread_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON thread_keys TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON thread_keys FOR SELECT TO portal_app USING (
(EXISTS (SELECT 1 
FROM threads AS thread_of_key 
WHERE thread_of_key.id = thread_keys.scope_id
 LIMIT ALL OFFSET 0)) OR (EXISTS (SELECT 1 
FROM inbox_items AS item_of_key 
WHERE item_of_key.thread_id = thread_keys.scope_id
 LIMIT ALL OFFSET 0)) OR thread_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.glimpse_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY inserted ON thread_keys FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL OR thread_keys.scope_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE thread_messages ENABLE ROW LEVEL SECURITY;

ALTER TABLE thread_messages FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON thread_messages TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON thread_messages FOR SELECT TO portal_app USING (
thread_messages.thread_id = (SELECT CAST(nullif(current_setting('portal.glimpse_id', true), '') AS UUID) AS nullif_1) AND thread_messages.id = (SELECT newest_reply((SELECT CAST(nullif(current_setting('portal.glimpse_id', true), '') AS UUID) AS nullif_1)) AS newest_reply_1) OR (EXISTS (SELECT thread_of_message_row.id 
FROM threads AS thread_of_message_row 
WHERE thread_of_message_row.id = thread_messages.thread_id AND (thread_of_message_row.id = (SELECT CAST(nullif(current_setting('portal.thread_id', true), '') AS UUID) AS nullif_2) OR thread_of_message_row.id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_3) OR thread_of_message_row.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_4) AND (SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL AND thread_of_message_row.id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) OR (SELECT viewer_owning() AS viewer_owning_1) IS NOT NULL)
 LIMIT ALL OFFSET 0)) OR (EXISTS (SELECT item_of_message_row.id 
FROM inbox_items AS item_of_message_row 
WHERE item_of_message_row.thread_id = thread_messages.thread_id AND (thread_messages.agency_id = item_of_message_row.agency_id OR thread_messages.agency_id IS NULL AND (item_of_message_row.status != 'handed_over' OR thread_messages.written_at <= item_of_message_row.handled_at))
 LIMIT ALL OFFSET 0))
);

CREATE POLICY inserted ON thread_messages FOR INSERT TO portal_app WITH CHECK (
(thread_messages.thread_id = (SELECT CAST(nullif(current_setting('portal.thread_id', true), '') AS UUID) AS nullif_1) OR thread_messages.thread_id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_2)) AND thread_messages.agency_id IS NULL AND thread_messages.account_id IS NULL OR thread_messages.agency_id = (SELECT viewer_acting() AS viewer_acting_1) AND thread_messages.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_3) AND (EXISTS (SELECT thread_of_message.id 
FROM threads AS thread_of_message 
WHERE thread_of_message.id = thread_messages.thread_id
 LIMIT ALL OFFSET 0))
);

CREATE POLICY updated ON thread_messages FOR UPDATE TO portal_app USING (
EXISTS (SELECT thread_of_seen_message.id 
FROM threads AS thread_of_seen_message 
WHERE thread_of_seen_message.id = thread_messages.thread_id
 LIMIT ALL OFFSET 0)
) WITH CHECK (
EXISTS (SELECT thread_of_seen_message.id 
FROM threads AS thread_of_seen_message 
WHERE thread_of_seen_message.id = thread_messages.thread_id
 LIMIT ALL OFFSET 0)
);

ALTER TABLE threads ENABLE ROW LEVEL SECURITY;

ALTER TABLE threads FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON threads TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON threads FOR SELECT TO portal_app USING (
threads.id = (SELECT CAST(nullif(current_setting('portal.thread_id', true), '') AS UUID) AS nullif_1) OR threads.id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_2) OR threads.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_3) AND (SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL AND threads.id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) OR threads.id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) AND (threads.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (NOT threads.sealed OR threads.owner_agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR threads.case_id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[]))) OR (threads.owner_agency_id IS NULL OR threads.owner_agency_id = (SELECT viewer_desk() AS viewer_desk_1)) AND (EXISTS (SELECT item_of_thread.id 
FROM inbox_items AS item_of_thread 
WHERE item_of_thread.thread_id = threads.id
 LIMIT ALL OFFSET 0)))
);

CREATE POLICY inserted ON threads FOR INSERT TO portal_app WITH CHECK (
(threads.id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_1) OR (SELECT viewer_desk() AS viewer_desk_1) IS NOT NULL OR (SELECT viewer_clerking() AS viewer_clerking_1) IS NOT NULL) AND (threads.account_id IS NULL OR threads.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_2))
);

CREATE POLICY updated ON threads FOR UPDATE TO portal_app USING (
threads.id = (SELECT CAST(nullif(current_setting('portal.thread_id', true), '') AS UUID) AS nullif_1) OR threads.id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_2) OR threads.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_3) AND (SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL AND threads.id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) OR threads.id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) AND (threads.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (NOT threads.sealed OR threads.owner_agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR threads.case_id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[]))) OR (threads.owner_agency_id IS NULL OR threads.owner_agency_id = (SELECT viewer_desk() AS viewer_desk_1)) AND (EXISTS (SELECT item_of_thread.id 
FROM inbox_items AS item_of_thread 
WHERE item_of_thread.thread_id = threads.id
 LIMIT ALL OFFSET 0)))
) WITH CHECK (
threads.id = (SELECT CAST(nullif(current_setting('portal.thread_id', true), '') AS UUID) AS nullif_1) OR threads.id = (SELECT CAST(nullif(current_setting('portal.intake_id', true), '') AS UUID) AS nullif_2) OR threads.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_3) AND (SELECT viewer_acting() AS viewer_acting_1) IS NOT NULL AND threads.id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) OR threads.id != all(CAST((SELECT viewer_excluded_threads() AS viewer_excluded_threads_1) AS UUID[])) AND (threads.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND (NOT threads.sealed OR threads.owner_agency_id = (SELECT viewer_directing() AS viewer_directing_1) OR threads.case_id = any(CAST((SELECT viewer_worked_cases() AS viewer_worked_cases_1) AS UUID[]))) OR (threads.owner_agency_id IS NULL OR threads.owner_agency_id = (SELECT viewer_desk() AS viewer_desk_1)) AND (EXISTS (SELECT item_of_thread.id 
FROM inbox_items AS item_of_thread 
WHERE item_of_thread.thread_id = threads.id
 LIMIT ALL OFFSET 0)))
);

ALTER TABLE throttle_counts ENABLE ROW LEVEL SECURITY;

ALTER TABLE throttle_counts FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON throttle_counts TO portal_system, portal_owner USING (true) WITH CHECK (true);

ALTER TABLE totp_secrets ENABLE ROW LEVEL SECURITY;

ALTER TABLE totp_secrets FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON totp_secrets TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON totp_secrets FOR SELECT TO portal_app USING (
totp_secrets.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY inserted ON totp_secrets FOR INSERT TO portal_app WITH CHECK (
totp_secrets.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

CREATE POLICY updated ON totp_secrets FOR UPDATE TO portal_app USING (
totp_secrets.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
) WITH CHECK (
totp_secrets.account_id = (SELECT CAST(nullif(current_setting('portal.account_id', true), '') AS UUID) AS nullif_1)
);

ALTER TABLE urgency_decisions ENABLE ROW LEVEL SECURITY;

ALTER TABLE urgency_decisions FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON urgency_decisions TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON urgency_decisions FOR SELECT TO portal_app USING (
urgency_decisions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND urgency_decisions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND urgency_decisions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON urgency_decisions FOR INSERT TO portal_app WITH CHECK (
urgency_decisions.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND urgency_decisions.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND urgency_decisions.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE used_marks ENABLE ROW LEVEL SECURITY;

ALTER TABLE used_marks FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON used_marks TO portal_system, portal_owner USING (true) WITH CHECK (true);

ALTER TABLE violations ENABLE ROW LEVEL SECURITY;

ALTER TABLE violations FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON violations TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON violations FOR SELECT TO portal_app USING (
violations.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND violations.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND violations.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

CREATE POLICY inserted ON violations FOR INSERT TO portal_app WITH CHECK (
violations.owner_agency_id = (SELECT CAST(nullif(current_setting('portal.agency_id', true), '') AS UUID) AS nullif_1) AND violations.owner_agency_id = (SELECT viewer_owning() AS viewer_owning_1) AND violations.case_id != all(CAST((SELECT viewer_excluded_cases() AS viewer_excluded_cases_1) AS UUID[]))
);

ALTER TABLE wordings ENABLE ROW LEVEL SECURITY;

ALTER TABLE wordings FORCE ROW LEVEL SECURITY;

CREATE POLICY system ON wordings TO portal_system, portal_owner USING (true) WITH CHECK (true);

CREATE POLICY visible ON wordings FOR SELECT TO portal_app USING (true);

CREATE POLICY inserted ON wordings FOR INSERT TO portal_app WITH CHECK (
(SELECT viewer_owning() AS viewer_owning_1) IS NOT NULL
);
