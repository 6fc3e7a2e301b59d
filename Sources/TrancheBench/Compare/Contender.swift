import LoadGenerator

/// The kind of requests in a run.
enum Workload: String, Codable, CaseIterable {
    /// Buy requests that succeed, each of another buyer.
    case orders
    /// Buy requests for a lot that is sold out.
    case refusals
    /// Requests for the state of an order.
    case statuses
}

/// A server that can be measured. It is newly started for each run, so that no run starts with the data of another one.
protocol Contender: AnyObject, Sendable {
    var name: String { get }
    /// What is on disk when the buyer gets the answer.
    var durability: String { get }
    var settings: String { get }
    var port: Int { get }
    func start() async throws
    func stop() async
    /// The requests of a run; for `orders`, each call has different buyers.
    func tape(_ workload: Workload, count: Int) async throws -> RequestTape
    /// The processes of the server; their children are counted with them.
    var processes: [Int32] { get }
}
