import TrancheCore

/// The paces of all lots, from one picture to the next.
package struct ConsoleRates: Sendable {
    private struct Key: Hashable, Sendable {
        let lot: LotID
        let unit: UnitID
    }
    /// Fewer items per second than this are no pace from which an end can be told.
    private static let slowest = 0.05
    private static let secondsLimit = 30 * 86_400

    private var sold = CounterRates<Key>()
    private var offered = CounterRates<Key>()

    package init() {}

    mutating func fill(_ lots: inout [ConsolePicture.Lot], now: Instant) {
        func totals(_ figure: (ConsolePicture.Row) -> Int) -> [Key: Int] {
            var all: [Key: Int] = [:]
            // The first report of a unit to a new center has all that it ever sold: that is no pace.
            for lot in lots {
                for row in lot.units where row.isHeard { all[Key(lot: lot.id, unit: row.unit)] = figure(row) }
            }
            return all
        }
        let sold = self.sold.take(totals(\.sold), now: now)
        let offered = self.offered.take(totals(\.offered), now: now)
        for place in lots.indices {
            for row in lots[place].units.indices {
                let key = Key(lot: lots[place].id, unit: lots[place].units[row].unit)
                lots[place].units[row].soldPerSecond = sold[key]
                lots[place].units[row].offeredPerSecond = offered[key]
            }
            let known = lots[place].units.compactMap(\.soldPerSecond)
            lots[place].soldPerSecond = known.isEmpty ? nil : known.reduce(0, +)
            lots[place].secondsLeft = Self.secondsLeft(lots[place])
        }
    }

    private static func secondsLeft(_ lot: ConsolePicture.Lot) -> Int? {
        let left = lot.parts.pool + lot.parts.quota
        guard left > 0, let pace = lot.soldPerSecond, pace >= self.slowest else { return nil }
        return Int(min(Double(self.secondsLimit), Double(left) / pace))
    }
}
