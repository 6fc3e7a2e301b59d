import ArgumentParser
import Clusters
import Foundation
import Terminal
import TrancheCore
import Verification

extension SaleCommand {
    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a sale's double-entry export from its files, signed; or check one with --check.",
            discussion: """
                Reads the data folder of a stopped or running cluster. Before the settlement the export is preliminary. \
                docs/settlement.md says what is in it. Exit code 2 if counts do not agree, or a check finds something; \
                with the sale's id, also if the export is of another sale.

                  tranche credential new > export.key && chmod 600 export.key
                  tranche sale export drop --to drop-export --signing-key export.key
                  tranche sale export drop --check drop-export --public-key DIGITS
                """)
        @OptionGroup var common: CommonOptions
        @OptionGroup var place: AuthorityOptions
        @Argument(help: "The sale's id.") var sale: String?
        @Option(help: "The new folder of the export.") var to: String?
        @Option(help: "The file of the key that signs: 64 hexadecimal digits, readable by its owner only.")
        var signingKey: String?
        @Flag(help: "Leave out the comparison with `verify`, which has all orders in memory.")
        var withoutVerify = false
        @Option(help: "Check the export in this folder, and write none.") var check: String?
        @Option(help: "For --check: the public key that `sale export` has printed, or a file with it.")
        var publicKey: String?
        @Flag(help: "For --check: accept an export from before the settlement.") var preliminary = false

        func validate() throws {
            if self.check != nil {
                guard self.to == nil, self.signingKey == nil, !self.withoutVerify else {
                    throw ValidationError("--check writes nothing: it takes no --to, --signing-key or --without-verify")
                }
                guard self.publicKey != nil else {
                    throw ValidationError("--check needs --public-key: the key in an export proves nothing")
                }
            } else {
                guard !self.preliminary else { throw ValidationError("--preliminary is for --check only") }
                guard self.sale != nil, self.to != nil, self.signingKey != nil, self.publicKey == nil else {
                    throw ValidationError("an export needs the sale's id, --to and --signing-key")
                }
            }
        }

        func run() async throws {
            if let check, let publicKey { return try self.check(check, publicKey) }
            guard let sale, let to, let signingKey else { return }
            let key = try ExportKey(file: signingKey)
            let export = try SaleExport(
                folder: self.common.folder.path, authority: try self.place.store(self.common), sale: sale,
                comparesWithVerify: !self.withoutVerify)
            do throws(ExportError) { self.show(try export.write(to: to, key: key), sale) } catch {
                switch error {
                case .differs, .broken:
                    FileHandle.standardError.write(Data("\(error)\n".utf8))
                    throw ExitCode(2)
                case .unknownSale, .exists, .key, .storage, .io: throw error
                }
            }
        }

        private func show(_ result: SaleExport.Result, _ sale: String) {
            if self.common.json { return Output.json(result) }
            Output.line(
                "\(Output.bold(sale)): \(Output.number(result.postings)) postings in \(result.folder)"
                    + (result.isFinal ? "" : Output.red(", preliminary: the sale is not settled")))
            let rows = result.lots.map { lot in
                ["lot \(lot.lot)"]
                    + [
                        lot.issued, lot.paid, lot.held, lot.owed, lot.settled, lot.unsold, lot.carried, lot.stranded,
                        lot.refundsDue,
                    ].map(Output.number)
            }
            for line in Output.table(
                ["", "issued", "paid", "held", "owed", "settled", "unsold", "carried", "stranded", "refunds due"], rows)
            { Output.line("  " + line) }
            Output.line("signed; public key \(result.publicKey)")
        }

        private func check(_ folder: String, _ publicKey: String) throws {
            let check = try ExportCheck(
                folder, publicKey: try ExportPublicKey(publicKey), sale: self.sale, allowsPreliminary: self.preliminary)
            if self.common.json { Output.json(check) } else { self.show(check, folder) }
            if !check.findings.isEmpty { throw ExitCode(2) }
        }

        private func show(_ check: ExportCheck, _ folder: String) {
            for finding in check.findings { Output.line(Output.red("\(finding)")) }
            Output.line(
                check.findings.isEmpty
                    ? Output.green(
                        "\(folder): sale \(check.sale), \(Output.number(check.postings)) postings, "
                            + (check.isFinal ? "final" : "preliminary")
                            + "; the signature, every byte and every sum are right")
                    : Output.red("\(folder) is not the export that it should be"))
        }
    }
}
