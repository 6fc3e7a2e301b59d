package import Hummingbird
package import TrancheAPI
package import TrancheCore

extension RequestContext {
    /// The lot that the address names.
    ///
    /// - Throws: ``Problem`` `unknown_lot` for a text that is not a lot's number.
    package func lot() throws(Problem) -> LotID {
        let text = self.parameters.get("lot") ?? ""
        guard let number = UInt32(text) else {
            throw Problem(
                status: 404, code: "unknown_lot",
                detail: "\"\(text.prefix(20))\" is not a lot number; expected 1 to \(UInt32.max)")
        }
        return LotID(number)
    }
}
