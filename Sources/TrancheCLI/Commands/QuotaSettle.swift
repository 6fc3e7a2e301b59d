import ArgumentParser
import Clusters
import Storage
import Terminal
import TrancheAPI
import TrancheCore
import Verification

extension QuotaCommand {
    struct Settle: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Settle stranded quota: state how much of it was sold; the rest returns to the pool.",
            discussion: """
                Without --sold the command counts the sold items in the unit's folder: in its ledger, and in ledgers
                that were replaced by an older copy, if they are in the folder lost/. Settle when no order of the
                generation waits for payment any more. A later settlement can lower the count of sold items, but not
                raise it.
                """)
        @OptionGroup var common: CommonOptions
        @Option(help: "The lot's number.") var lot: UInt32 = 1
        @Option(help: "The unit, by name.") var unit: String
        @Option(help: "Generation of the unit's ledger, as `quota show` lists it.") var generation: UInt32
        @Option(help: "Items that were sold; counted from the unit's files if not given.") var sold: Int?
        func run() async throws {
            let client = try self.common.client()
            _ = try client.unit(self.unit)
            let sold = try self.sold ?? self.count()
            let body = SettleBody(
                lot: LotID(self.lot), unit: try client.unit(self.unit), generation: Generation(self.generation),
                sold: sold)
            self.common.show(try await client.call("POST", "/v1/quota/settle", body, as: QuotaState.self))
        }

        /// The count from the unit's files, if it is reliable.
        private func count() throws -> Int {
            let folder = self.common.folder.unit(self.unit)
            let count = try LostLedgers.count(
                unitFolder: folder, lot: LotID(self.lot), generation: Generation(self.generation))
            guard count.undecided == 0 else {
                throw CommandError(
                    "\(count.undecided) items of the generation wait for payment in the unit's ledger: settle when they are decided, or give --sold"
                )
            }
            if count.hasMovedOn {
                guard count.lostLedgers > 0 else {
                    throw CommandError(
                        "the ledger was replaced, and \(folder)/\(LostLedgers.folder) has no older one: give --sold"
                    )
                }
            } else {
                do { _ = try FolderLock(folder: folder) } catch {
                    throw CommandError("\(error): a ledger in use cannot be counted; stop the unit, or give --sold")
                }
            }
            return count.sold
        }
    }
}
