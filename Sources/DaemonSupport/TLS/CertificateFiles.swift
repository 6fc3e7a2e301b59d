import Foundation
import NIOConcurrencyHelpers
import TrancheCore

/// The certificate of this process, read again when its files change. A file that cannot be used never takes the place of
/// one that can.
package final class CertificateFiles: Sendable {
    package enum Look: Hashable, Sendable {
        case unchanged
        case replaced
        /// The files on disk are worse than what is in use. Told once for each change of them, or of the reason.
        case refused(String)
    }

    private struct State {
        var pieces: CertificatePieces
        /// The files that are in use.
        var read: [FileState]
        /// Changed files, as they were at the last look.
        var changed: [FileState]?
        /// The files that were refused, as they were when that was told.
        var refused: [FileState]?
        var refusal: String?
    }
    private let files: TransportConfiguration.Files
    private let state: NIOLockedValueBox<State>
    private let clock: @Sendable () -> Int64

    /// - Parameter clock: Seconds since 1970.
    package init(
        _ files: TransportConfiguration.Files, clock: @escaping @Sendable () -> Int64 = { Int64(time(nil)) }
    ) throws(StartError) {
        self.files = files
        self.clock = clock
        let read = Self.states(of: files)
        self.state = NIOLockedValueBox(State(pieces: try CertificatePieces(files, now: clock()), read: read))
    }

    package var current: CertificatePieces { self.state.withLockedValue { $0.pieces } }

    package var secondsLeft: Int64 { self.current.notAfter - self.clock() }

    /// Why the files on disk are not used; `nil` if they are.
    package var refusal: String? { self.state.withLockedValue { $0.refusal } }

    /// Looks whether the files have changed, and reads them when they have not changed since the last look: certificate
    /// and key are two files, and the moment between their replacements is no error. Files that were refused are tried again
    /// at each look: the cause may be their owner, a shortage, or a clock.
    package func look() -> Look {
        let found = Self.states(of: self.files)
        let isSettled = self.state.withLockedValue { state in
            if found == state.read {
                (state.changed, state.refused, state.refusal) = (nil, nil, nil)
                return false
            }
            defer { state.changed = found }
            return state.changed == found
        }
        guard isSettled else { return .unchanged }
        let result: Result<CertificatePieces, StartError>
        do throws(StartError) { result = .success(try self.load()) } catch { result = .failure(error) }
        return self.state.withLockedValue { state in
            switch result {
            case .success(let pieces):
                (state.pieces, state.read, state.changed) = (pieces, found, nil)
                (state.refused, state.refusal) = (nil, nil)
                return .replaced
            case .failure(let error):
                let reason = error.description
                let isTold = state.refused == found && state.refusal.map(Self.words) == Self.words(reason)
                (state.refused, state.refusal) = (found, reason)
                return isTold ? .unchanged : .refused(reason)
            }
        }
    }

    /// A reason without its figures, which may be seconds that go on.
    private static func words(_ reason: String) -> String { reason.filter { !$0.isNumber } }

    private static func states(of files: TransportConfiguration.Files) -> [FileState] {
        [files.certificate, files.key, files.authority].map(FileState.of)
    }

    private func load() throws(StartError) -> CertificatePieces {
        let pieces = try CertificatePieces(self.files, now: self.clock())
        let name = self.current.name
        guard pieces.name == name else {
            throw StartError("\(self.files.certificate) cannot be used: it names \(pieces.name), and this is \(name)")
        }
        return pieces
    }
}
