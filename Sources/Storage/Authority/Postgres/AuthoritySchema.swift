import PostgresClient

/// The tables of centers in PostgreSQL: the same as in a center's file, and the lease.
///
/// Conditions are functions that raise an error, because a transaction is sent as a whole: a condition that does not hold
/// undoes it without another round trip. (Row locks make the conditions hold until the commit.)
enum AuthoritySchema {
    /// The SQLSTATE of a condition that does not hold: the log has another epoch, or another turn.
    static let conditionState = "TR011"

    /// Several centers may start at once: the lock lets them make the schema one after the other.
    static func create(_ connection: PostgresConnection) throws(PostgresError) {
        try connection.run(
            script:
                "BEGIN; SELECT pg_advisory_xact_lock(7238145520193); \(Self.tables) \(Self.functions) \(AuthorityTrail.schema) COMMIT"
        )
    }

    /// `turn` counts appends and barriers. An append is conditional on it, so each one is carried out once, or never, and
    /// none comes late.
    private static let tables = """
        CREATE SCHEMA IF NOT EXISTS authority;
        CREATE TABLE IF NOT EXISTS authority.owner (
            only_one BIGINT PRIMARY KEY CHECK (only_one = 1), epoch BIGINT NOT NULL, turn BIGINT NOT NULL,
            appended BIGINT NOT NULL, position BIGINT NOT NULL, digest TEXT NOT NULL);
        INSERT INTO authority.owner VALUES (1, 0, 0, 0, 0, '\(String(repeating: "0", count: 32))') ON CONFLICT DO NOTHING;
        CREATE TABLE IF NOT EXISTS authority.lease (
            only_one BIGINT PRIMARY KEY CHECK (only_one = 1), epoch BIGINT NOT NULL, holder TEXT NOT NULL,
            process BIGINT NOT NULL, beat BIGINT NOT NULL);
        INSERT INTO authority.lease VALUES (1, 0, '', 0, 0) ON CONFLICT DO NOTHING;
        CREATE TABLE IF NOT EXISTS authority.records (
            position BIGINT PRIMARY KEY, epoch BIGINT NOT NULL, record BYTEA NOT NULL, digest TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS authority.snapshots (position BIGINT PRIMARY KEY, book BYTEA NOT NULL);
        CREATE TABLE IF NOT EXISTS authority.verdicts (
            lot BIGINT NOT NULL, unit BIGINT NOT NULL, piece BIGINT NOT NULL, verdicts BYTEA NOT NULL,
            PRIMARY KEY (lot, unit, piece));
        CREATE TABLE IF NOT EXISTS authority.witnesses (
            unit BIGINT PRIMARY KEY, position BIGINT NOT NULL, digest TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS authority.configs (
            version BIGINT PRIMARY KEY, checksum TEXT NOT NULL, content BYTEA NOT NULL, at BIGINT NOT NULL,
            actor TEXT NOT NULL, note TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS authority.audit (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at BIGINT NOT NULL, actor TEXT NOT NULL,
            action TEXT NOT NULL, detail TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS authority.secrets (sale TEXT NOT NULL, secret TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS authority.acts (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key TEXT NOT NULL UNIQUE, what TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS authority.proposals (id BIGINT PRIMARY KEY, content BYTEA NOT NULL);
        CREATE TABLE IF NOT EXISTS authority.proposal_ends (id BIGINT PRIMARY KEY, content BYTEA NOT NULL);
        """

    private static let functions = """
        CREATE OR REPLACE FUNCTION authority.advance(e BIGINT, t BIGINT, p BIGINT, n BIGINT, head TEXT) RETURNS BIGINT
        LANGUAGE plpgsql AS $$ BEGIN
            UPDATE authority.owner SET turn = t + 1, appended = t + 1, position = p + n, digest = head
                WHERE epoch = e AND turn = t AND position = p;
            IF NOT FOUND THEN RAISE EXCEPTION 'the log has moved on' USING ERRCODE = '\(Self.conditionState)'; END IF;
            RETURN p + n;
        END $$;
        CREATE OR REPLACE FUNCTION authority.barrier(e BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$ BEGIN
            UPDATE authority.owner SET turn = turn + 1 WHERE epoch = e;
            IF NOT FOUND THEN RAISE EXCEPTION 'the log was taken over' USING ERRCODE = '\(Self.conditionState)'; END IF;
            RETURN e;
        END $$;
        CREATE OR REPLACE FUNCTION authority.hold(e BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$ BEGIN
            PERFORM 1 FROM authority.owner WHERE epoch = e FOR SHARE;
            IF NOT FOUND THEN RAISE EXCEPTION 'the log was taken over' USING ERRCODE = '\(Self.conditionState)'; END IF;
            RETURN e;
        END $$;
        CREATE OR REPLACE FUNCTION authority.take(e BIGINT, b BIGINT, p BIGINT, who TEXT, number BIGINT) RETURNS BIGINT
        LANGUAGE plpgsql AS $$ BEGIN
            UPDATE authority.lease SET epoch = e + 1, beat = b + 1, holder = who, process = number
                WHERE epoch = e AND beat = b AND process = p;
            IF NOT FOUND THEN RETURN 0; END IF;
            UPDATE authority.owner SET epoch = e + 1, turn = turn + 1 WHERE epoch <= e;
            IF NOT FOUND THEN RAISE EXCEPTION 'the log is ahead of the lease' USING ERRCODE = '\(Self.conditionState)'; END IF;
            RETURN e + 1;
        END $$;
        """
}
