import NIOConcurrencyHelpers
import Storage
import TrancheAPI
import TrancheCore

// Drafts that are deleted.

extension Center {
    /// Deletes a draft. One of a second round only if the log has nothing of it: its items would be in no sale. Nothing is
    /// carried into it meanwhile.
    func delete(_ id: String, expected: Int?, actor: String, act: OperatorAct?) async throws(Problem) {
        guard self.draftUse.withLockedValue({ $0.beginDeletion(of: id) }) else {
            throw .inUse(id, "gets items of another sale, or is being deleted")
        }
        defer { self.draftUse.withLockedValue { $0.endDeletion(of: id) } }
        let sale = await self.book.config.sales.first { $0.id == id }
        let hasItems: Bool
        if let sale, sale.isSecondRound {
            let lots = sale.lots.map(\.id)
            hasItems = try await self.keeper.perform { authority, _ in
                lots.contains { authority.book.lots[$0] != nil }
            }
        } else {
            hasItems = false
        }
        try await self.change(.saleDeleted, expected: expected, actor: actor, note: "delete \(id)", act: act) {
            (config) throws(Problem) in
            guard let index = config.sales.firstIndex(where: { $0.id == id }) else { throw .unknownSale(id) }
            try config.sales[index].checkDeletion(hasItems: hasItems)
            config.sales.remove(at: index)
        }
    }
}
