import Storage
import TrancheAPI
import TrancheCore

// Secrets of sales: their hashes are published when a sale is created, and they themselves later. So the center cannot
// choose them to anybody's advantage.

extension Center {
    /// Draws the secret of a new sale's tie keys, and keeps it; its hash is published with the sale.
    func drawSecret(sale: String) throws(Problem) -> String {
        let secret = (0..<4).map { _ in Hex.text(UInt64.random(in: 0...UInt64.max)) }.joined()
        try self.keep(secret, of: sale)
        return TieKey.hash(of: secret)
    }

    /// Draws the seed of a new sale's lotteries, and keeps it; its hash is published with the sale.
    ///
    /// It is random, and not derived from the sale's name: a seed that was published once must not be used again for a
    /// sale of the same name.
    func makeDrawSeed(sale: String) throws(Problem) -> String {
        var generator = SystemRandomNumberGenerator()
        let seed = DrawSeed(using: &generator)
        try self.keep(seed.text, of: sale)
        return seed.hash
    }

    func secret(of sale: SaleConfig.Sale) throws(Problem) -> String? {
        try self.kept(of: sale) { TieKey.hash(of: $0) == sale.tieKeyHash }
    }

    /// The seed of a sale's lotteries; `nil` for a sale that was created by a center without lotteries. Gates need it
    /// from the first entry on; buyers must not learn it before the opening.
    func drawSeed(of sale: SaleConfig.Sale) throws(Problem) -> DrawSeed? {
        guard let hash = sale.drawHash else { return nil }
        return try self.kept(of: sale) { DrawSeed($0)?.hash == hash }.flatMap { DrawSeed($0) }
    }

    private func keep(_ secret: String, of sale: String) throws(Problem) {
        do throws(StorageError) {
            try self.keeper.store.append(secret: secret, sale: sale, as: self.keeper.epoch)
        } catch { throw self.keeper.problem(after: error) }
    }

    private func kept(of sale: SaleConfig.Sale, where isPublished: (String) -> Bool) throws(Problem) -> String? {
        do throws(StorageError) {
            return try self.keeper.store.secret(sale: sale.id, where: isPublished)
        } catch { throw Problem(status: 503, code: "storage", detail: "\(error)", retryAfter: 1) }
    }
}
