"""The state's schema: one script a version, applied in order; a script that has been released is never edited."""

MIGRATIONS = (
    """
    CREATE TABLE sources (name TEXT PRIMARY KEY, cursor BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE seen (source TEXT, key TEXT, digest BLOB NOT NULL, PRIMARY KEY (source, key)) WITHOUT ROWID;
    CREATE TABLE pages (source TEXT, digest BLOB, PRIMARY KEY (source, digest)) WITHOUT ROWID;
    CREATE TABLE targets (name TEXT PRIMARY KEY, source TEXT NOT NULL, fingerprint TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE pending (
        target TEXT, customer TEXT, version INTEGER NOT NULL DEFAULT 1, id TEXT,
        outcome TEXT, reason TEXT NOT NULL DEFAULT '', errors BLOB NOT NULL DEFAULT '[]', attempts INTEGER NOT NULL DEFAULT 0,
        since REAL, due REAL NOT NULL DEFAULT 0, parked INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (target, customer)
    ) WITHOUT ROWID;
    CREATE TABLE intents (target TEXT, customer TEXT, fields BLOB NOT NULL, PRIMARY KEY (target, customer)) WITHOUT ROWID;
    CREATE TABLE baselines (
        target TEXT, customer TEXT, place TEXT NOT NULL, id TEXT NOT NULL, leaves BLOB NOT NULL, doubt BLOB,
        PRIMARY KEY (target, customer)
    ) WITHOUT ROWID;
    CREATE INDEX baselines_id ON baselines (target, id);
    CREATE TABLE history (
        number INTEGER PRIMARY KEY, run TEXT NOT NULL, at REAL NOT NULL, target TEXT NOT NULL, customer TEXT NOT NULL,
        id TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL, changes BLOB NOT NULL,
        requests BLOB NOT NULL, status INTEGER
    );
    CREATE INDEX history_customer ON history (target, customer);
    CREATE INDEX history_run ON history (run);
    CREATE TABLE accounts (name TEXT PRIMARY KEY, standing BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE spent (plan TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE runs (run TEXT PRIMARY KEY, started REAL NOT NULL, ended REAL NOT NULL, report BLOB NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE versions (last INTEGER NOT NULL);
    INSERT INTO versions SELECT coalesce(max(version), 0) FROM pending;
    """,
    """
    ALTER TABLE history ADD COLUMN errors BLOB NOT NULL DEFAULT '[]';
    DROP INDEX history_run;
    CREATE INDEX history_run ON history (run, target, customer);
    CREATE TABLE passes (run TEXT PRIMARY KEY, started REAL NOT NULL, ended REAL, report BLOB NOT NULL) WITHOUT ROWID;
    INSERT INTO passes SELECT run, started, ended, report FROM runs;
    DROP TABLE runs;
    ALTER TABLE passes RENAME TO runs;
    CREATE TABLE undone (
        target TEXT, customer TEXT, source TEXT, run TEXT NOT NULL, at REAL NOT NULL, leaves BLOB NOT NULL,
        PRIMARY KEY (target, customer)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE timings (target TEXT PRIMARY KEY, last REAL, succeeded REAL, paused REAL) WITHOUT ROWID;
    CREATE TABLE filings (version INTEGER PRIMARY KEY, at REAL NOT NULL);
    """,
    """
    ALTER TABLE pending ADD COLUMN holds TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE pending ADD COLUMN released TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE pending ADD COLUMN held_in TEXT NOT NULL DEFAULT '';
    CREATE TABLE counts (
        target TEXT PRIMARY KEY, source TEXT NOT NULL, taken INTEGER, refused INTEGER, gate TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE history ADD COLUMN place TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE pending ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE rolls (source TEXT PRIMARY KEY, at REAL NOT NULL, surplus INTEGER NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE alerts (about TEXT PRIMARY KEY, since REAL NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
    """,
)

SCRATCH = """
PRAGMA temp_store = FILE;
CREATE TEMP TABLE sources (name TEXT PRIMARY KEY, cursor BLOB);
CREATE TEMP TABLE seen (source TEXT, key TEXT, digest BLOB, PRIMARY KEY (source, key));
CREATE TEMP TABLE pages (source TEXT, digest BLOB, PRIMARY KEY (source, digest));
CREATE TEMP TABLE targets (name TEXT PRIMARY KEY, source TEXT, fingerprint TEXT);
CREATE TEMP TABLE pending (
    target TEXT, customer TEXT, version INTEGER NOT NULL DEFAULT 1, id TEXT,
    outcome TEXT, reason TEXT NOT NULL DEFAULT '', errors BLOB NOT NULL DEFAULT '[]', attempts INTEGER NOT NULL DEFAULT 0,
    since REAL, due REAL NOT NULL DEFAULT 0, parked INTEGER NOT NULL DEFAULT 0,
    holds TEXT NOT NULL DEFAULT '[]', released TEXT NOT NULL DEFAULT '[]', held_in TEXT NOT NULL DEFAULT '',
    gone INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (target, customer)
);
INSERT INTO temp.pending SELECT * FROM main.pending;
CREATE TEMP TABLE counts (target TEXT PRIMARY KEY, source TEXT, taken INTEGER, refused INTEGER, gate TEXT);
CREATE TEMP TABLE versions (last INTEGER NOT NULL);
INSERT INTO temp.versions SELECT last FROM main.versions;
CREATE TEMP TABLE undone (
    target TEXT, customer TEXT, source TEXT, run TEXT, at REAL, leaves BLOB, PRIMARY KEY (target, customer)
);
INSERT INTO temp.undone SELECT * FROM main.undone;
CREATE TEMP TABLE rolls (source TEXT PRIMARY KEY, at REAL, surplus INTEGER);
CREATE TEMP TABLE filings (version INTEGER PRIMARY KEY, at REAL NOT NULL);
"""
"""For a dry run: temporary tables that stand before the real ones, so that what is filed is never written.

What was last seen, acknowledged and remembered is read from `main` by name; who waits, and what was put back, is copied, and
goes on from there.
"""
