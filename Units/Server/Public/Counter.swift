import DaemonSupport
import TrancheAPI
import TrancheCore

/// Where buyers are served: token, front desk, engine. Both the express lane and the router come through here.
final class Counter: Sendable {
    let unit: UnitID
    let codec: TokenCodec
    let intake: Intake
    let waiters: Waiters
    let file: ConfigFile

    init(unit: UnitID, codec: TokenCodec, intake: Intake, waiters: Waiters, file: ConfigFile) {
        self.unit = unit
        self.codec = codec
        self.intake = intake
        self.waiters = waiters
        self.file = file
    }

    /// The answer, if it is known at once; else it comes to the holder of `ticket()`.
    func buy(
        lot: LotID, token text: some Collection<UInt8>, quantity: Int, ticket: () -> UInt64
    ) -> Result<Answer?, Problem> {
        let now = SystemClock.now()
        do throws(TokenError) {
            let token = try self.codec.open(text)
            // A known order is answered whatever the clock says: one order id has one outcome.
            let home = try self.home(of: token)
            if token.lot == lot, home == self.unit, let order = self.intake.order(token.order) {
                return .success(Answer(order))
            }
            try self.codec.check(token, home: home, lot: lot, unit: self.unit, now: now)
            return .success(
                self.intake.submit(
                    order: token.order, buyer: token.buyer, lot: lot, quantity: quantity, issuedAt: token.issuedAt,
                    now: now,
                    ticket: ticket))
        } catch {
            return .failure(self.problem(error))
        }
    }

    /// The buyer's home unit: the token's claim, or else by hashing over the units that the sale opened with.
    func home(of token: PurchaseToken) throws(TokenError) -> UnitID {
        if token.home != PurchaseToken.noHome { return token.home }
        guard let home = self.file.home(of: token.buyer, lot: token.lot, region: nil) else {
            throw .wrongUnit(token.home)
        }
        return home
    }

    func problem(_ error: TokenError) -> Problem {
        guard case .wrongUnit(let home) = error else { return Problem(error) }
        return Problem(error, homeAddress: self.file.config.unit(home)?.publicURL)
    }

    /// HTTP status of an order: one that was made, one that waits in the contest, or one that is over.
    static func status(of order: Order) -> Int {
        switch order.state {
        case .reserved, .paid: 201
        case .contested: 202
        case .cancelled, .expired, .lost: 200
        }
    }
}
