import TrancheCore

// What the ledger refuses by itself, whatever the code above it decides: I2, and the limit of a buyer.

extension UnitLedger {
    func guardEntry(
        _ entry: LedgerEntry, _ generation: Generation, _ statements: Statements,
        _ sold: inout [LedgerReading.AccountKey: Int64]
    ) throws {
        try self.guardBuyer(entry, &self.buyers!)
        switch entry {
        case .granted(let lot, let total): try self.change(statements.granted, lot, generation, Int64(total))
        case .returned(let lot, let total): try self.change(statements.returned, lot, generation, Int64(total))
        case .reserved(let order): self.sell(order, &sold)
        case .allocated(let order):
            // The entry allocates the stock together with the order.
            try self.change(statements.allocated, order.lot, order.generation, Int64(order.quantity))
            if order.state == .reserved { self.sell(order, &sold) }
        case .released(let order, _):
            // Sales of the batch are written first: without them, a release of one of them would break the constraint
            // `cancelled <= sold`.
            let key = LedgerReading.AccountKey(lot: order.lot, generation: order.generation)
            if let quantity = sold.removeValue(forKey: key) {
                try self.change(statements.sold, key.lot, key.generation, quantity)
            }
            try self.change(statements.cancelled, order.lot, order.generation, Int64(order.quantity))
        case .opened, .generation, .confirmed, .refused, .refundDue, .nonce, .soldOut, .ceiling, .ceilingReset,
            .contended, .contested, .lost, .redis, .archived:
            break
        }
    }

    private func sell(_ order: Order, _ sold: inout [LedgerReading.AccountKey: Int64]) {
        sold[.init(lot: order.lot, generation: order.generation), default: 0] += Int64(order.quantity)
    }

    func guardBuyer(_ entry: LedgerEntry, _ buyers: inout BuyerGuard) throws {
        do throws(BuyerGuard.Violation) {
            switch entry {
            case .reserved(let order): try buyers.hold(order)
            case .allocated(let order) where order.state == .reserved: try buyers.hold(order)
            case .released(let order, _): try buyers.unhold(order)
            default: break
            }
        } catch {
            throw StorageError.constraint(
                path: self.path,
                detail: "buyer_limit: order \(error.order): the buyer holds \(error.held), \(error.limit) are allowed"
            )
        }
    }

    func change(_ statement: RawStatement, _ lot: LotID, _ generation: Generation, _ value: Int64) throws {
        statement.bind(1, value)
        statement.bind(2, Int64(lot.rawValue))
        statement.bind(3, Int64(generation.rawValue))
        try statement.run()
        // Each account is new once. An insertion before every change would cost as much as the change.
        guard statement.changedRows == 0 else { return }
        self.statements!.account.bind(1, Int64(lot.rawValue))
        self.statements!.account.bind(2, Int64(generation.rawValue))
        try self.statements!.account.run()
        try statement.run()
    }
}
