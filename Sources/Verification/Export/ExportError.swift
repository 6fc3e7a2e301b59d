package import Storage

/// Why an export could not be made or read. Nothing was left under the export's name.
package enum ExportError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownSale(String)
    /// Something has the name of the export, or of one that was not finished.
    case exists(path: String)
    case key(path: String, detail: String)
    /// The postings and another count of the same files do not agree.
    case differs([String])
    /// An invariant of the sale is broken.
    case broken([String])
    case storage(StorageError)
    case io(path: String, detail: String)

    package var description: String {
        switch self {
        case .unknownSale(let sale): "the configuration has no sale \"\(sale.prefix(64))\""
        case .exists(let path):
            "\(path) exists: an export never replaces another one; move it away, or give another name"
        case .key(let path, let detail): "\(path): \(detail)"
        case .differs(let findings):
            "the postings do not agree with another count; if processes run, repeat it:\n  "
                + findings.joined(separator: "\n  ")
        case .broken(let findings):
            "`tranche verify` finds a broken invariant, and a final export needs all of them:\n  "
                + findings.joined(separator: "\n  ")
        case .storage(let error): error.description
        case .io(let path, let detail): "\(path): \(detail)"
        }
    }

    init(_ error: any Error, path: String) {
        switch error {
        case let known as ExportError: self = known
        case let known as StorageError: self = .storage(known)
        default: self = .io(path: path, detail: "\(error)")
        }
    }
}
