import DaemonSupport
import TrancheCore

/// Asks the payment provider of a unit about an order that nobody has: a clear no shows that address, secret and form are right.
enum ProviderProbe {
    static func read(_ values: DaemonConfiguration) async -> MachineReading.Provider {
        let settings: ProviderSettings
        do throws(StartError) {
            guard let found = try ProviderSettings.read(values) else { return .none }
            settings = found
        } catch { return .unusable(error.description) }
        let provider = HTTPPaymentProvider(settings)
        defer { provider.stop() }
        let order = OrderID(high: UInt64.random(in: 0...UInt64.max), low: UInt64.random(in: 0...UInt64.max))
        let began = SystemClock.monotonic()
        let (answer, reason) = await provider.query(order)
        let took = SystemClock.monotonic().microseconds - began.microseconds
        return switch answer {
        case .unpaid: .answers(roundTrip: took)
        case .paid: .unclear("it has a payment for an order that nobody has")
        case .unknown: .unclear(reason ?? "no reason")
        }
    }
}
