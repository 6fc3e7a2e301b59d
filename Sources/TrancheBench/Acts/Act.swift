import TrancheAPI
import TrancheCore

/// One act of the measurement. Its effect can be told from that of every other act.
struct Act: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// A quantity that no other act adds to the lot.
        case stock(LotID, add: Int)
        case block(String), unblock(String)
        case pause, resume, revoke
        case freeze(LotID), thaw(LotID)
    }
    static let sale = "acts"
    static let lots = [LotID(1), LotID(2)]
    /// Items of each lot at the start.
    static let stock = 1_000

    let key: String
    let kind: Kind

    var method: String {
        switch self.kind {
        case .block: "PUT"
        case .unblock: "DELETE"
        case .stock, .pause, .resume, .revoke, .freeze, .thaw: "POST"
        }
    }

    var path: String {
        switch self.kind {
        case .stock(let lot, _): "/v1/lots/\(lot)/stock"
        case .block(let buyer), .unblock(let buyer): "/v1/sales/\(Self.sale)/blocked/\(buyer)"
        case .pause: "/v1/sales/\(Self.sale)/pause"
        case .resume: "/v1/sales/\(Self.sale)/resume"
        case .revoke: "/v1/sales/\(Self.sale)/revocations"
        case .freeze(let lot), .thaw(let lot): "/v1/lots/\(lot)/freeze"
        }
    }

    var body: [UInt8]? {
        switch self.kind {
        case .stock(_, let add): JSON.encode(StockBody(add: add))
        case .freeze: JSON.encode(FreezeBody(frozen: true))
        case .thaw: JSON.encode(FreezeBody(frozen: false))
        case .block, .unblock, .pause, .resume, .revoke: nil
        }
    }

    var needsVersion: Bool {
        switch self.kind {
        case .pause, .resume, .revoke: true
        case .stock, .block, .unblock, .freeze, .thaw: false
        }
    }

    /// What the versions of the configuration say of it; `nil` for an act on the log.
    var note: String? {
        switch self.kind {
        case .block(let buyer): "block \(buyer) in \(Self.sale)"
        case .unblock(let buyer): "unblock \(buyer) in \(Self.sale)"
        case .pause: "pause \(Self.sale)"
        case .resume: "resume \(Self.sale)"
        case .revoke: "revoke the tokens of \(Self.sale)"
        case .stock, .freeze, .thaw: nil
        }
    }

    /// The acts of each operator, in order: those of one operator follow each other, and those of several mix.
    static func plan(_ count: Int) -> [[Act]] {
        var plan: [[Act]] = Array(repeating: [], count: 5)
        for number in 0..<count {
            let (operatorNumber, turn) = (number % 5, number / 5)
            let kind: Kind =
                switch operatorNumber {
                case 0, 1: .stock(Self.lots[operatorNumber], add: turn + 1)
                case 2: turn % 2 == 0 ? .block("buyer-\(turn)") : .unblock("buyer-\(turn - 1)")
                case 3:
                    switch turn % 3 {
                    case 0: .pause
                    case 1: .resume
                    default: .revoke
                    }
                default: turn % 2 == 0 ? .freeze(Self.lots[0]) : .thaw(Self.lots[0])
                }
            plan[operatorNumber].append(Act(key: "act-\(number)", kind: kind))
        }
        return plan
    }
}
