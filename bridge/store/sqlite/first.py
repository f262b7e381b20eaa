"""The tables as the first migration makes them: deliveries, chats, jobs, the journal, identities."""

from __future__ import annotations

FIRST = """
    CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        dedupe_key TEXT NOT NULL,
        received_at REAL NOT NULL,
        method TEXT NOT NULL,
        query TEXT NOT NULL,
        headers TEXT NOT NULL,
        body BLOB,                                  -- NULL once retention has emptied it; the key stays
        state TEXT NOT NULL DEFAULT 'received',
        event TEXT NOT NULL DEFAULT '',
        reason TEXT NOT NULL DEFAULT '',
        findings TEXT NOT NULL DEFAULT '[]',
        chat INTEGER,
        repeats INTEGER NOT NULL DEFAULT 0,
        repeated_at REAL,
        fetch_at REAL,                              -- fetching: not before this time
        fetch_until REAL,                           -- being fetched for until then
        fetch_parts TEXT NOT NULL DEFAULT '[]',     -- fetching, held: which parts lack something
        fetch_lane TEXT NOT NULL DEFAULT '',
        fetch_attempts INTEGER NOT NULL DEFAULT 0,
        failing_since REAL,
        UNIQUE (source, dedupe_key)
    );
    CREATE INDEX deliveries_received ON deliveries (id) WHERE state = 'received';
    CREATE INDEX deliveries_not_understood ON deliveries (id) WHERE state = 'not_understood';
    CREATE INDEX deliveries_fetching ON deliveries (source, fetch_at) WHERE state = 'fetching';
    CREATE INDEX deliveries_lane ON deliveries (source, fetch_lane, id) WHERE state = 'fetching';
    CREATE INDEX deliveries_held ON deliveries (source) WHERE state = 'held';
    CREATE INDEX deliveries_chat ON deliveries (chat);
    CREATE INDEX deliveries_source ON deliveries (source, received_at);

    CREATE TABLE chats (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        chat_id TEXT NOT NULL,
        visitor_id TEXT,
        revision INTEGER NOT NULL,
        kind TEXT NOT NULL,
        channel TEXT NOT NULL,
        visitor_name TEXT,
        started_at REAL,
        ended_at REAL,
        updated_at REAL NOT NULL,
        chat TEXT NOT NULL,
        UNIQUE (source, chat_id)
    );
    -- a chat that retention has emptied has the name ''; each is in one of the two
    CREATE INDEX chats_whole ON chats (updated_at) WHERE visitor_name IS NOT '';
    CREATE INDEX chats_emptied ON chats (updated_at) WHERE visitor_name = '';
    CREATE INDEX chats_visitor ON chats (source, visitor_id) WHERE visitor_id IS NOT NULL;

    CREATE TABLE visitors (
        source TEXT NOT NULL,
        visitor_id TEXT NOT NULL,
        name TEXT,
        phones TEXT NOT NULL DEFAULT '[]',
        emails TEXT NOT NULL DEFAULT '[]',
        updated_at REAL NOT NULL,
        PRIMARY KEY (source, visitor_id)
    ) WITHOUT ROWID;
    CREATE INDEX visitors_updated ON visitors (updated_at);

    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        chat INTEGER NOT NULL REFERENCES chats (id),
        source TEXT NOT NULL,
        chat_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        target TEXT NOT NULL,
        revision INTEGER NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        detail TEXT NOT NULL DEFAULT '',
        error_code TEXT NOT NULL DEFAULT '',
        attempts INTEGER NOT NULL DEFAULT 0,
        tries INTEGER NOT NULL DEFAULT 0,           -- rows in attempts; waits count here and not above
        epoch INTEGER NOT NULL DEFAULT 0,
        generation INTEGER NOT NULL DEFAULT 0,
        quiet INTEGER NOT NULL DEFAULT 0,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        next_at REAL NOT NULL,
        lease_until REAL,
        lease_owner TEXT,
        failing_since REAL,
        plan TEXT,
        rehearsed TEXT,
        chosen TEXT                                 -- the client a person chose
    );
    CREATE INDEX jobs_due ON jobs (target, next_at) WHERE state IN ('pending', 'retrying', 'waiting');
    CREATE INDEX jobs_running ON jobs (lease_until) WHERE state = 'running';
    CREATE INDEX jobs_person ON jobs (state, updated_at) WHERE state IN ('held', 'dead');
    CREATE INDEX jobs_done ON jobs (target, updated_at) WHERE state = 'done';
    CREATE INDEX jobs_state ON jobs (state, id);
    CREATE INDEX jobs_lane ON jobs (chat, target, revision);

    CREATE TABLE operations (
        id INTEGER PRIMARY KEY,
        job INTEGER NOT NULL REFERENCES jobs (id),
        chat INTEGER NOT NULL,
        target TEXT NOT NULL,
        position INTEGER NOT NULL,
        kind TEXT NOT NULL,
        part INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        marker TEXT NOT NULL,
        state TEXT NOT NULL,
        sent_at REAL,
        answered INTEGER NOT NULL DEFAULT 0,
        settled_at REAL,
        record_id TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX operations_job ON operations (job, position);
    CREATE INDEX operations_made ON operations (target, sent_at) WHERE kind = 'create';

    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY,
        job INTEGER NOT NULL REFERENCES jobs (id),
        number INTEGER NOT NULL,
        started_at REAL NOT NULL,
        ended_at REAL NOT NULL,
        outcome TEXT NOT NULL,
        error_code TEXT NOT NULL,
        detail TEXT NOT NULL,
        steps TEXT NOT NULL
    );
    CREATE INDEX attempts_job ON attempts (job);

    CREATE TABLE identities (
        target TEXT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        client_id TEXT,
        entity TEXT NOT NULL DEFAULT '',
        operation INTEGER,
        written_at REAL NOT NULL,
        PRIMARY KEY (target, kind, value)
    ) WITHOUT ROWID;
    CREATE INDEX identities_written ON identities (written_at);
    CREATE INDEX identities_operation ON identities (operation) WHERE operation IS NOT NULL;

    CREATE TABLE delivered (
        chat INTEGER NOT NULL,
        target TEXT NOT NULL,
        message_key TEXT NOT NULL,
        PRIMARY KEY (chat, target, message_key)
    ) WITHOUT ROWID;

    CREATE TABLE target_stops (
        target TEXT PRIMARY KEY, reason TEXT NOT NULL, detail TEXT NOT NULL, since REAL NOT NULL, until REAL
    ) WITHOUT ROWID;

    CREATE TABLE alerts (
        cause TEXT PRIMARY KEY, text TEXT NOT NULL, opened_at REAL NOT NULL, resolved_at REAL
    ) WITHOUT ROWID;

    CREATE TABLE positions (name TEXT PRIMARY KEY, value TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;

    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
