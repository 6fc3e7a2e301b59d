import Foundation
import GRDB

/// The tables of a unit's ledger. A migration, once landed, is never edited: add the next one.
enum LedgerSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("v1") { database in
            // The journal is append-only, with a growing key. The other tables follow from it, and guard its limits.
            try database.execute(
                sql: """
                    CREATE TABLE entries (
                        position INTEGER PRIMARY KEY, kind INTEGER NOT NULL, lot INTEGER, order_id BLOB, buyer TEXT,
                        quantity INTEGER, detail INTEGER, generation INTEGER, value INTEGER, deadline INTEGER, text TEXT
                    );
                    CREATE TABLE commits (position INTEGER PRIMARY KEY, digest BLOB NOT NULL);
                    CREATE TABLE identity (
                        only INTEGER PRIMARY KEY CHECK (only = 1), unit INTEGER NOT NULL, ledger INTEGER NOT NULL,
                        incarnation INTEGER NOT NULL, generation INTEGER NOT NULL
                    );
                    -- I2, held by the database itself.
                    CREATE TABLE accounts (
                        lot INTEGER NOT NULL, generation INTEGER NOT NULL, granted INTEGER NOT NULL DEFAULT 0,
                        returned INTEGER NOT NULL DEFAULT 0, sold INTEGER NOT NULL DEFAULT 0,
                        cancelled INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (lot, generation),
                        CONSTRAINT no_oversell CHECK (sold - cancelled + returned <= granted),
                        CONSTRAINT counters CHECK (cancelled BETWEEN 0 AND sold AND returned >= 0)
                    ) WITHOUT ROWID;
                    -- The per-buyer limit, held by the database itself.
                    CREATE TABLE holdings (
                        lot INTEGER NOT NULL, buyer TEXT NOT NULL, quantity INTEGER NOT NULL, buyer_limit INTEGER NOT NULL,
                        PRIMARY KEY (lot, buyer), CONSTRAINT buyer_limit CHECK (quantity BETWEEN 0 AND buyer_limit)
                    ) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("v2: contests") { database in
            try database.execute(
                sql: """
                    ALTER TABLE accounts RENAME TO accounts_v1;
                    CREATE TABLE accounts (
                        lot INTEGER NOT NULL, generation INTEGER NOT NULL, granted INTEGER NOT NULL DEFAULT 0,
                        allocated INTEGER NOT NULL DEFAULT 0, returned INTEGER NOT NULL DEFAULT 0,
                        sold INTEGER NOT NULL DEFAULT 0, cancelled INTEGER NOT NULL DEFAULT 0,
                        PRIMARY KEY (lot, generation),
                        CONSTRAINT no_oversell CHECK (sold - cancelled + returned <= granted + allocated),
                        CONSTRAINT counters CHECK (cancelled BETWEEN 0 AND sold AND returned >= 0)
                    ) WITHOUT ROWID;
                    INSERT INTO accounts (lot, generation, granted, returned, sold, cancelled)
                        SELECT lot, generation, granted, returned, sold, cancelled FROM accounts_v1;
                    DROP TABLE accounts_v1;
                    """)
        }
        migrator.registerMigration("v3: one row per commit") { database in
            // A commit becomes one row that holds its entries. Their bytes and digests do not change.
            try database.execute(
                sql:
                    "CREATE TABLE journal (position INTEGER PRIMARY KEY, digest BLOB NOT NULL, entries BLOB NOT NULL);")
            try EarlierLedger.forEachCommit(database) { end, digest, bytes in
                try database.execute(
                    sql: "INSERT INTO journal VALUES (?, ?, ?)", arguments: [end, digest, Data(bytes)])
            }
            // `BuyerGuard` enforces the per-buyer limits: a table of buyers costs a page of disk for each order.
            try database.execute(sql: "DROP TABLE entries; DROP TABLE commits; DROP TABLE holdings;")
        }
        migrator.registerMigration("v4: heartbeats overwrite each other") { database in
            try database.execute(sql: "ALTER TABLE identity ADD COLUMN ceiling INTEGER NOT NULL DEFAULT 0;")
        }
        migrator.registerMigration("v5: snapshots") { database in
            try database.execute(
                sql: """
                    CREATE TABLE snapshots (
                        number INTEGER PRIMARY KEY, position INTEGER NOT NULL, digest BLOB NOT NULL,
                        pieces INTEGER NOT NULL, checksum BLOB NOT NULL
                    );
                    -- The place is the snapshot's number (32 bits) and the piece's.
                    CREATE TABLE snapshot_pieces (place INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
                    """)
        }
        migrator.registerMigration("v6: outbox") { database in
            // How far each consumer of events has come, and the events that wait for a later try or are dead.
            try database.execute(
                sql: """
                    CREATE TABLE outbox_cursors (
                        consumer TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, position INTEGER NOT NULL,
                        generation INTEGER NOT NULL, disabled INTEGER NOT NULL DEFAULT 0, replay_position INTEGER,
                        replay_generation INTEGER, replay_end INTEGER
                    ) WITHOUT ROWID;
                    CREATE TABLE outbox_letters (
                        consumer TEXT NOT NULL, position INTEGER NOT NULL, place INTEGER NOT NULL,
                        generation INTEGER NOT NULL, kind INTEGER NOT NULL, entry BLOB NOT NULL, tries INTEGER NOT NULL,
                        due INTEGER NOT NULL, is_dead INTEGER NOT NULL, reason TEXT NOT NULL,
                        PRIMARY KEY (consumer, position, place)
                    ) WITHOUT ROWID;
                    """)
        }
        return migrator
    }
}
