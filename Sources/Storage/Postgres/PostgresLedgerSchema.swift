import PostgresClient

/// The tables of a unit's ledger in PostgreSQL: those of ``LedgerSchema``, with rows and digests alike. A step, once
/// landed, is never edited: add the next one.
enum PostgresLedgerSchema {
    /// What ``claim`` refuses with.
    static let superseded = "TR001"
    static let otherEnd = "TR002"
    static let unreplicated = "TR003"
    static let notArchived = "TR004"

    private static let steps = [
        """
        CREATE TABLE journal (position BIGINT PRIMARY KEY, digest BYTEA NOT NULL, entries BYTEA NOT NULL);
        CREATE TABLE identity (
            "only" BIGINT PRIMARY KEY CHECK ("only" = 1), unit BIGINT NOT NULL, ledger BIGINT NOT NULL,
            incarnation BIGINT NOT NULL, generation BIGINT NOT NULL, ceiling BIGINT NOT NULL DEFAULT 0,
            barrier BIGINT NOT NULL DEFAULT 0
        );
        -- I2, held by the database itself.
        CREATE TABLE accounts (
            lot BIGINT NOT NULL, generation BIGINT NOT NULL, granted BIGINT NOT NULL DEFAULT 0,
            allocated BIGINT NOT NULL DEFAULT 0, returned BIGINT NOT NULL DEFAULT 0, sold BIGINT NOT NULL DEFAULT 0,
            cancelled BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (lot, generation),
            CONSTRAINT no_oversell CHECK (sold - cancelled + returned <= granted + allocated),
            CONSTRAINT counters CHECK (cancelled BETWEEN 0 AND sold AND returned >= 0)
        ) WITH (fillfactor = 50);
        CREATE TABLE snapshots (
            number BIGINT PRIMARY KEY, position BIGINT NOT NULL, digest BYTEA NOT NULL, pieces BIGINT NOT NULL,
            checksum BYTEA NOT NULL
        );
        CREATE TABLE snapshot_pieces (place BIGINT PRIMARY KEY, bytes BYTEA NOT NULL);
        -- The first statement of each commit. The row of the owner is locked until its end, so writers take turns, and
        -- the second one sees what the first one wrote.
        CREATE FUNCTION ledger_claim(mine BIGINT, last BIGINT, last_digest BYTEA, replicated BIGINT)
        RETURNS BIGINT LANGUAGE plpgsql AS $$
        DECLARE
            current BIGINT;
            found RECORD;
        BEGIN
            -- It can change while the connection lives, by a reload or by what watches over the servers.
            IF replicated = 1 AND trim(current_setting('synchronous_standby_names')) = '' THEN
                RAISE EXCEPTION 'synchronous_standby_names has become empty' USING ERRCODE = 'TR003';
            END IF;
            SELECT incarnation INTO STRICT current FROM identity FOR UPDATE;
            IF current > mine THEN RAISE EXCEPTION '%', current USING ERRCODE = 'TR001'; END IF;
            IF current < mine THEN UPDATE identity SET incarnation = mine; END IF;
            SELECT j.position, j.digest INTO found FROM journal j ORDER BY j.position DESC LIMIT 1;
            IF coalesce(found.position, 0) <> last OR (last > 0 AND found.digest <> last_digest) THEN
                RAISE EXCEPTION 'the ledger ends at %, not at %', coalesce(found.position, 0), last
                    USING ERRCODE = 'TR002';
            END IF;
            RETURN current;
        END $$;
        """,
        // How far each consumer of events has come, and the events that wait for a later try or are dead.
        """
        CREATE TABLE outbox_cursors (
            consumer TEXT PRIMARY KEY, incarnation BIGINT NOT NULL, position BIGINT NOT NULL, generation BIGINT NOT NULL,
            disabled BIGINT NOT NULL DEFAULT 0, replay_position BIGINT, replay_generation BIGINT, replay_end BIGINT
        );
        CREATE TABLE outbox_letters (
            consumer TEXT NOT NULL, position BIGINT NOT NULL, place BIGINT NOT NULL, generation BIGINT NOT NULL,
            kind BIGINT NOT NULL, entry BYTEA NOT NULL, tries BIGINT NOT NULL, due BIGINT NOT NULL,
            is_dead BIGINT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (consumer, position, place)
        );
        """,
        // The orders of settled lots. A row never changes; it counts when the journal names its lot.
        """
        CREATE TABLE archived_orders (id BYTEA PRIMARY KEY, lot BIGINT NOT NULL, form BYTEA NOT NULL);
        CREATE UNIQUE INDEX archived_lots ON archived_orders (lot, id);
        CREATE FUNCTION ledger_archive(settled BIGINT, wanted BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
        DECLARE
            found BIGINT;
        BEGIN
            SELECT count(*) INTO found FROM archived_orders WHERE lot = settled;
            IF found <> wanted THEN
                RAISE EXCEPTION 'lot % has % archived orders, not %', settled, found, wanted USING ERRCODE = 'TR004';
            END IF;
            RETURN found;
        END $$;
        """,
    ]

    /// Makes the tables that are missing. Processes that do so at the same time wait for each other.
    static func migrate(_ connection: PostgresConnection) throws(PostgresError) {
        try connection.run(
            script: """
                BEGIN;
                SELECT pg_advisory_xact_lock(7021776);
                SET LOCAL client_min_messages = warning;
                CREATE TABLE IF NOT EXISTS ledger_steps (step BIGINT PRIMARY KEY)
                """)
        let last = try connection.run(PostgresStatement("SELECT coalesce(max(step), 0) FROM ledger_steps"))
        let done = Int(last.integer(0, 0) ?? 0)
        guard done <= self.steps.count else {
            throw .unreadable(
                "\(connection.target) has a ledger of a newer version: \(done) steps of its tables are known there, "
                    + "\(self.steps.count) here")
        }
        for (step, script) in self.steps.enumerated().dropFirst(done) {
            try connection.run(script: script + "\nINSERT INTO ledger_steps VALUES (\(step + 1))")
        }
        try connection.run(script: "COMMIT")
    }

    /// Whether the database has a ledger.
    static func exists(_ connection: PostgresConnection) throws(PostgresError) -> Bool {
        try connection.run(PostgresStatement("SELECT to_regclass('identity') IS NOT NULL")).integer(0, 0) == 1
    }
}
