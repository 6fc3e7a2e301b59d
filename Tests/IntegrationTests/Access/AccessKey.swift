import Foundation
import Identity
import TrancheAPI
import TrancheCore

/// A credential that a caller may send to an address.
struct AccessKey {
    /// The kind of the credential.
    enum Name: Hashable, CustomStringConvertible {
        case nothing, wrong, empty
        case operators, coordinator, shop
        /// A unit's own secrets, by the unit's place: towards the center, and towards coordinators.
        case unit(Int), contest(Int)
        /// What the center shows to the unit of this place.
        case center(Int)
        /// Keys from which others are derived, shown as they are.
        case unitsKey, contestKey
        /// The secrets behind tokens and callbacks, shown as they are.
        case tokenSecret, paymentSecret
        /// The gates' secret, a proof of identity, and a gate's session for it.
        case gate, gateKey, identity, session
        /// A purchase token of unit 1, and one that was made with another secret.
        case buyer, forgedBuyer
        /// The signature of an empty callback: genuine, another's, and one from an hour ago.
        case signature, forgedSignature, oldSignature

        var description: String {
            switch self {
            case .unit(let place): "unit \(place + 1)'s secret"
            case .contest(let place): "unit \(place + 1)'s secret for contests"
            case .center(let place): "the center's secret for unit \(place + 1)"
            case .nothing: "nothing"
            case .wrong: "a wrong secret"
            case .empty: "an empty bearer"
            case .operators: "the operators' secret"
            case .coordinator: "the coordinators' secret"
            case .shop: "the shop's secret"
            case .unitsKey: "the key of units"
            case .contestKey: "the key of contests"
            case .tokenSecret: "the secret of tokens"
            case .paymentSecret: "the secret of payments"
            case .gate: "the gates' secret"
            case .gateKey: "the key of gates"
            case .identity: "a proof of identity"
            case .session: "a session"
            case .buyer: "a purchase token"
            case .forgedBuyer: "a forged token"
            case .signature: "a payment signature"
            case .forgedSignature: "a forged payment signature"
            case .oldSignature: "an old payment signature"
            }
        }
    }

    let name: Name
    var bearer: String?
    var headers: [String: String] = [:]

    static func all(of cluster: TestCluster) throws -> [AccessKey] {
        let stranger = String(repeating: "s", count: 40)
        var keys = [
            AccessKey(name: .nothing), AccessKey(name: .wrong, bearer: stranger), AccessKey(name: .empty, bearer: ""),
        ]
        for (name, variable) in [
            (Name.operators, "ADMIN_SECRET"), (.coordinator, "COORDINATOR_SECRET"), (.shop, "SHOP_SECRET"),
            (.unitsKey, "UNITS_KEY"), (.contestKey, "CONTEST_KEY"), (.tokenSecret, "TOKEN_SECRET"),
            (.paymentSecret, "PAYMENT_SECRET"), (.gate, "GATE_SECRET"), (.gateKey, "GATE_KEY"),
        ] { keys.append(AccessKey(name: name, bearer: cluster.secret("TRANCHE_\(variable)"))) }
        for place in 0..<2 {
            let unit = cluster.units[place]
            keys += [
                AccessKey(name: .unit(place), bearer: cluster.secret("TRANCHE_UNIT_SECRET", of: unit)),
                AccessKey(name: .contest(place), bearer: cluster.secret("TRANCHE_CONTEST_SECRET", of: unit)),
                AccessKey(name: .center(place), bearer: cluster.secret("TRANCHE_CENTER_SECRET", of: unit)),
            ]
        }
        // The order of the address: what is shown at `cancel` must be that order's own token.
        keys.append(AccessKey(name: .buyer, bearer: self.token(cluster.secret("TRANCHE_TOKEN_SECRET"))))
        keys.append(AccessKey(name: .forgedBuyer, bearer: self.token(stranger)))
        let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
        let (gateKey, buyer) = (cluster.secret("TRANCHE_GATE_KEY"), GateClaims(buyer: BuyerID("access")!))
        keys.append(AccessKey(name: .identity, bearer: try DevIdentity(gateKey: gateKey).mint(buyer, now: now)))
        let session = Session(
            id: 1, claims: buyer, issuedAt: now, expiresAt: now.advanced(milliseconds: 600_000))
        keys.append(
            AccessKey(name: .session, bearer: SessionCodec(GateKeys(secret: gateKey)).seal(session)))
        let payment = cluster.secret("TRANCHE_PAYMENT_SECRET")
        for (name, secret, at) in [
            (Name.signature, payment, now), (.forgedSignature, stranger, now),
            (.oldSignature, payment, now.advanced(milliseconds: -3_600_000)),
        ] {
            let value = PaymentSignature(secret: secret).sign([], at: at)
            keys.append(AccessKey(name: name, headers: [PaymentSignature.header: value]))
        }
        return keys
    }

    /// The order that the addresses of orders name.
    static let order = OrderID(high: 0xACCE55, low: 1)

    private static func token(_ secret: String) -> String {
        let now = Instant(microseconds: Int64(Date().timeIntervalSince1970 * 1e6))
        return TokenCodec(secret: secret).mint(
            PurchaseToken(
                order: self.order, lot: LotID(1), home: UnitID(1), buyer: BuyerID("access")!, issuedAt: now,
                notBefore: now.advanced(milliseconds: -10_000), expiresAt: now.advanced(milliseconds: 600_000)))
    }
}
