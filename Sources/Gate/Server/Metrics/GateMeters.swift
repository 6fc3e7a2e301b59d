import DaemonSupport
import TrancheCore

/// What a gate counts for every request: a closed set of series.
struct GateMeters: Sendable {
    /// The parts of a gate that a request passes, from the first one on.
    enum Layer: Int, CaseIterable, Sendable {
        /// The shop's proof of identity, for a session.
        case identity
        /// The session, lists, limits, rules, and the checks of tickets and answers.
        case rules
        /// What all gates know together.
        case redis
        /// The entry or the token itself.
        case token
    }
    /// The codes of ``GateRefusal``, and what is counted beside them.
    static let outcomes =
        [
            "session", "entry", "entry_again", "challenge", "token", "captcha_away", "foreign_form",
            "bad_identity", "bad_ticket", "not_admitted", "not_eligible", "blocked", "not_started", "paused", "ended",
            "entry_closed", "challenge_required", "challenge_failed", "challenge_spent", "too_early", "too_fast",
            "too_easy", "sold_out", "rate_limited", "session_limited", "overloaded", "recovering",
        ] + ["other"]
    private static let numbers = Dictionary(
        GateMeters.outcomes.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })

    private let answers: CounterFamily
    private let layers: HistogramFamily
    private let tallies: Tallies
    private let shared: Tally

    init(_ telemetry: Telemetry) {
        var families = Families()
        self.answers = families.counter(
            "tranche_gate_answers_total", "Answers of the gate, by outcome.", label: "outcome", values: Self.outcomes)
        self.layers = families.histogram(
            "tranche_gate_layer_duration_seconds", "Time in one layer of the gate.", label: "layer",
            values: Layer.allCases.map { "\($0)" })
        self.tallies = telemetry.add(families)
        self.shared = self.tallies.tally()
    }

    /// Outcomes that tell nothing of the rules.
    private static let unjudged: Set<String> = [
        "session", "entry", "entry_again", "challenge", "token", "captcha_away", "foreign_form", "other",
    ]

    /// What the process has answered since its start to those who want a token, for the center.
    var figures: PurchaseFigures {
        let counts = zip(Self.outcomes, self.tallies.counts(self.answers))
        let refused = counts.filter { $1 > 0 && !Self.unjudged.contains($0) }
        return PurchaseFigures(
            refused: Dictionary(refused.map { ($0, $1) }, uniquingKeysWith: +),
            tokens: counts.first { $0.0 == "token" }?.1 ?? 0)
    }

    /// For one more thread.
    func tally() -> GateTally { GateTally(tally: self.tallies.tally(), layers: self.layers) }

    func count(_ outcome: String, by amount: Int = 1) {
        self.shared.count(self.answers, Self.numbers[outcome] ?? Self.outcomes.count - 1, by: amount)
    }
}

/// One lane's durations of ``GateMeters``.
struct GateTally: Sendable {
    fileprivate let tally: Tally
    fileprivate let layers: HistogramFamily

    /// - Returns: The present moment, where the next layer begins.
    @discardableResult
    func passed(_ layer: GateMeters.Layer, since begin: Instant) -> Instant {
        let now = SystemClock.monotonic()
        self.tally.observe(
            self.layers, layer.rawValue, microseconds: now.microseconds - begin.microseconds)
        return now
    }
}
