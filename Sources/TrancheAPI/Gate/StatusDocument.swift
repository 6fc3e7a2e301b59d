package import TrancheCore

/// The state of a sale for everybody who waits for it. It is made once a second at most, and served from memory.
/// Times are milliseconds since 1970.
package struct StatusDocument: Hashable, Sendable, Codable {
    package enum Phase: String, Hashable, Sendable, Codable, CaseIterable { case waiting, open, paused, ended }
    package enum Identity: String, Hashable, Sendable, Codable, CaseIterable { case dev, shop }

    package struct Draw: Hashable, Sendable, Codable {
        package let hash: String
        /// Known after the opening.
        package let seed: String?
        package init(hash: String, seed: String?) { (self.hash, self.seed) = (hash, seed) }
    }

    package struct Lot: Hashable, Sendable, Codable {
        package let id: LotID
        package let name: String
        package let band: StockBand
        package let policy: LinePolicy
        /// Ranks up to this one may ask for a token: 16 hexadecimal digits.
        package let threshold: String
        package let buyerLimit: Int
        /// Estimates; `nil` if they are switched off.
        package let entered: Int?
        package let admitted: Int?
        package let perMinute: Int?
        /// The path of orders at a unit, once the sale is open.
        package let order: String?
        package init(
            id: LotID, name: String, band: StockBand, policy: LinePolicy, threshold: EntryRank, buyerLimit: Int,
            entered: Int?, admitted: Int?, perMinute: Int?, order: String?
        ) {
            self.id = id
            self.name = name
            self.band = band
            self.policy = policy
            self.threshold = threshold.text
            self.buyerLimit = buyerLimit
            self.entered = entered
            self.admitted = admitted
            self.perMinute = perMinute
            self.order = order
        }
    }

    package let sale: String
    package let name: String
    package let phase: Phase
    package let now: Int64
    package let opensAt: Int64
    package let closesAt: Int64
    /// Clients add 0 to this many milliseconds before they call at the opening.
    package let delay: Int
    /// `nil` if no lot is drawn.
    package let draw: Draw?
    package let lots: [Lot]
    /// The addresses of units, once the sale is open.
    package let units: [String]?
    package let identity: Identity
    package let challenge: SaleConfig.GateRules.Challenge

    package init(
        sale: String, name: String, phase: Phase, now: Instant, opensAt: Instant, closesAt: Instant, delay: Int,
        draw: Draw?, lots: [Lot], units: [String]?, identity: Identity, challenge: SaleConfig.GateRules.Challenge
    ) {
        self.sale = sale
        self.name = name
        self.phase = phase
        self.now = now.milliseconds
        self.opensAt = opensAt.milliseconds
        self.closesAt = closesAt.milliseconds
        self.delay = delay
        self.draw = draw
        self.lots = lots
        self.units = units
        self.identity = identity
        self.challenge = challenge
    }
}

extension StatusDocument {
    /// Writes the document with every name, and `null` for what is not known. `now` comes last: what is before it
    /// changes only when the sale does.
    package func write(into bytes: inout [UInt8]) {
        bytes.write("{\"challenge\":")
        bytes.write(json: self.challenge.rawValue)
        bytes.write(",\"closesAt\":")
        bytes.write(decimal: self.closesAt)
        bytes.write(",\"delay\":")
        bytes.write(decimal: self.delay)
        bytes.write(",\"draw\":")
        if let draw {
            bytes.write("{\"hash\":")
            bytes.write(json: draw.hash)
            bytes.write(",\"seed\":")
            bytes.write(orNull: draw.seed)
            bytes.append(UInt8(ascii: "}"))
        } else {
            bytes.write("null")
        }
        bytes.write(",\"identity\":")
        bytes.write(json: self.identity.rawValue)
        bytes.write(",\"lots\":[")
        for (index, lot) in self.lots.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            lot.write(into: &bytes)
        }
        bytes.write("],\"name\":")
        bytes.write(json: self.name)
        bytes.write(",\"opensAt\":")
        bytes.write(decimal: self.opensAt)
        bytes.write(",\"phase\":")
        bytes.write(json: self.phase.rawValue)
        bytes.write(",\"sale\":")
        bytes.write(json: self.sale)
        bytes.write(",\"units\":")
        if let units {
            bytes.append(UInt8(ascii: "["))
            for (index, unit) in units.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes.write(json: unit)
            }
            bytes.append(UInt8(ascii: "]"))
        } else {
            bytes.write("null")
        }
        bytes.write(",\"now\":")
        bytes.write(decimal: self.now)
        bytes.append(UInt8(ascii: "}"))
    }
}

extension StatusDocument.Lot {
    fileprivate func write(into bytes: inout [UInt8]) {
        bytes.write("{\"admitted\":")
        bytes.write(orNull: self.admitted)
        bytes.write(",\"band\":")
        bytes.write(json: self.band.rawValue)
        bytes.write(",\"buyerLimit\":")
        bytes.write(decimal: self.buyerLimit)
        bytes.write(",\"entered\":")
        bytes.write(orNull: self.entered)
        bytes.write(",\"id\":")
        bytes.write(decimal: self.id.rawValue)
        bytes.write(",\"name\":")
        bytes.write(json: self.name)
        bytes.write(",\"order\":")
        bytes.write(orNull: self.order)
        bytes.write(",\"perMinute\":")
        bytes.write(orNull: self.perMinute)
        bytes.write(",\"policy\":")
        bytes.write(json: self.policy.rawValue)
        bytes.write(",\"threshold\":")
        bytes.write(json: self.threshold)
        bytes.append(UInt8(ascii: "}"))
    }
}
