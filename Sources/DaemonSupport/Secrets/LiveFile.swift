import Foundation
import NIOConcurrencyHelpers

/// A value that comes from a file, and is read again when the file changes. A file that cannot be used never takes the place
/// of one that can. It may be missing at the start.
package final class LiveFile<Value: Sendable>: Sendable {
    package enum Look: Sendable {
        case unchanged
        case replaced(Value)
        /// What is in the file now is not used. Told once for each change of it.
        case refused(String)
    }

    private struct State {
        var value: Value?
        /// The file that was read last.
        var read: FileState
        /// A changed file, as it was at the last look.
        var changed: FileState?
        var refusal: String?
    }

    private let path: String
    private let bytes: Int
    private let parse: @Sendable (String) -> Result<Value, StartError>
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - bytes: Of the longest file.
    ///   - parse: Whether a text can be used, and why not.
    /// - Throws: ``StartError`` if there is a file that cannot be used.
    package init(
        path: String, bytes: Int, parse: @escaping @Sendable (String) -> Result<Value, StartError>
    ) throws(StartError) {
        (self.path, self.bytes, self.parse) = (path, bytes, parse)
        let found = FileState.of(path)
        let value = found == .missing ? nil : try Self.load(path, bytes, parse).get()
        self.state = NIOLockedValueBox(State(value: value, read: found))
    }

    /// `nil` as long as there was no file.
    package var current: Value? { self.state.withLockedValue { $0.value } }

    /// Why what is in the file is not used; `nil` if it is.
    package var refusal: String? { self.state.withLockedValue { $0.refusal } }

    /// Reads the file if it has changed, and has not changed since the last look: it may be in the middle of being written.
    package func look() -> Look {
        let found = FileState.of(self.path)
        let isSettled = self.state.withLockedValue { state in
            if found == state.read {
                state.changed = nil
                return false
            }
            defer { state.changed = found }
            return state.changed == found
        }
        guard isSettled else { return .unchanged }
        let result = Self.load(self.path, self.bytes, self.parse)
        return self.state.withLockedValue { state in
            (state.read, state.changed) = (found, nil)
            switch result {
            case .success(let value):
                (state.value, state.refusal) = (value, nil)
                return .replaced(value)
            case .failure(let error):
                state.refusal = error.description
                return .refused(error.description)
            }
        }
    }

    private static func load(
        _ path: String, _ bytes: Int, _ parse: (String) -> Result<Value, StartError>
    ) -> Result<Value, StartError> {
        guard let file = FileHandle(forReadingAtPath: path), let data = try? file.read(upToCount: bytes + 1) else {
            // An empty file has no bytes to read, and is a text all the same.
            guard FileManager.default.contents(atPath: path)?.isEmpty == true else {
                return .failure(StartError("\(path) cannot be read"))
            }
            return parse("")
        }
        return parse(String(decoding: data, as: UTF8.self))
    }
}
