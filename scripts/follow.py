#!/usr/bin/env python3
"""Follows the feed of one orderd or of several into a SQLite database.

    ORDERD_TOKEN=… scripts/follow.py orders.sqlite http://box-1:8000 http://box-2:8000

Each event and the position behind it are written in one transaction, so that it may be killed at
any moment and goes on where it was. Orders are kept by source and id, and only a newer version
replaces one: what comes twice changes nothing. Where a box has begun another history (it was
restored) or has forgotten too much, its orders are listed anew and the feed is followed from there.

The token, or a key (`orderd_…`), is an admin's. One for each box, separated by blanks, or one for
all. With --once it ends when it has caught up.
"""

import argparse
import json
import os
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

WAIT_SECS = 20
PAGE = 500
RETRY_SECS = (1, 2, 5, 10, 30)

SCHEMA = """
CREATE TABLE IF NOT EXISTS boxes (
    url TEXT PRIMARY KEY, source TEXT NOT NULL, position INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
    source TEXT NOT NULL, id INTEGER NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (source, id));
"""


class Gone(Exception):
    """What is asked for is not kept, or is another history's."""


class Box:
    """One orderd, and what of it is in the database."""

    def __init__(self, url, token, path):
        self.url, self.token = url.rstrip("/"), token
        self.database = sqlite3.connect(path, timeout=60, isolation_level=None)
        self.database.execute("PRAGMA journal_mode=WAL")
        self.database.executescript(SCHEMA)

    def ask(self, path, **query):
        query = urllib.parse.urlencode({k: v for k, v in query.items() if v is not None})
        request = urllib.request.Request(f"{self.url}{path}?{query}")
        request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECS + 20) as response:
                return json.load(response)
        except urllib.error.HTTPError as why:
            if why.code == 410:
                raise Gone from why
            raise

    def position(self):
        """The history that is followed, and the last event of it that is in the database."""
        row = self.database.execute(
            "SELECT source, position FROM boxes WHERE url = ?", (self.url,)).fetchone()
        return row or self.begin()

    def begin(self):
        """Lists all orders as they are now. What changes meanwhile comes again with the feed."""
        start = self.ask("/events/", limit=0)
        source, position = start["source"], start["next"]
        after = None
        while True:
            page = self.ask("/orders/", limit=PAGE, after=after)
            with self.transaction():
                self.keep(source, page["orders"])
            after = page.get("next")
            if after is None:
                break
        with self.transaction():
            self.move(source, position)
        return source, position

    def step(self, wait):
        """Takes what comes next. Gives how many events it was."""
        source, position = self.position()
        try:
            page = self.ask("/events/", after=position, source=source, limit=PAGE, wait=wait)
        except Gone:
            self.begin()
            return 1
        with self.transaction():
            self.keep(source, [event["data"]["order"] for event in page["events"]])
            self.move(source, page["next"])
        return len(page["events"])

    def keep(self, source, orders):
        """A simple order has no version, and never changes."""
        rows = [(source, it["id"], it.get("version", 1), json.dumps(it)) for it in orders]
        self.database.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?) ON CONFLICT (source, id) DO UPDATE"
            " SET version = excluded.version, body = excluded.body"
            " WHERE excluded.version > orders.version", rows)

    def move(self, source, position):
        self.database.execute(
            "INSERT INTO boxes VALUES (?, ?, ?) ON CONFLICT (url) DO UPDATE"
            " SET source = excluded.source, position = excluded.position",
            (self.url, source, position))

    def transaction(self):
        self.database.execute("BEGIN IMMEDIATE")
        return self.database

    def follow(self, once):
        failures = 0
        while True:
            try:
                count = self.step(0 if once else WAIT_SECS)
                failures = 0
                if once and count == 0:
                    return
            except (OSError, ValueError) as why:
                if isinstance(why, urllib.error.HTTPError) and why.code in (401, 403, 404):
                    raise PermissionError(f"{self.url} refuses: {why}") from why
                print(f"{self.url}: {why}", file=sys.stderr, flush=True)
                time.sleep(RETRY_SECS[min(failures, len(RETRY_SECS) - 1)])
                failures += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("database")
    parser.add_argument("url", nargs="+")
    parser.add_argument("--once", action="store_true", help="end when all is read")
    given = parser.parse_args()
    tokens = os.environ.get("ORDERD_TOKEN", "").split()
    if len(tokens) not in (1, len(given.url)):
        parser.error("ORDERD_TOKEN has neither one token nor one for each box")
    tokens = tokens * len(given.url) if len(tokens) == 1 else tokens

    refused = []

    def work(url, token):
        # A connection to the database belongs to one thread.
        try:
            Box(url, token, given.database).follow(given.once)
        except PermissionError as why:
            print(why, file=sys.stderr, flush=True)
            refused.append(url)

    threads = [threading.Thread(target=work, args=pair, daemon=True)
               for pair in zip(given.url, tokens)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
