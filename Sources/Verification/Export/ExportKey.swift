import Crypto
import Foundation
import TrancheCore

/// The key that signs exports (Ed25519, RFC 8032): a signature repeats byte for byte.
package struct ExportKey {
    private let key: Curve25519.Signing.PrivateKey

    /// - Parameter path: A file with 64 hexadecimal digits that only its owner can read.
    package init(file path: String) throws(ExportError) {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let mode = attributes?[.posixPermissions] as? Int else {
            throw .key(path: path, detail: "there is no such file; make one with `tranche credential new`")
        }
        guard mode & 0o077 == 0 else {
            throw .key(path: path, detail: "others may read it (mode \(String(mode, radix: 8))): `chmod 600` it")
        }
        let bytes = try ExportBytesText.read(path, count: 32)
        do { self.key = try Curve25519.Signing.PrivateKey(rawRepresentation: bytes) } catch {
            throw .key(path: path, detail: "it is no key: \(error)")
        }
    }

    /// For those who check: 64 hexadecimal digits.
    package var publicText: String { ExportBytesText.text(self.key.publicKey.rawRepresentation) }

    func signature(of bytes: [UInt8]) throws(ExportError) -> String {
        do { return ExportBytesText.text(try self.key.signature(for: bytes)) } catch {
            throw .key(path: "the key", detail: "it cannot sign: \(error)")
        }
    }
}

/// The key that checks exports. It comes from the operator: the one that is named in an export proves nothing.
package struct ExportPublicKey {
    private let key: Curve25519.Signing.PublicKey

    /// - Parameter text: 64 hexadecimal digits, or the path of a file with them.
    package init(_ text: String) throws(ExportError) {
        let isFile = FileManager.default.fileExists(atPath: text)
        let bytes = isFile ? try ExportBytesText.read(text, count: 32) : ExportBytesText.bytes(text) ?? []
        guard bytes.count == 32 else {
            throw .key(path: "\"\(text.prefix(80))\"", detail: "it is neither a file nor 64 hexadecimal digits")
        }
        do { self.key = try Curve25519.Signing.PublicKey(rawRepresentation: bytes) } catch {
            throw .key(path: text, detail: "it is no public key: \(error)")
        }
    }

    func isSignature(_ text: String, of bytes: [UInt8]) -> Bool {
        guard let signature = ExportBytesText.bytes(text), signature.count == 64 else { return false }
        return self.key.isValidSignature(signature, for: bytes)
    }
}

/// Bytes as hexadecimal digits.
enum ExportBytesText {
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        bytes.reduce(into: "") { text, byte in
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }

    static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        let digits = text.utf8.map { Hex.value($0) }
        guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0]! << 4 | digits[$0 + 1]!) }
    }

    static func read(_ path: String, count: Int) throws(ExportError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .key(path: path, detail: "it cannot be read")
        }
        let text = String(decoding: data.prefix(1_024), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        guard let bytes = self.bytes(text), bytes.count == count else {
            throw .key(path: path, detail: "it has to have \(2 * count) hexadecimal digits, and nothing else")
        }
        return bytes
    }
}
