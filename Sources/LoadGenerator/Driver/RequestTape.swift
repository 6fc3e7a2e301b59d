/// Requests that are prepared before a run, one after the other in one buffer, so that the generator only sends.
package struct RequestTape: Sendable {
    private(set) var bytes: [UInt8] = []
    private var ends: [Int] = []

    package init() {}

    package var count: Int { self.ends.count }

    /// - Parameter body: Bytes behind the text; the text's Content-Length counts them.
    package mutating func append(_ request: String, body: [UInt8] = []) {
        self.bytes.append(contentsOf: request.utf8)
        self.bytes.append(contentsOf: body)
        self.ends.append(self.bytes.count)
    }

    func range(_ number: Int) -> Range<Int> { (number == 0 ? 0 : self.ends[number - 1])..<self.ends[number] }
}
