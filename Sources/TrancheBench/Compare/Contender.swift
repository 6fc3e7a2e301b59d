import LoadGenerator

/// What a run asks for.
enum Workload: String, Codable, CaseIterable {
    /// A buy request that succeeds, each by another buyer.
    case orders
    /// A buy request for a lot that is sold out.
    case refusals
    /// How an order stands.
    case statuses
}

/// A server that can be measured: started anew for each run, so that none starts with another's leftovers.
protocol Contender: AnyObject, Sendable {
    var name: String { get }
    /// What is on disk when a buyer hears "yes".
    var durability: String { get }
    var settings: String { get }
    var port: Int { get }
    func start() async throws
    func stop() async
    /// The requests of a run; `orders` are made by different buyers in each call.
    func tape(_ workload: Workload, count: Int) async throws -> RequestTape
    /// Processes that do the work, with their children.
    var processes: [Int32] { get }
}
