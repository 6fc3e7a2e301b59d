import Foundation
import SwiftASN1
import Terminal
import X509

/// A name under which other processes call a server: an IP address or a DNS name. curl compares it with the address that
/// it calls.
enum CertificateHost: Hashable {
    case address([UInt8])
    case name(String)

    init(_ text: String) throws {
        var (four, six) = (in_addr(), in6_addr())
        if inet_pton(AF_INET, text, &four) == 1 {
            self = .address(withUnsafeBytes(of: &four) { Array($0) })
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            self = .address(withUnsafeBytes(of: &six) { Array($0) })
        } else {
            let labels = text.split(separator: ".", omittingEmptySubsequences: false)
            let isName =
                (1...253).contains(text.utf8.count)
                && labels.allSatisfy { label in
                    (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                        && label.utf8.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
                }
            // A name whose last label is a number would be read as an address by some clients.
            guard isName, labels.last?.allSatisfy(\.isNumber) == false else {
                throw CommandError("--host \"\(text.prefix(100))\" is neither an IP address nor a DNS name")
            }
            self = .name(text)
        }
    }

    var generalName: GeneralName {
        switch self {
        case .address(let bytes): .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
        case .name(let name): .dnsName(name)
        }
    }
}

private func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
}
