import DaemonSupport
import Hummingbird
import NIOCore
import TrancheAPI
import TrancheCore

/// The routes for units and coordinators, each behind its own credential.
struct InternalRoutes {
    static let waitSecondsLimit = 25
    static let contestBytesLimit = 32 << 20
    static let reportBytesLimit = 1 << 20

    let seat: CenterSeat
    private var center: Center { get throws(Problem) { try self.seat.center } }

    /// - Parameter group: Of one unit, behind that unit's credential.
    func addUnits(to group: RouterGroup<TrancheContext>) {
        group.post("register") { request, context in
            let envelope = try await request.document(RegisterEnvelope.self)
            try context.check(envelope.request.unit)
            try context.check(name: envelope.name)
            return Response.json(try await self.center.register(envelope))
        }
        group.post("report") { request, context in try await self.report(request, context) }
        group.get("config") { request, _ in try await self.config(request) }
    }

    private func report(_ request: Request, _ context: TrancheContext) async throws -> Response {
        // JSON is for units of earlier versions, and for people.
        guard request.headers[.contentType] == QuotaWire.contentType else {
            let envelope = try await request.document(ReportEnvelope.self)
            try context.check(envelope.report.unit)
            return Response.json(try await self.center.report(envelope))
        }
        let envelope = try QuotaWire.report(try await request.bytes(limit: Self.reportBytesLimit))
        try context.check(envelope.report.unit)
        return Response.binary(QuotaWire.encode(try await self.center.report(envelope)))
    }

    func addGates(to group: RouterGroup<TrancheContext>) {
        group.post("report") { request, context in
            let report = try await request.document(GateReport.self)
            try context.check(name: report.gate)
            return Response.json(try await self.center.report(report))
        }
        group.get("config") { request, _ in try await self.config(request) }
    }

    private func config(_ request: Request) async throws -> Response {
        let after = try request.number("after", in: 0...Int.max)
        let wait = try request.number("wait", in: 0...Self.waitSecondsLimit)
        guard let push = try await self.center.book.next(after: after, waitSeconds: wait) else {
            return Response(status: .noContent)
        }
        return Response.json(push)
    }

    func addCoordinators(to group: RouterGroup<TrancheContext>) {
        group.post("coordinators/lead") { request, _ in
            Response.json(try await self.center.lead(try await request.document(LeadBody.self)))
        }
        group.post("coordinators/heartbeat") { request, _ in
            try await self.center.hear(try await request.document(CoordinatorAddress.self, limit: 4 << 10))
            return Response(status: .noContent)
        }
        group.get("coordinators/quota") { request, _ in
            let query = request.uri.queryParameters
            guard let epoch = query.get("epoch", as: UInt64.self), let url = query.get("url") else {
                throw Problem(status: 400, code: "bad_request", detail: "epoch and url of the coordinator are missing")
            }
            let held = try request.optionalNumber("held", in: 0...Int.max)
            return Response.json(
                try await self.center.quota(
                    for: CoordinatorAddress(epoch: Epoch(epoch), url: url), heldBy: held.map { UInt64($0) }))
        }
        group.get("contests/:lot") { request, context in
            let batches = try request.optionalNumber("batches", in: 0...Int(Limits.batches))
            let page = try await self.center.contestPage(
                try context.lot(), for: try request.epoch(), from: try request.number("from", in: 0...Int.max),
                batches: batches.map { UInt64($0) })
            return Response.binary(ContestPageWire.encode(page))
        }
        group.get("contests/:lot/verdicts") { request, context in
            let unit = try request.number("unit", in: 0...Int(UInt16.max))
            let page = try await self.center.verdicts(
                try context.lot(), of: UnitID(UInt16(unit)), for: try request.epoch(),
                from: try request.number("from", in: 0...Int.max))
            return Response.binary(ContestPageWire.encode(page))
        }
        group.post("contests/:lot") { request, context in
            let command = try await request.document(ContestCommand.self, limit: Self.contestBytesLimit)
            return Response.json(try await self.center.record(try context.lot(), command))
        }
        group.post("quota/commands") { request, _ in
            try await self.center.carryOut(try await request.document(QuotaCommands.self))
            return Response(status: .noContent)
        }
    }
}

extension Request {
    /// A number of the query; 0 if it is not there.
    fileprivate func number(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int {
        try self.optionalNumber(name, in: range) ?? 0
    }

    /// The epoch of the leader that asks.
    fileprivate func epoch() throws(Problem) -> Epoch {
        Epoch(UInt64(try self.number("epoch", in: 0...Int(Limits.epoch))))
    }

    fileprivate func optionalNumber(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = self.uri.queryParameters.get(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw Problem(
                status: 400, code: "bad_request",
                detail: "\(name) \"\(text.prefix(20))\" is not in \(range.lowerBound)...\(range.upperBound)")
        }
        return value
    }
}

extension Response {
    fileprivate static func binary(_ bytes: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: ContestWire.contentType],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
