import CPostgres
import Foundation
import TrancheCore

// How statements are sent and answers are read. A transaction is one round trip.

extension PostgresConnection {
    /// Carries out statements in one transaction, and sends all of it before it reads any answer.
    ///
    /// - Returns: The rows of each statement.
    /// - Throws: ``PostgresError/refused(target:state:detail:)``: nothing of it was carried out.
    ///   ``PostgresError/inDoubt(target:detail:)``: it is carried out completely or not at all, and the caller must
    ///   find out
    ///   on another connection, after a commit there.
    package func transact(_ statements: [PostgresStatement]) throws(PostgresError) -> [PostgresRows] {
        // Emptied while a commit waits for its standby, this setting releases it as if it were confirmed.
        let names = self.needsStandbys ? [PostgresStatement(Self.standbyNames)] : []
        let all = [PostgresStatement("BEGIN")] + statements + [PostgresStatement("COMMIT")] + names
        for statement in all { try self.prepare(statement) }
        self.notices.warning = nil
        guard PQenterPipelineMode(self.raw) == 1 else { throw self.inDoubt(self.reason) }
        for statement in all { try self.send(statement) }
        guard PQpipelineSync(self.raw) == 1 else { throw self.inDoubt(self.reason) }
        let deadline = self.deadline
        var (rows, refusal): ([PostgresRows], PostgresError?) = ([], nil)
        for _ in all {
            do throws(PostgresError) { rows += try self.results(until: deadline) } catch {
                guard case .refused = error else { throw error }
                refusal = refusal ?? error
            }
        }
        guard let sync = try self.result(until: deadline) else { throw self.inDoubt("a pipeline without its end") }
        defer { PQclear(sync) }
        guard PQresultStatus(sync) == PGRES_PIPELINE_SYNC, PQexitPipelineMode(self.raw) == 1 else {
            throw self.inDoubt("a pipeline without its end: \(self.reason)")
        }
        if let refusal {
            try self.run(script: "ROLLBACK")
            throw refusal
        }
        let end = statements.count + 1
        guard rows.count == all.count else { throw self.inDoubt("\(rows.count) answers to \(all.count) statements") }
        let answer = CommitAnswer(
            command: rows[end].command, warning: self.notices.warning,
            standbys: self.needsStandbys ? SynchronousStandbys(rows[end + 1].text(0, 0) ?? "").confirmations : nil)
        if let doubt = answer.doubt { throw self.inDoubt(doubt) }
        return Array(rows[1..<end])
    }

    private static let standbyNames = "SELECT current_setting('synchronous_standby_names')"

    /// Prepares a text that this connection has not seen yet, which takes a round trip of its own.
    func prepare(_ statement: PostgresStatement) throws(PostgresError) {
        try self.checkOpen()
        guard self.prepared[statement.sql] == nil else { return }
        let name = "s\(self.prepared.count)"
        let types = statement.values.map(\.type)
        guard PQsendPrepare(self.raw, name, statement.sql, Int32(types.count), types) == 1 else {
            throw self.inDoubt(self.reason)
        }
        _ = try self.results(until: self.deadline)
        self.prepared[statement.sql] = name
    }

    func send(_ statement: PostgresStatement) throws(PostgresError) {
        // All values in one buffer, whose first byte gives an empty value an address, too.
        var (bytes, places): ([UInt8], [(start: Int, count: Int)?]) = ([0], [])
        for value in statement.values {
            let start = bytes.count
            switch value {
            case .null:
                places.append(nil)
                continue
            case .integer(let number): withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
            case .bytes(let value): bytes.append(contentsOf: value)
            case .text(let text): bytes.append(contentsOf: text.utf8)
            }
            places.append((start, bytes.count - start))
        }
        let name = self.prepared[statement.sql]!
        let lengths = places.map { Int32($0?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: places.count)
        // libpq copies the values before it returns.
        let status = bytes.withUnsafeBufferPointer { buffer in
            let base = UnsafeRawPointer(buffer.baseAddress!).assumingMemoryBound(to: CChar.self)
            let pointers = places.map { place -> UnsafePointer<CChar>? in place.map { base + $0.start } }
            return PQsendQueryPrepared(self.raw, name, Int32(places.count), pointers, lengths, formats, 1)
        }
        guard status == 1 else { throw self.inDoubt(self.reason) }
    }

    var deadline: UInt64 { Self.now() + UInt64(self.limits.answerMilliseconds) }

    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }

    /// All results of one command.
    func results(until deadline: UInt64) throws(PostgresError) -> [PostgresRows] {
        var (rows, refusal): ([PostgresRows], PostgresError?) = ([], nil)
        while let result = try self.result(until: deadline) {
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK: rows.append(PostgresRows(result))
            default:
                refusal = refusal ?? self.refusal(result)
                PQclear(result)
            }
        }
        guard let refusal else { return rows }
        if PQstatus(self.raw) != CONNECTION_OK { throw self.inDoubt(refusal.description) }
        throw refusal
    }

    private func refusal(_ result: OpaquePointer) -> PostgresError {
        if PQresultStatus(result) == PGRES_PIPELINE_ABORTED {
            return .refused(target: "\(self.target)", state: "25P02", detail: "an earlier statement was refused")
        }
        func field(_ code: UInt8) -> String? { PQresultErrorField(result, Int32(code)).map { String(cString: $0) } }
        let detail = field(UInt8(ascii: "M")) ?? self.reason
        // The server stops, or the connection ends: the commit before it may have been carried out.
        guard let state = field(UInt8(ascii: "C")), !state.hasPrefix("57P"), !state.hasPrefix("08") else {
            return self.inDoubt(detail)
        }
        return .refused(target: "\(self.target)", state: state, detail: detail)
    }

    /// The next result; `nil` when the command under way has no more. The caller frees it.
    private func result(until deadline: UInt64) throws(PostgresError) -> OpaquePointer? {
        while true {
            let unsent = PQflush(self.raw)
            guard unsent >= 0 else { throw self.inDoubt(self.reason) }
            if unsent == 0, PQisBusy(self.raw) == 0 { return PQgetResult(self.raw) }
            var poll = pollfd(fd: PQsocket(self.raw), events: Int16(POLLIN), revents: 0)
            if unsent > 0 { poll.events |= Int16(POLLOUT) }
            let now = Self.now()
            guard now < deadline else { throw self.inDoubt("no answer within \(self.limits.answerMilliseconds) ms") }
            guard Glibc.poll(&poll, 1, Int32(deadline - now)) >= 0 || errno == EINTR else {
                throw self.inDoubt(String(cString: strerror(errno)))
            }
            if poll.revents & ~Int16(POLLOUT) != 0, PQconsumeInput(self.raw) == 0 { throw self.inDoubt(self.reason) }
        }
    }
}
