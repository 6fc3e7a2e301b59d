import DaemonSupport
import Identity
import Logging
import NIOConcurrencyHelpers
import TrancheAPI
import TrancheCore

/// Everything that the lanes of one gate share: the machine, the keys, and the configuration.
///
/// A call is decided in two parts, with a question to the gates' Redis in between. The functions for the first part
/// return a plan; those for the second one take it back, with the reply.
final class Gatehouse: Sendable {
    /// A request, as far as it says who asks.
    struct Asker {
        let session: Session
        let caller: GateMachine.Caller
        let keys: (buyer: UInt64, address: UInt64)

        func draw(now: Instant) -> UInt64 { CallerDraw.bits(caller: self.keys.buyer, now: now) }
    }
    struct Setting: Sendable {
        var version = 0
        var config = SaleConfig()
        var seeds: [String: DrawSeed] = [:]
        var sales: [LotID: SaleConfig.Sale] = [:]
    }

    static let callersLimit = 200_000

    let configuration: GateConfiguration
    let machine = NIOLockedValueBox(GateMachine(callers: Gatehouse.callersLimit))
    let setting = NIOLockedValueBox(Setting())
    let redis: GateRedis
    let verifier: IdentityVerifier
    let sessions: SessionCodec
    let tickets: EntryTicketCodec
    let challenges: ChallengeCodec
    let sealed: SealedChallengeCodec
    /// `nil` if the shop has no captcha provider.
    let provider: CaptchaProvider?
    let orders: OrderDerivation
    private let codecs: Derived<TokenCodec>
    var tokens: TokenCodec { self.codecs.current }
    let telemetry: Telemetry
    let meters: GateMeters
    /// Random for each process, so that nobody can choose names that meet in the table of limits.
    let hash: SipHash

    init(
        _ configuration: GateConfiguration, redis: GateRedis, verifier: IdentityVerifier, telemetry: Telemetry,
        provider: CaptchaProvider?
    ) {
        self.configuration = configuration
        self.redis = redis
        self.verifier = verifier
        self.telemetry = telemetry
        self.meters = GateMeters(telemetry)
        self.provider = provider
        let keys = GateKeys(secrets: configuration.gateKeys)
        self.sessions = SessionCodec(keys)
        self.tickets = EntryTicketCodec(keys)
        self.challenges = ChallengeCodec(keys)
        self.sealed = SealedChallengeCodec(keys)
        self.orders = OrderDerivation(keys)
        self.codecs = configuration.tokenSecrets.derive { TokenCodec(secrets: $0) }
        var random = SystemRandomNumberGenerator()
        self.hash = SipHash(key: (random.next(), random.next()))
    }

    /// Applies a version of the configuration, with the rules that this gate's region has.
    func apply(_ push: ConfigPush, _ whole: SaleConfig) {
        let config = whole.seen(byGatesOf: self.configuration.region)
        let sales = config.sales.filter { $0.state != .draft && $0.state != .settled }
        self.setting.withLockedValue { setting in
            guard push.version > setting.version else { return }
            setting.version = push.version
            setting.config = config
            setting.sales = Dictionary(
                sales.flatMap { sale in sale.lots.map { ($0.id, sale) } }, uniquingKeysWith: { first, _ in first })
        }
        self.machine.withLockedValue { $0.configure(sales.flatMap { GateLot.lots(of: $0) }) }
    }

    /// Takes in what the center tells.
    func hear(_ directives: GateDirectives) {
        self.machine.withLockedValue { machine in
            for lot in directives.lots { machine.hear(lot.line, band: lot.band, of: lot.lot) }
        }
        let seeds = directives.seeds.compactMapValues { DrawSeed($0) }
        self.setting.withLockedValue { $0.seeds.merge(seeds) { $1 } }
    }

    // MARK: who asks

    /// Makes a session of the shop's proof of identity.
    func openSession(
        _ proof: UnsafeRawBufferPointer, from address: NetworkAddress, now: Instant
    ) throws(Problem) -> SessionDocument {
        let key = self.hash.hash(address.limited)
        let refusal = self.machine.withLockedValue {
            $0.judgeSession(address: key, now: now, steady: SystemClock.monotonic())
        }
        if let refusal { throw self.refused(refusal) }
        let identity: VerifiedIdentity
        do { identity = try self.verifier.verify(proof, now: now) } catch { throw Problem(error) }
        let expiresAt = min(
            now.advanced(milliseconds: self.configuration.sessionMilliseconds),
            max(identity.expiresAt, now.advanced(milliseconds: 1_000)))
        let session = Session(
            id: UInt64.random(in: 1...UInt64.max), claims: identity.claims, issuedAt: now, expiresAt: expiresAt)
        self.count("session")
        return SessionDocument(session: self.sessions.seal(session), buyer: session.buyer, expiresAt: expiresAt)
    }

    func asker(
        _ session: UnsafeRawBufferPointer, from address: NetworkAddress, now: Instant
    ) throws(Problem) -> Asker {
        do throws(SealError) {
            let session = try self.sessions.open(session, now: now)
            return Asker(
                session: session,
                caller: GateMachine.Caller(claims: session.claims, address: address, session: session.id),
                keys: (self.hash.hash(session.buyer), self.hash.hash(address.limited)))
        } catch {
            throw Problem(session: error)
        }
    }

    func unknownLot(_ lot: LotID) -> Problem {
        Problem(status: 404, code: "unknown_lot", detail: "lot \(lot) is in no sale that is announced here")
    }

    /// Counts an outcome, by name.
    func count(_ outcome: String, by amount: Int = 1) {
        self.meters.count(outcome, by: amount)
    }

    func refused(_ refusal: GateRefusal) -> Problem {
        self.count(refusal.code)
        return Problem(refusal)
    }
}

extension GateLot {
    /// The lots of an announced sale.
    static func lots(of sale: SaleConfig.Sale) -> [GateLot] {
        let terms = sale.gateTerms
        let phase: GateLot.Phase =
            switch sale.state {
            case .draft, .warming: .waiting
            case .open: .open
            case .paused: .paused
            case .closed, .settled: .ended
            }
        let blocked = Set(sale.blocked ?? [])
        return sale.lots.map { lot in
            GateLot(
                id: lot.id, sale: sale.id, policy: lot.policy, phase: phase,
                opensAt: Instant(milliseconds: sale.startsAtMilliseconds),
                closesAt: Instant(milliseconds: sale.endsAtMilliseconds), userRate: terms.userRate,
                addressRate: terms.addressRate, sessionRate: terms.sessionRate, lotRate: terms.lotRate,
                rules: terms.rules,
                wantsChallenge: terms.challenge != .none, kinds: terms.kinds,
                minimumAnswerMilliseconds: Int64(terms.minimumAnswerMilliseconds),
                tokenMilliseconds: 1_000 * Int64(terms.tokenSeconds), blocked: blocked)
        }
    }
}
