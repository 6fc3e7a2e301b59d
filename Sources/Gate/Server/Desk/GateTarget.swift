import TrancheCore

/// What a request's target means at a gate: the calls that come in crowds. Every other target is for the router.
enum GateTarget: Hashable {
    case status(sale: String)
    case session
    case entry(LotID)
    case challenge(LotID)
    case token(LotID)

    /// Differs for calls whose refusals may differ.
    var number: UInt64 {
        switch self {
        case .status: 1
        case .session: 2
        case .entry(let lot): 3 << 32 | UInt64(lot.rawValue)
        case .challenge(let lot): 4 << 32 | UInt64(lot.rawValue)
        case .token(let lot): 5 << 32 | UInt64(lot.rawValue)
        }
    }

    /// - Returns: `nil` if the router must judge the target.
    init?(isPost: Bool, _ target: UnsafeRawBufferPointer) {
        if isPost {
            if target.elementsEqual("/v1/session".utf8) {
                self = .session
                return
            }
            guard let (lot, name) = Self.lot(target) else { return nil }
            if name.elementsEqual("/token".utf8) {
                self = .token(lot)
            } else if name.elementsEqual("/entry".utf8) {
                self = .entry(lot)
            } else if name.elementsEqual("/challenge".utf8) {
                self = .challenge(lot)
            } else {
                return nil
            }
            return
        }
        let (start, end) = ("/v1/sales/".utf8, "/status.json".utf8)
        guard target.count > start.count + end.count, target.starts(with: start),
            target[(target.count - end.count)...].elementsEqual(end)
        else { return nil }
        let name = target[start.count..<(target.count - end.count)]
        // Other characters may be encoded, which the router knows.
        guard name.allSatisfy(Self.isPlain) else { return nil }
        self = .status(sale: String(decoding: name, as: UTF8.self))
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }

    /// The number of `/v1/lots/NUMBER`, and what follows it.
    private static func lot(_ target: UnsafeRawBufferPointer) -> (LotID, Slice<UnsafeRawBufferPointer>)? {
        let start = "/v1/lots/".utf8
        guard target.starts(with: start) else { return nil }
        var cursor = start.count
        var number: UInt64 = 0
        while cursor < target.count, (48...57).contains(target[cursor]), cursor - start.count < 10 {
            number = number * 10 + UInt64(target[cursor] - 48)
            cursor += 1
        }
        guard cursor > start.count, number <= UInt64(UInt32.max) else { return nil }
        return (LotID(UInt32(number)), target[cursor...])
    }
}
