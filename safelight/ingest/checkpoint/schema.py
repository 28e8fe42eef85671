"""The tables of a checkpoint."""

from enum import IntEnum

#: Identifies the file as a checkpoint (``PRAGMA application_id``).
APPLICATION = 0x5AFE11
#: Other versions are rejected (``PRAGMA user_version``).
VERSION = 1


class State(IntEnum):
    """The progress of a file. The numbers are stored."""

    #: A source contains the file. Its content is not inspected yet.
    FOUND = 0
    #: The file is a member in a stored request whose response is unknown.
    CHUNKED = 1
    #: The file has a job, which waits for the file.
    MEMBER = 2
    #: The file is uploaded, and its job is open.
    SENT = 3
    #: The job of the file has completed.
    COMPLETED = 4
    #: The result is downloaded.
    SAVED = 5
    #: The job of the file ended without a result.
    FAILED = 6
    #: The file has no job, or could not be uploaded.
    REFUSED = 7
    #: The file has the same bytes and options as another file and shares its job.
    DUPLICATE = 8
    #: The result could not be downloaded.
    UNSAVED = 9


#: ``chunks.body`` is set until the response is recorded. ``files.twin`` is the file whose job a duplicate shares,
#: ``target`` is the output path without output name and extension, and ``place`` is the index in the chunk. ``digest``
#: is SHA-256, hexadecimal, and ``modified`` is in nanoseconds. ``results`` contains every claimed output path, so that
#: no file overwrites the result of another file.
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
