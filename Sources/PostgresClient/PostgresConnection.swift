import CPostgres
import Foundation

/// One blocking connection to one PostgreSQL server that accepts writes, over libpq.
///
/// One thread at a time uses it, because a `PGconn` is not thread-safe. Nothing here cancels a statement, and no
/// statement has a time-out at the server: a commit whose wait for a standby is cancelled becomes visible without
/// being replicated. An answer that does not come in time closes the connection, and its transaction is in doubt.
package final class PostgresConnection {
    package struct Limits: Hashable, Sendable {
        /// For each host; libpq takes at least two seconds.
        package var connectSeconds = 3
        /// For each answer, and each commit.
        package var answerMilliseconds = 5_000
        /// How long a statement waits for a row that another transaction holds. Nothing is in doubt after it.
        package var lockMilliseconds = 2_000
        package init() {}
    }

    package let target: PostgresTarget
    package let limits: Limits
    // Freed once, in `deinit`; no result outlives its own `PQclear`.
    let raw: OpaquePointer
    let notices = Notices()
    var prepared: [String: String] = [:]
    /// Set when an answer is in doubt or the connection is broken: nothing more is sent.
    package internal(set) var isClosed = false
    /// Whether a commit must be confirmed by a standby, by ``checkDurability(allowsUnreplicated:permission:)``.
    var needsStandbys = false

    /// - Parameter application: What the server calls this connection, in its list of activities.
    /// - Throws: ``PostgresError/unreachable(target:detail:)`` if no host accepts writes in time.
    package init(_ target: PostgresTarget, application: String, limits: Limits = Limits()) throws(PostgresError) {
        (self.target, self.limits) = (target, limits)
        // What stands before the connection string can be set otherwise in it; what comes behind it cannot.
        var pairs = [
            ("connect_timeout", "\(limits.connectSeconds)"), ("application_name", application),
            ("keepalives_idle", "5"),
            ("keepalives_interval", "2"), ("keepalives_count", "3"), ("tcp_user_timeout", "10000"),
            ("dbname", target.text), ("target_session_attrs", "read-write"), ("client_encoding", "UTF8"),
        ]
        if let password = target.password { pairs.append(("password", password)) }
        var (keys, values): ([UnsafeMutablePointer<CChar>?], [UnsafeMutablePointer<CChar>?]) = ([], [])
        for (key, value) in pairs {
            keys.append(strdup(key))
            values.append(strdup(value))
        }
        defer { for copy in keys + values { free(copy) } }
        let (names, texts) = (keys.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil])
        guard let raw = PQconnectdbParams(names, texts, 1) else {
            throw .unreachable(target: "\(target)", detail: "out of memory")
        }
        self.raw = raw
        guard PQstatus(raw) == CONNECTION_OK else { throw .unreachable(target: "\(target)", detail: self.reason) }
        PQsetNoticeReceiver(raw, Notices.receive, Unmanaged.passUnretained(self.notices).toOpaque())
        guard PQsetnonblocking(raw, 1) == 0 else { throw .unreachable(target: "\(target)", detail: self.reason) }
        try self.run(script: self.sessionSettings)
    }

    // The receiver of notices is used by the connection only, and dies with it.
    deinit { PQfinish(self.raw) }

    /// The server, its role or its database may have other defaults. The server's own keepalives end a transaction of
    /// ours whose rest never came: it would hold its rows for two hours.
    private var sessionSettings: String {
        """
        SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
        SET client_connection_check_interval = 0; SET lock_timeout = \(self.limits.lockMilliseconds);
        SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;
        SET default_transaction_isolation = 'read committed'; SET client_min_messages = notice
        """
    }

    /// The reason that libpq gives, in one line.
    var reason: String {
        let text = PQerrorMessage(self.raw).map { String(cString: $0) } ?? ""
        let line = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .joined(separator: "; ")
        return line.isEmpty ? "the connection is closed" : line
    }

    func inDoubt(_ detail: String) -> PostgresError {
        self.isClosed = true
        return .inDoubt(target: "\(self.target)", detail: detail)
    }

    /// Runs statements without parameters and without results, such as a schema, in one transaction.
    package func run(script: String) throws(PostgresError) {
        try self.checkOpen()
        guard PQsendQuery(self.raw, script) == 1 else { throw self.inDoubt(self.reason) }
        _ = try self.results(until: self.deadline)
    }

    /// Runs one statement, in a transaction of its own.
    @discardableResult
    package func run(_ statement: PostgresStatement) throws(PostgresError) -> PostgresRows {
        try self.prepare(statement)
        self.notices.warning = nil
        try self.send(statement)
        let rows = try self.results(until: self.deadline)
        try self.checkWarning()
        guard let first = rows.first else { throw self.inDoubt("no answer to a statement") }
        return first
    }

    func checkOpen() throws(PostgresError) {
        if self.isClosed { throw .unreachable(target: "\(self.target)", detail: "the connection is closed") }
    }

    /// A server that gives up waiting for its standbys says so by a warning, and calls the commit successful.
    func checkWarning() throws(PostgresError) {
        if let warning = self.notices.warning { throw self.inDoubt(warning) }
    }
}

/// What the server says beside its answers.
final class Notices {
    var warning: String?

    static let receive: @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?) -> Void = { context, result in
        guard let context, let result, let level = PQresultErrorField(result, Int32(UInt8(ascii: "V"))),
            String(cString: level) == "WARNING"
        else { return }
        let text = PQresultErrorField(result, Int32(UInt8(ascii: "M"))).map { String(cString: $0) }
        Unmanaged<Notices>.fromOpaque(context).takeUnretainedValue().warning = text ?? "a warning without a text"
    }
}
