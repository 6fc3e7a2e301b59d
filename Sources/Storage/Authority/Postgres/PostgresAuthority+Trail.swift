import PostgresClient
package import TrancheCore

// The audit trail. Two connections write it, so the server itself puts each line behind the last one.

enum AuthorityTrail {
    /// The table, its head, and the function that writes a line.
    ///
    /// Lines of earlier versions begin the chain as they are now. A center of such a version may lead on after this: a
    /// trigger puts what it writes into the chain. It is made before the older lines are read, under a lock that lets
    /// nobody write in between, so each line is there once.
    static let schema = """
        CREATE TABLE IF NOT EXISTS authority.trail (
            position BIGINT PRIMARY KEY, at BIGINT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
            sale TEXT NOT NULL, detail TEXT NOT NULL, before_act TEXT NOT NULL, after_act TEXT NOT NULL,
            key TEXT NOT NULL, digest TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS authority.trail_head (
            only_one BIGINT PRIMARY KEY CHECK (only_one = 1), position BIGINT NOT NULL, digest TEXT NOT NULL);
        INSERT INTO authority.trail_head VALUES (1, 0, '\(AuditHead.empty.digest)') ON CONFLICT DO NOTHING;
        CREATE OR REPLACE FUNCTION authority.part(t TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
            SELECT octet_length(convert_to(t, 'UTF8'))::TEXT || ':' || t || chr(10) $$;
        CREATE OR REPLACE FUNCTION authority.note(
            n_at BIGINT, n_actor TEXT, n_action TEXT, n_sale TEXT, n_detail TEXT, n_before TEXT, n_after TEXT, n_key TEXT
        ) RETURNS BIGINT LANGUAGE plpgsql AS $$ DECLARE p BIGINT; d TEXT; BEGIN
            SELECT h.position + 1, h.digest INTO p, d FROM authority.trail_head h FOR UPDATE;
            d := substr(encode(sha256(decode(d, 'hex') || convert_to(
                p::TEXT || chr(10) || n_at::TEXT || chr(10) || authority.part(n_actor) || authority.part(n_action)
                || authority.part(n_sale) || authority.part(n_detail) || authority.part(n_before)
                || authority.part(n_after) || authority.part(n_key), 'UTF8')), 'hex'), 1, 32);
            INSERT INTO authority.trail
                VALUES (p, n_at, n_actor, n_action, n_sale, n_detail, n_before, n_after, n_key, d);
            UPDATE authority.trail_head SET position = p, digest = d;
            RETURN p;
        END $$;
        CREATE OR REPLACE FUNCTION authority.note_older() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
            PERFORM authority.note(NEW.at, NEW.actor, NEW.action, '', NEW.detail, '', '', '');
            RETURN NULL;
        END $$;
        DO $$ DECLARE r RECORD; BEGIN
            IF EXISTS (
                SELECT FROM pg_trigger t
                WHERE t.tgrelid = 'authority.audit'::regclass AND t.tgname = 'note_older') THEN RETURN; END IF;
            LOCK TABLE authority.audit IN SHARE ROW EXCLUSIVE MODE;
            CREATE TRIGGER note_older AFTER INSERT ON authority.audit
                FOR EACH ROW EXECUTE FUNCTION authority.note_older();
            IF (SELECT h.position FROM authority.trail_head h) = 0 THEN
                FOR r IN SELECT a.at, a.actor, a.action, a.detail FROM authority.audit a ORDER BY a.id LOOP
                    PERFORM authority.note(r.at, r.actor, r.action, '', r.detail, '', '', '');
                END LOOP;
            END IF;
        END $$;
        """

    static func statement(_ note: AuditNote) -> PostgresStatement {
        PostgresStatement(
            "SELECT authority.note($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                .integer(note.at.microseconds), .text(note.actor), .text(note.action), .text(note.sale),
                .text(note.detail), .text(note.before), .text(note.after), .text(note.key),
            ])
    }
}

extension PostgresAuthority {
    private static let columns = "position, at, actor, action, sale, detail, before_act, after_act, key, digest"

    package func append(_ note: AuditNote, as epoch: Epoch) throws(StorageError) {
        try self.write([AuthorityTrail.statement(note)], as: epoch)
    }

    package func auditTrail(limit: Int) throws(StorageError) -> [AuditLine] {
        try self.desk.run { (connection) throws(PostgresError) in
            try Self.lines(
                connection.run(
                    PostgresStatement(
                        "SELECT \(Self.columns) FROM authority.trail ORDER BY position DESC LIMIT $1",
                        [.integer(Int64(limit))])))
        }
    }

    package func auditPage(after position: Int64) throws(StorageError) -> AuditPage {
        try self.desk.run { (connection) throws(PostgresError) in
            // The head first: lines that come in between are behind it, and are read with the next page.
            let rows = try connection.run(PostgresStatement("SELECT position, digest FROM authority.trail_head"))
            guard rows.count == 1, let end = rows.integer(0, 0),
                let (high, low) = rows.text(0, 1).flatMap({ Hex.pair($0) })
            else { throw .unreadable("the head of the audit trail cannot be read") }
            let lines = try Self.lines(
                connection.run(
                    PostgresStatement(
                        "SELECT \(Self.columns) FROM authority.trail WHERE position > $1 ORDER BY position LIMIT $2",
                        [.integer(position), .integer(Int64(AuditPage.limit))])))
            return AuditPage(
                head: AuditHead(position: end, digest: ChainDigest(high: high, low: low)), lines: lines)
        }
    }

    private static func lines(_ rows: PostgresRows) throws(PostgresError) -> [AuditLine] {
        var lines: [AuditLine] = []
        for row in 0..<rows.count {
            var texts: [String] = []
            for column in 2...8 {
                guard let text = rows.text(row, column) else {
                    throw .unreadable("a line of the audit trail cannot be read")
                }
                texts.append(text)
            }
            guard let position = rows.integer(row, 0), let at = rows.integer(row, 1) else {
                throw .unreadable("a line of the audit trail cannot be read")
            }
            // A digest that is none is no reason to hide the line: it is found to be changed.
            let (high, low) = rows.text(row, 9).flatMap { Hex.pair($0) } ?? (0, 0)
            lines.append(
                AuditLine(
                    position: position, at: Instant(microseconds: at), actor: texts[0], action: texts[1],
                    sale: texts[2], detail: texts[3], before: texts[4], after: texts[5], key: texts[6],
                    digest: ChainDigest(high: high, low: low)))
        }
        return lines
    }
}
