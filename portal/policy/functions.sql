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
        a.type, a.name, CASE WHEN s.account_id IS NULL THEN '{{}}'::uuid[] ELSE
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
                AND (m.manager OR (a.type, m.role) NOT IN ({given_by_one}))))
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
    WHERE c.id = ANY (p_cases) AND {managed_grants};
END $$;

CREATE FUNCTION due_checks(p_until date, p_most integer)
RETURNS TABLE (case_id uuid, check_on date)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET enable_sort = off AS $$
BEGIN
    -- As ``unread_grants``. The planner takes the centre for one agency among many, and would sort
    -- all that is due instead of reading the first of it from the index.
    RETURN QUERY SELECT case_access.case_id, case_access.check_on FROM case_access
    WHERE {checked_by_owner} AND case_access.check_on <= p_until
    ORDER BY case_access.agency_id, case_access.check_on, case_access.case_id LIMIT p_most;
END $$;

CREATE FUNCTION unread_grants(p_most integer)
RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- The ids alone, and the owner's alone: each is read through both walls afterwards. Row-level
    -- security would keep the index of named readers from being used.
    RETURN QUERY SELECT grants.id FROM grants WHERE {unread_of_owner} LIMIT p_most;
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
{sights}
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
    IF EXISTS (SELECT 1 FROM cases WHERE {asked_by_owner}) THEN
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
        AND {kept_by_owner};
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
    JOIN agencies g ON g.id = me.agency_id AND g.type = ANY ({emergency_viewers})
    JOIN cases c ON (c.id = p_case OR c.reference = p_reference) AND c.opened_at <= portal_clock()
    WHERE me.account_id = nullif(current_setting('portal.account_id', true), '')::uuid
        AND me.agency_id = viewer_reading()
        AND me.valid_from <= portal_clock()
        AND (me.valid_until IS NULL OR portal_clock() < me.valid_until)
        AND NOT (c.owner_agency_id = g.id AND me.role = ANY ({owner_roles}))
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
                AND (x.basis = ANY ({overriding_bases}) OR NOT EXISTS (
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
        {emergency_slices}, 'safety', 'EMERGENCY', 'agencies_needed',
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
        JOIN agencies a ON a.id = g.agency_id AND a.type <> ALL ({expert_types})
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
            coalesce(range_agg(n.during) FILTER (WHERE n.basis = ANY ({overriding_bases})),
                '{{}}'::tstzmultirange)
            + (coalesce(range_agg(n.during) FILTER (WHERE n.basis <> ALL ({overriding_bases})),
                '{{}}'::tstzmultirange)
                - coalesce((
                    SELECT range_agg(tstzrange(d.valid_from, d.valid_until, '[)'))
                    FROM denials d
                    WHERE d.case_id = p_case AND d.kind = 'never_tell'
                        AND d.agency_id = n.agency_id
                        AND d.valid_from < coalesce(d.valid_until, 'infinity')),
                    '{{}}'::tstzmultirange)) AS during
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
                    AND (NOT n.case_concealed OR e.slice <> ALL ({place_slices})
                        OR n.basis = ANY ({overriding_bases}))
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
                AND (NOT g.case_concealed OR NEW.slice <> ALL ({place_slices})
                    OR g.basis = ANY ({overriding_bases}))
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
    SELECT coalesce(array_agg(account_id), '{{}}') FROM memberships
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
    SELECT coalesce(array_agg(tm.account_id), '{{}}')
    FROM teams t JOIN team_members tm ON tm.team_id = t.id
    WHERE t.agency_id = p_agency AND (t.id = p_team OR (p_team IS NULL AND t.is_default))
        AND tm.valid_from <= portal_clock()
        AND (tm.valid_until IS NULL OR portal_clock() < tm.valid_until);
$$;

CREATE FUNCTION desk_of(p_agency uuid)
RETURNS uuid[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(m.account_id), '{{}}')
    FROM memberships m JOIN agencies a ON a.id = m.agency_id
    WHERE m.agency_id = p_agency AND m.valid_from <= portal_clock()
        AND (m.valid_until IS NULL OR portal_clock() < m.valid_until)
        AND (m.role = ANY ({desk_roles}) OR (
            a.type = ANY ({team_desks}) AND m.role <> ALL ({blind_roles})
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
