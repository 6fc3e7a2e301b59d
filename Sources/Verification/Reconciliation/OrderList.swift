import Foundation
import TrancheAPI
import TrancheCore

/// A list of orders that a shop, or its payment provider, keeps: CSV, or one JSON object in each line.
enum OrderList {
    /// The longest line.
    static let lineBytes = 4_096

    private struct Line: Decodable {
        let order: String
        let state: String
        let amount: Int?
        let payment: String?
    }

    /// Calls `body` for each line, in order.
    ///
    /// - Throws: ``ReconciliationError`` with the file and the line that cannot be read.
    static func read(_ path: String, _ body: (ListedOrder) -> Void) throws(ReconciliationError) {
        let isTable = path.hasSuffix(".csv")
        guard isTable || path.hasSuffix(".jsonl") else {
            throw .file(path: path, detail: "its name ends neither with .csv nor with .jsonl")
        }
        guard var lines = FileLines(path) else { throw .file(path: path, detail: "it cannot be read") }
        var table: ListedOrderTable?
        var number = 0
        while let line = try self.next(&lines, of: path) {
            number += 1
            guard line.count <= self.lineBytes else {
                throw .line(
                    path: path, number: number,
                    detail: "it has \(line.count) bytes, and \(self.lineBytes) are the limit")
            }
            if line.isEmpty || line == [UInt8(ascii: "\r")] { continue }
            do {
                if !isTable {
                    body(try self.row(line))
                } else if let table {
                    body(try table.row(String(decoding: line, as: UTF8.self)))
                } else {
                    table = try ListedOrderTable(title: String(decoding: line, as: UTF8.self))
                }
            } catch let problem as Problem {
                throw .line(path: path, number: number, detail: problem.detail)
            } catch { throw .line(path: path, number: number, detail: "\(error)") }
        }
        if isTable, table == nil { throw .file(path: path, detail: "it has no title") }
    }

    private static func next(_ lines: inout FileLines, of path: String) throws(ReconciliationError) -> [UInt8]? {
        do { return try lines.next() } catch { throw .file(path: path, detail: error.localizedDescription) }
    }

    private static func row(_ line: [UInt8]) throws -> ListedOrder {
        let line = try JSON.decode(Line.self, from: line)
        return try ListedOrder(
            order: line.order, state: line.state, amount: line.amount.map { String($0) }, payment: line.payment)
    }
}
