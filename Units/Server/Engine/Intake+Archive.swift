import DaemonSupport
import Storage
import TrancheAPI
import TrancheCore

// Answers about orders that have left memory. Outside of the intake's lock: a look-up reads a file.

extension Intake {
    /// An order of a settled lot, by its id.
    ///
    /// - Parameter lot: `nil` if it is not known.
    func archived(_ id: OrderID, lot: LotID?) -> Result<Order, Refusal> {
        switch self.archive.order(id, lot: lot, second: SystemClock.monotonic().microseconds / 1_000_000) {
        case .order(let stored): .success(stored.order)
        case .unknown: .failure(.unknownOrder(id))
        case .overloaded: .failure(.overloaded(limit: OrderArchive.lookupsPerSecond))
        case .unreadable: .failure(.recovering)
        }
    }

    /// A request that memory refuses may have made an order before: it gets the same answer for ever (I5).
    func recalled(
        _ result: Result<Submission, TokenError>, _ id: OrderID, lot: LotID?
    ) -> Result<Submission, TokenError> {
        switch result {
        case .success(.answered(.refused(.ended))), .success(.answered(.refused(.unknownLot))),
            .success(.answered(.refused(.unknownOrder))), .failure:
            break
        case .success: return result
        }
        guard lot.map(self.archive.has) ?? !self.archive.isEmpty else { return result }
        switch self.archived(id, lot: lot) {
        case .success(let order): return .success(.answered(Answer(order)))
        case .failure(.unknownOrder): return result
        case .failure(let refusal): return .success(.answered(.refused(refusal)))
        }
    }
}
