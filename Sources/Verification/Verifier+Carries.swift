import TrancheAPI
import TrancheCore

// Checks of items that became the stock of another sale.

extension Verifier {
    /// Only of settled sales: of any other one it is not known what is left. A sale never leaves that state.
    func earlyCarries() -> [String] {
        self.authority.lots.sorted { $0.key < $1.key }.compactMap { lot, state -> String? in
            guard state.carried > 0 else { return nil }
            guard let sale = self.config.sale(of: lot) else {
                return "lot \(lot): \(state.carried) items were carried away, and it is in no sale"
            }
            guard sale.state != .settled else { return nil }
            return "lot \(lot): \(state.carried) items were carried away, but sale \(sale.id) is \(sale.state.rawValue)"
        }
    }
}
