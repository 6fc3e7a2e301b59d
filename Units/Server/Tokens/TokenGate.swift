import DaemonSupport
import TrancheAPI
import TrancheCore

/// Checks tokens, and hands in the purchases that they allow. The lanes and the router both use it.
final class TokenGate: Sendable {
    let unit: UnitID
    private let codecs: Derived<TokenCodec>
    var codec: TokenCodec { self.codecs.current }
    let intake: Intake
    let waiters: Waiters
    let file: ConfigFile
    let meters: UnitMeters

    init(
        unit: UnitID, codecs: Derived<TokenCodec>, intake: Intake, waiters: Waiters, file: ConfigFile,
        meters: UnitMeters
    ) {
        self.meters = meters
        self.unit = unit
        self.codecs = codecs
        self.intake = intake
        self.waiters = waiters
        self.file = file
    }

    /// Hands a buy request in. An answer that is not known at once goes to `ticket()`.
    func buy(
        lot: LotID, token text: some Collection<UInt8>, quantity: Int, reference: OrderReference? = nil,
        ticket: () -> UInt64
    ) throws(Problem) -> Intake.Submission {
        let now = SystemClock.now()
        do throws(TokenError) {
            let (purchase, untimely, _) = try Array(text).withUnsafeBufferPointer { text throws(TokenError) in
                try self.purchase(
                    lot: lot, token: UnsafeRawBufferPointer(text), quantity: quantity, reference, now: now)
            }
            return try self.intake.submit(purchase, untimely, now: now, ticket: ticket).get()
        } catch {
            self.meters.shared.observeRefusal(error)
            throw self.problem(error)
        }
    }

    /// The purchase of a buyer whose token is genuine, and for this lot at this unit.
    ///
    /// - Returns: Also why the token may make no order, if it may not: its time, a revocation, or a blocked buyer. And
    ///   the token, if its buyer may be referred to another unit.
    func purchase(
        lot: LotID, token text: UnsafeRawBufferPointer, quantity: Int, _ reference: OrderReference? = nil, now: Instant
    ) throws(TokenError) -> (Purchase, untimely: TokenError?, referable: PurchaseToken?) {
        let token = try self.codec.open(text)
        let home = try self.home(of: token)
        try self.codec.checkPlace(token, home: home, lot: lot, unit: self.unit)
        let purchase = Purchase(
            order: token.order, buyer: token.buyer, lot: lot, quantity: quantity, issuedAt: token.issuedAt,
            reference: reference)
        return (purchase, self.file.refusal(of: token, now: now), self.file.isBranched(lot) ? token : nil)
    }

    /// The answer to a buyer who goes to another unit: its address, and the same token for that unit.
    ///
    /// - Parameter token: `nil` if the request came before this unit's configuration had the other one.
    func referral(_ token: PurchaseToken?, to unit: UnitID) -> Problem {
        guard let token, let address = self.file.config.unit(unit)?.publicURL else {
            return Problem(Refusal.recovering)
        }
        let own = PurchaseToken(
            order: token.order, lot: token.lot, home: unit, buyer: token.buyer, issuedAt: token.issuedAt,
            notBefore: token.notBefore, expiresAt: token.expiresAt, epoch: token.epoch)
        return Problem(referredTo: unit, address: address, token: self.codec.mint(own))
    }

    /// The buyer's home unit: the token's claim, or else by hashing over the units that the sale opened with.
    func home(of token: PurchaseToken) throws(TokenError) -> UnitID {
        if token.home != PurchaseToken.noHome { return token.home }
        guard let home = self.file.home(of: token.buyer, lot: token.lot) else {
            throw .wrongUnit(token.home)
        }
        return home
    }

    func problem(_ error: TokenError) -> Problem {
        guard case .wrongUnit(let home) = error else { return Problem(error) }
        return Problem(error, homeAddress: self.file.config.unit(home)?.publicURL)
    }
}
