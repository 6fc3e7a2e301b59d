import TrancheCore

/// An admitted request in Redis: `length(1) order(16) stamp(8) quantity(4) buyer`, numbers big-endian.
enum AdmissionRecord {
    /// Appends the record, with its length before it.
    static func encode(_ request: BuyRequest, into bytes: inout [UInt8]) {
        bytes.append(UInt8(Limits.admissionRecordBytes + request.buyer.rawValue.utf8.count))
        let words = (request.order.high.bigEndian, request.order.low.bigEndian, request.stamp.rawValue.bigEndian)
        withUnsafeBytes(of: words) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: Int32(request.quantity).bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: request.buyer.rawValue.utf8)
    }

    /// The records of one step. A damaged record is skipped.
    static func decodeAll(_ bytes: [UInt8], lot: LotID) -> [BuyRequest] {
        var requests: [BuyRequest] = []
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            while let length = reader.byte(), length > Limits.admissionRecordBytes, let order = reader.order(),
                let stamp = reader.big(UInt64.self), let quantity = reader.big(UInt32.self),
                let name = reader.text(Int(length) - Limits.admissionRecordBytes)
            {
                guard let buyer = BuyerID(name), (1...Limits.quantityPerOrder).contains(Int(quantity)) else { continue }
                let purchase = Purchase(
                    order: order, buyer: buyer, lot: lot, quantity: Int(quantity), issuedAt: .distantPast)
                requests.append(BuyRequest(purchase, stamp: Stamp(rawValue: stamp), ticket: 0))
            }
        }
        return requests
    }
}
