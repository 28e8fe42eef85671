"""The tables of a checkpoint."""

from enum import IntEnum

#: Identifies the file as a checkpoint (``PRAGMA application_id``).
APPLICATION = 0x5AFE11
#: Other versions are rejected (``PRAGMA user_version``).
VERSION = 1


class State(IntEnum):
    """The progress of a file. The numbers are stored."""

    #: Named by a source. The content is not yet inspected.
    FOUND = 0
    #: Member of a stored request whose response is not known.
    CHUNKED = 1
    #: Has a job that awaits its bytes.
    MEMBER = 2
    #: Has a job that has its bytes.
    SENT = 3
    #: Has a job with a result.
    COMPLETED = 4
    #: Its result is downloaded.
    SAVED = 5
    #: Its job ended without a result.
    FAILED = 6
    #: Has no job, or its bytes could not be uploaded.
    REFUSED = 7
    #: Has the same bytes and options as another file and shares its job.
    DUPLICATE = 8
    #: Its result could not be downloaded.
    UNSAVED = 9


#: ``chunks.body`` is set until the response is recorded. ``files.twin`` is the file that a duplicate shares the job of,
#: ``target`` the output path without label and extension, ``place`` the index within the chunk. ``digest`` is SHA-256,
#: hexadecimal; ``modified`` is in nanoseconds. ``results`` has every claimed output path, so that no file overwrites
#: another's result.
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
