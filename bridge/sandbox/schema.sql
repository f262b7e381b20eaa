-- The sandbox CRM's records. Times are seconds since 1970 (UTC); lists and custom fields are JSON.
-- `gone` is 1 for deleted and for merged clients: uniqueness holds among live records only.

CREATE TABLE IF NOT EXISTS owners (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  email TEXT,
  created_at REAL NOT NULL,
  changed_at REAL NOT NULL
);

CREATE TABLE IF NOT EXISTS clients (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT, first_name TEXT, last_name TEXT, company TEXT,
  phones TEXT NOT NULL, emails TEXT NOT NULL,
  owner_id INTEGER,
  external_id TEXT, code TEXT, marker TEXT,
  description TEXT,
  custom TEXT NOT NULL,
  created_at REAL NOT NULL,
  changed_at REAL NOT NULL,
  touched_at REAL NOT NULL,      -- also by a note, deal or task: the order of the page
  merged_into INTEGER,
  gone INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS clients_external_id ON clients (external_id) WHERE gone = 0 AND external_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS clients_code ON clients (code) WHERE gone = 0 AND code IS NOT NULL;
CREATE INDEX IF NOT EXISTS clients_marker ON clients (marker) WHERE marker IS NOT NULL;
CREATE INDEX IF NOT EXISTS clients_touched ON clients (touched_at) WHERE gone = 0;

-- Each phone and e-mail as it is searched: digits or lower case, and phones once more from the end.
CREATE TABLE IF NOT EXISTS points (
  client_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  backwards TEXT,
  written_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS points_value ON points (value);
CREATE INDEX IF NOT EXISTS points_backwards ON points (backwards) WHERE backwards IS NOT NULL;
CREATE INDEX IF NOT EXISTS points_client ON points (client_id);

CREATE TABLE IF NOT EXISTS notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  client_id INTEGER NOT NULL, deal_id INTEGER, owner_id INTEGER,
  title TEXT, text TEXT NOT NULL, format TEXT NOT NULL, at REAL,
  external_id TEXT, code TEXT, marker TEXT,
  custom TEXT NOT NULL,
  operation_marker TEXT, likeness TEXT,
  created_at REAL NOT NULL,
  changed_at REAL NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS notes_external_id ON notes (external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS notes_code ON notes (code) WHERE code IS NOT NULL;
CREATE INDEX IF NOT EXISTS notes_marker ON notes (marker) WHERE marker IS NOT NULL;
CREATE INDEX IF NOT EXISTS notes_client ON notes (client_id);

CREATE TABLE IF NOT EXISTS deals (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  client_id INTEGER NOT NULL, owner_id INTEGER,
  title TEXT NOT NULL, pipeline TEXT, stage TEXT, source TEXT, amount REAL, open INTEGER NOT NULL,
  description TEXT,
  external_id TEXT, code TEXT, marker TEXT,
  custom TEXT NOT NULL,
  operation_marker TEXT, likeness TEXT,
  created_at REAL NOT NULL,
  changed_at REAL NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS deals_external_id ON deals (external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS deals_code ON deals (code) WHERE code IS NOT NULL;
CREATE INDEX IF NOT EXISTS deals_marker ON deals (marker) WHERE marker IS NOT NULL;
CREATE INDEX IF NOT EXISTS deals_client ON deals (client_id);

CREATE TABLE IF NOT EXISTS tasks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  client_id INTEGER, owner_id INTEGER,
  text TEXT NOT NULL, due_at REAL, done INTEGER NOT NULL,
  external_id TEXT, code TEXT, marker TEXT,
  custom TEXT NOT NULL,
  operation_marker TEXT, likeness TEXT,
  created_at REAL NOT NULL,
  changed_at REAL NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS tasks_external_id ON tasks (external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS tasks_code ON tasks (code) WHERE code IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_marker ON tasks (marker) WHERE marker IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_client ON tasks (client_id);

CREATE TABLE IF NOT EXISTS files (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  client_id INTEGER NOT NULL, note_id INTEGER,
  name TEXT NOT NULL, type TEXT NOT NULL, content BLOB NOT NULL,
  external_id TEXT, code TEXT, marker TEXT,
  operation_marker TEXT, likeness TEXT,
  created_at REAL NOT NULL,
  changed_at REAL NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS files_external_id ON files (external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS files_code ON files (code) WHERE code IS NOT NULL;
CREATE INDEX IF NOT EXISTS files_marker ON files (marker) WHERE marker IS NOT NULL;
CREATE INDEX IF NOT EXISTS files_client ON files (client_id);

-- Text search: whole words; a hyphen belongs to the word, so that a marker is one.
CREATE VIRTUAL TABLE IF NOT EXISTS clients_words USING fts5 (body, tokenize = "unicode61 tokenchars '-_'");
CREATE VIRTUAL TABLE IF NOT EXISTS notes_words USING fts5 (body, tokenize = "unicode61 tokenchars '-_'");
CREATE VIRTUAL TABLE IF NOT EXISTS deals_words USING fts5 (body, tokenize = "unicode61 tokenchars '-_'");
CREATE VIRTUAL TABLE IF NOT EXISTS tasks_words USING fts5 (body, tokenize = "unicode61 tokenchars '-_'");

CREATE TABLE IF NOT EXISTS words_stale (
  kind TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  PRIMARY KEY (kind, record_id)
) WITHOUT ROWID;

-- What was answered to a create that bore an Idempotency-Key.
CREATE TABLE IF NOT EXISTS keys (
  key TEXT NOT NULL,
  operation TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  record_id INTEGER NOT NULL,
  created_at REAL NOT NULL,
  PRIMARY KEY (key, operation)
) WITHOUT ROWID;

-- Values that somebody had entered and that an update replaced: the audit names them.
CREATE TABLE IF NOT EXISTS overwritten (
  client_id INTEGER NOT NULL,
  field TEXT NOT NULL,
  was TEXT NOT NULL,
  became TEXT,
  at REAL NOT NULL
);
