import Crypto
package import TrancheCore

/// A version of the configuration, as it is sent to a unit and as the unit stores it.
package struct ConfigPush: Hashable, Sendable, Codable {
    package let version: Int
    package let epoch: Epoch
    /// SHA-256 of `content`, in hexadecimal digits.
    package let checksum: String
    /// The ``SaleConfig`` as JSON text: exactly the bytes that the checksum covers.
    package let content: String

    package init(version: Int, epoch: Epoch, content: String) {
        self.version = version
        self.epoch = epoch
        self.content = content
        self.checksum = Self.checksum(of: content)
    }

    package static func checksum(of content: String) -> String {
        SHA256.hash(data: Array(content.utf8)).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }

    /// The document, if the checksum holds and every value is within its limits.
    package func validated() throws(Problem) -> SaleConfig {
        guard self.version > 0 else { throw .invalidConfig("version \(self.version) is not positive") }
        guard Self.checksum(of: self.content) == self.checksum else {
            throw .invalidConfig("the checksum \(self.checksum) does not match the content")
        }
        let config = try JSON.decode(SaleConfig.self, from: self.content.utf8)
        try config.validate()
        return config
    }
}
