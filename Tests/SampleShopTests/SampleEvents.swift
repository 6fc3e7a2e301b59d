import SampleShop
import TrancheAPI

/// Events of one order, as a unit tells them.
enum SampleEvents {
    static let order = "5f0c" + String(repeating: "0", count: 27) + "1"

    static func id(_ position: Int, index: Int = 0, generation: Int = 1) -> String {
        "1:\(generation):\(position):\(index)"
    }

    static func body(
        _ id: String, _ kind: String, order: String = Self.order, payment: String? = nil, reason: String? = nil
    ) -> [UInt8] {
        let more = (payment.map { ",\"payment\":\"\($0)\"" } ?? "") + (reason.map { ",\"reason\":\"\($0)\"" } ?? "")
        return Array(
            """
            {"specversion":"1.0","id":"\(id)","source":"/tranche/units/1","type":"tranche.order.\(kind)",\
            "subject":"\(order)","datacontenttype":"application/json","data":{"order":"\(order)","position":1\(more)}}
            """.utf8)
    }

    /// - Returns: `nil` if the shop does not know the type.
    static func event(
        _ position: Int, _ kind: String, index: Int = 0, generation: Int = 1, order: String = Self.order,
        payment: String? = nil, reason: String? = nil
    ) throws(Problem) -> ShopEvent? {
        let id = self.id(position, index: index, generation: generation)
        return try ShopEvent(id: id, self.body(id, kind, order: order, payment: payment, reason: reason))
    }
}
