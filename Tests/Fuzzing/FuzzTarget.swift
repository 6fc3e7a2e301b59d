/// The targets. A target traps when a check fails, and the fuzzer reports the trap.
enum FuzzTarget: String, CaseIterable {
    case token, gate, order, config, wire, stored, center, coordinator, unit, contest, differential, proxy

    func run(_ bytes: [UInt8]) {
        switch self {
        case .token: TokenTarget.run(bytes)
        case .gate: GateTarget.run(bytes)
        case .order: OrderTarget.run(bytes)
        case .config: ConfigTarget.run(bytes)
        case .wire: WireTarget.run(bytes)
        case .stored: StoredTarget.run(bytes)
        case .center: CenterTarget.run(bytes)
        case .coordinator: CoordinatorTarget.run(bytes)
        case .unit: UnitTarget.center(bytes)
        case .contest: UnitTarget.coordinator(bytes)
        case .differential: DifferentialTarget.run(bytes)
        case .proxy: ProxyTarget.run(bytes)
        }
    }

    /// Inputs of every kind that the target knows, to start from.
    var seeds: [[UInt8]] {
        switch self {
        case .token: TokenTarget.seeds
        case .gate: GateTarget.seeds
        case .order: OrderTarget.seeds
        case .config: ConfigTarget.seeds
        case .wire: WireTarget.seeds
        case .stored: StoredTarget.seeds
        case .center: CenterTarget.seeds
        case .coordinator: CoordinatorTarget.seeds
        case .unit, .contest: UnitTarget.seeds
        case .differential: DifferentialTarget.seeds
        case .proxy: ProxyTarget.seeds
        }
    }
}
