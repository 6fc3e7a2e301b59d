import NIOConcurrencyHelpers
import TrancheAPI

/// What buyers showed on the way to their orders, and lost to others afterwards.
final class Loot: Sendable {
    struct Piece: Sendable {
        let buyer: String
        let session: String?
        let ticket: String?
        let answer: WorkAnswer?
        let token: String
        /// The index of the unit that sold.
        let unit: Int
    }

    /// The most pieces; later ones replace the oldest.
    static let limit = 64
    private let pieces = NIOLockedValueBox<(all: [Piece], next: Int)>(([], 0))

    func add(_ piece: Piece) {
        self.pieces.withLockedValue { pieces in
            if pieces.all.count < Self.limit { return pieces.all.append(piece) }
            pieces.all[pieces.next] = piece
            pieces.next = (pieces.next + 1) % Self.limit
        }
    }

    /// Something of a buyer with another name.
    func piece(not buyer: String) -> Piece? {
        self.pieces.withLockedValue { $0.all.filter { $0.buyer != buyer }.randomElement() }
    }
}
