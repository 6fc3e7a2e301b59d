import Foundation

extension WorkAnswer: Codable {
    private enum Key: String, CodingKey { case challenge, solution }

    /// Reads an object, or a string with the base64 of its JSON: ALTCHA's own widget sends the latter.
    package init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            func corrupted(_ reason: String) -> DecodingError {
                .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: reason))
            }
            // Base64 has four characters for three bytes.
            guard text.utf8.count <= Self.byteLimit * 4 / 3 + 4 else {
                throw corrupted("the solution is longer than \(Self.byteLimit) bytes")
            }
            guard let data = Data(base64Encoded: text) else { throw corrupted("the solution is not base64") }
            // Without this check a string in a string in a string would be read, too.
            guard data.first == UInt8(ascii: "{") else { throw corrupted("the solution is not a JSON object") }
            do { self = try JSON.decode(Self.self, from: data) } catch { throw corrupted(error.detail) }
            return
        }
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            challenge: try container.decode(Challenge.self, forKey: .challenge),
            solution: try container.decode(Solution.self, forKey: .solution))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(self.challenge, forKey: .challenge)
        try container.encode(self.solution, forKey: .solution)
    }
}
