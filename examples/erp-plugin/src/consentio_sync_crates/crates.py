"""Crates, an imaginary ERP: one SQLite file, in which clerks and programs meet. Yours is somewhere else; delete this one.

A sale is `open`, then `packed`, then `left`; or `cancelled`. Its reference is unique. Events tell what clerks did.
"""

import sqlite3
from pathlib import Path

SCHEMA = """
CREATE TABLE customer (code TEXT PRIMARY KEY);
CREATE TABLE place (customer TEXT NOT NULL, code TEXT NOT NULL);
CREATE TABLE product (code TEXT PRIMARY KEY, unit TEXT NOT NULL);
CREATE TABLE sale (
  id INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT UNIQUE, customer TEXT NOT NULL, place TEXT, due TEXT, note TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'open'
);
CREATE TABLE line (
  sale INTEGER NOT NULL REFERENCES sale ON DELETE CASCADE, line_id TEXT NOT NULL, product TEXT NOT NULL, amount TEXT NOT NULL,
  unit TEXT NOT NULL, price TEXT NOT NULL
);
CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, sale INTEGER NOT NULL, state TEXT NOT NULL, at TEXT NOT NULL);
"""


def connect(file: Path, *, busy_s: float = 5.0) -> sqlite3.Connection:
    """A connection to a Crates that is there. Raises sqlite3.OperationalError where it is not."""
    connection = sqlite3.connect(f"file:{file}?mode=rw", uri=True, timeout=busy_s, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def found(file: Path) -> None:
    """A new Crates with a few goods and one customer."""
    connection = sqlite3.connect(file)
    connection.executescript(SCHEMA)
    connection.executemany("INSERT INTO product VALUES (?, ?)", [("TOM", "kg"), ("LIM", "kg"), ("MAN", "box")])
    connection.execute("INSERT INTO customer VALUES ('C-0101')")
    connection.executemany("INSERT INTO place VALUES ('C-0101', ?)", [("DEL-01",), ("DEL-02",)])
    connection.commit()
    connection.close()


def clerk_sets(file: Path, sale: str, state: str) -> None:
    """A clerk packs a sale, sees it leave, or cancels it."""
    connection = connect(file)
    connection.execute("UPDATE sale SET state = ? WHERE id = ?", (state, sale))
    connection.execute("INSERT INTO event (sale, state, at) VALUES (?, ?, datetime('now'))", (sale, state))
    connection.close()
