import Foundation
package import TrancheCore

/// The JSON coding of all processes.
package enum JSON {
    package static func encode(_ value: some Encodable, pretty: Bool = false) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
        // Only the project's own value types are encoded, and their encoding cannot fail.
        return Array((try? encoder.encode(value)) ?? Data("{}".utf8))
    }

    /// - Throws: ``Problem`` with code `invalid_json`, or `invalid_message` for a value beyond its limit.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Sequence<UInt8>) throws(Problem)
        -> Value
    {
        let data = Data(bytes)
        let value: Value
        do {
            if let fault = self.fault(in: data) { throw fault }
            value = try JSONDecoder().decode(type, from: data)
        } catch {
            throw Problem(status: 400, code: "invalid_json", detail: self.reason(error))
        }
        try (value as? any LimitedMessage)?.checkLimits()
        return value
    }

    /// Not generic and never inlined: the optimiser of this compiler crashes on the throwing closure in a generic
    /// function.
    @inline(never) private static func fault(in data: Data) -> JSONGrammar.Fault? {
        data.withUnsafeBytes { bytes in
            do throws(JSONGrammar.Fault) {
                try JSONGrammar.check(bytes)
                return nil
            } catch { return error }
        }
    }

    private static func reason(_ error: any Error) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.isEmpty ? "the body" : context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        if let fault = error as? JSONGrammar.Fault { return fault.detail }
        switch error as? DecodingError {
        case .keyNotFound(let key, let context): return "\(path(context)): \"\(key.stringValue)\" is missing"
        case .typeMismatch(let type, let context): return "\(path(context)): expected \(type)"
        case .valueNotFound(let type, let context): return "\(path(context)): expected \(type), found null"
        case .dataCorrupted(let context): return "\(path(context)): \(context.debugDescription)"
        default: return "not JSON"
        }
    }

    /// A time as ISO 8601 text in UTC.
    package static func text(_ instant: Instant) -> String {
        Date(timeIntervalSince1970: Double(instant.microseconds) / 1e6).ISO8601Format(
            .init(includingFractionalSeconds: true))
    }
}
