import Foundation
import TrancheCore

/// What an export has, and from where. It names no moment, so the same facts give the same bytes.
struct ExportManifest: Codable, Equatable {
    struct File: Codable, Equatable {
        /// Below the export's folder.
        let name: String
        let bytes: Int
        let lines: Int
        let sha256: String
    }
    struct Lot: Codable, Equatable {
        let lot: UInt32
        let name: String
    }
    struct Unit: Codable, Equatable {
        let unit: UInt16
        let name: String
        /// The last commit with a posting of the sale, and its digest in the ledger's hash chain.
        let position: UInt64
        let digest: String
    }

    static let name = "manifest.json"
    static let signatureName = "manifest.sig"
    static let form = "tranche-sale-export-1"

    let form: String
    let sale: String
    let state: String
    /// Whether the sale is settled. A preliminary export is compared with nothing: its files change while they are read.
    let isFinal: Bool
    /// Other counts of the same files, with which the totals agree.
    let comparedWith: [String]
    let lots: [Lot]
    let units: [Unit]
    let postings: Int
    let files: [File]
    let publicKey: String
}
