package import Foundation
import NIOConcurrencyHelpers
import TrancheCore

/// The secrets of one kind that this process has. They change while it runs: their file is read again when it changes, and
/// each of them begins and ends when the list says so. A file that cannot be used never takes the place of one that can.
package final class LiveSecret: Sendable {
    /// What a file has in it; `nil` if it cannot be read.
    package typealias Contents = @Sendable (String) -> Data?
    /// Whether a text is a list that this process can use, and why not.
    typealias Reading = @Sendable (String) -> Result<DatedSecrets, StartError>

    package enum Look: Hashable, Sendable {
        case unchanged
        case replaced
        /// What is in the file now is not used. Told once for each change of it, or of the reason.
        case refused(String)
    }

    private struct State {
        var list: DatedSecrets?
        /// What counts now; the first one is shown.
        var valid: [String]
        /// The last moment of the clock: what has ended stays at its end when the clock is set back.
        var latest: Instant
        /// The file that was read last; `nil` if it could not be read, and is tried again at each look.
        var read: FileState?
        /// A changed file, as it was at the last look.
        var changed: FileState?
        var refusal: String?
        /// The file that could not be read, as it was when that was told.
        var unreadable: FileState?
        var observers: [@Sendable ([String]) -> Void] = []
    }

    /// The name of the secret's variable, and of its file.
    package let variable: String
    private let path: String?
    private let contents: Contents
    private let parse: Reading
    private let clock: @Sendable () -> Instant
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - list: `nil` if there is none, because a certificate takes its place.
    ///   - path: The file to read again and again; `nil` if the secret comes from the environment.
    ///   - read: The file as it was before the list was read from it.
    init(
        _ variable: String, _ list: DatedSecrets?, path: String? = nil, read: FileState = .missing,
        clock: @escaping @Sendable () -> Instant = SystemClock.now,
        contents: @escaping Contents = { FileManager.default.contents(atPath: $0) }, parse: @escaping Reading
    ) {
        (self.variable, self.path, self.contents, self.parse) = (variable, path, contents, parse)
        self.clock = clock
        let now = clock()
        self.state = NIOLockedValueBox(
            State(list: list, valid: list?.valid(at: now) ?? [], latest: now, read: read))
    }

    /// What is accepted, and first of it what is shown; empty if a certificate takes its place.
    package var accepted: [String] { self.state.withLockedValue { $0.valid } }

    /// What is shown to others; empty if there is none.
    package var shown: String { self.state.withLockedValue { $0.valid.first ?? "" } }

    /// Why what is in the file is not used; `nil` if it is.
    package var refusal: String? { self.state.withLockedValue { $0.refusal } }

    /// Something that is made of these secrets, and made anew when they change.
    package func derive<Value: Sendable>(_ make: @escaping @Sendable ([String]) -> Value) -> Derived<Value> {
        self.state.withLockedValue { state in
            let derived = Derived(make(state.valid))
            state.observers.append { derived.replace(make($0)) }
            return derived
        }
    }

    /// Reads the file if it has changed, and has not changed since the last look: it may be in the middle of being
    /// written. Then lets begin and end what begins and ends by now.
    package func look() -> Look {
        let found = self.path.map(FileState.of) ?? .missing
        let isSettled = self.state.withLockedValue { state in
            if found == state.read {
                state.changed = nil
                return false
            }
            defer { state.changed = found }
            return state.changed == found
        }
        let data = isSettled ? self.path.map { self.contents($0) } : nil
        let result = data.map { $0.map { self.parse(String(decoding: $0, as: UTF8.self)) } }
        return self.state.withLockedValue { state in
            let look = result.map { self.use($0, of: found, &state) } ?? .unchanged
            state.latest = max(state.latest, self.clock())
            let valid = state.list?.valid(at: state.latest) ?? []
            if valid != state.valid {
                state.valid = valid
                for observer in state.observers { observer(valid) }
            }
            return look
        }
    }

    /// - Parameter result: `nil` if the file could not be read. Its owner or a shortage may be the cause: it is tried again,
    ///   because a good file would otherwise be ignored until somebody writes it once more.
    private func use(_ result: Result<DatedSecrets, StartError>?, of found: FileState, _ state: inout State) -> Look {
        guard let result else {
            let reason = "\(self.path ?? self.variable) cannot be read"
            let isTold = state.unreadable == found && state.refusal == reason
            (state.read, state.changed, state.unreadable, state.refusal) = (nil, found, found, reason)
            return isTold ? .unchanged : .refused(reason)
        }
        (state.read, state.changed, state.unreadable) = (found, nil, nil)
        switch result {
        case .success(let list):
            (state.list, state.refusal) = (list, nil)
            return .replaced
        case .failure(let error):
            state.refusal = error.description
            return .refused(error.description)
        }
    }
}

/// A value that is replaced while others use it.
package final class Derived<Value: Sendable>: Sendable {
    private let value: NIOLockedValueBox<Value>

    package init(_ value: Value) { self.value = NIOLockedValueBox(value) }

    package var current: Value { self.value.withLockedValue { $0 } }

    fileprivate func replace(_ value: Value) { self.value.withLockedValue { $0 = value } }
}
