"""The tables of a checkpoint."""

from enum import IntEnum

#: Written into the file: no other program's database is taken for a checkpoint.
APPLICATION = 0x5AFE11
#: Written into the file; another version is not read.
VERSION = 1


class State(IntEnum):
    """How far a file is. The numbers are stored."""

    #: Named by a source; nothing is known of its content.
    FOUND = 0
    #: Part of a request whose content is fixed; whether it was answered is not known.
    CHUNKED = 1
    #: Has a job that awaits its bytes.
    MEMBER = 2
    #: Has a job that has its bytes.
    SENT = 3
    #: Its job has a result.
    COMPLETED = 4
    #: The result is in the folder for results.
    SAVED = 5
    #: Its job ended without a result.
    FAILED = 6
    #: It has no job, or never got its bytes there.
    REFUSED = 7
    #: Has the same bytes and options as another one, and shares what becomes of that.
    TWIN = 8
    #: Its job has a result that could not be fetched.
    UNSAVED = 9


#: ``chunks.body`` is kept until it is answered. ``digest`` is SHA-256, hexadecimal; ``modified`` is in nanoseconds.
#: ``results`` has the path of every result below the folder for results, so that no file overwrites another's.
TABLES = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE batches (
    number INTEGER PRIMARY KEY,
    id TEXT,
    closed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE chunks (
    number INTEGER PRIMARY KEY,
    batch INTEGER NOT NULL,
    body BLOB
);
CREATE TABLE files (
    number INTEGER PRIMARY KEY,
    identity BLOB NOT NULL UNIQUE,
    source BLOB NOT NULL,
    filename TEXT,
    options TEXT NOT NULL DEFAULT '',
    target TEXT,
    target_key TEXT UNIQUE,
    state INTEGER NOT NULL DEFAULT {State.FOUND:d},
    tries INTEGER NOT NULL DEFAULT 0,
    size INTEGER,
    modified INTEGER,
    media_type TEXT,
    digest TEXT,
    twin INTEGER,
    batch INTEGER,
    chunk INTEGER,
    place INTEGER,
    job TEXT,
    form TEXT,
    sent_at REAL,
    status TEXT,
    code TEXT,
    message TEXT,
    outputs TEXT,
    saved TEXT
);
CREATE INDEX by_state ON files (state, number);
CREATE INDEX by_digest ON files (digest, options) WHERE digest IS NOT NULL AND twin IS NULL;
CREATE INDEX by_twin ON files (twin) WHERE twin IS NOT NULL;
CREATE INDEX by_chunk ON files (chunk, place) WHERE state = {State.CHUNKED:d};
CREATE INDEX by_job ON files (batch, job) WHERE job IS NOT NULL AND twin IS NULL;
CREATE INDEX by_open_job ON files (batch, job) WHERE state IN ({State.MEMBER:d}, {State.SENT:d});
CREATE TABLE results (path_key TEXT PRIMARY KEY, file INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION:d};
PRAGMA user_version = {VERSION:d};
"""
