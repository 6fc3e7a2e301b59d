import Foundation
import RedisClient
import TestSupport
import Testing
import TrancheCore
import UnitServer

/// Calls with steps of several lots: a real Redis and the core's model must give the same answers, lot by lot.
@Suite("Steps of several lots in one call", .serialized) struct RedisJoinedStepsTests {
    typealias Dice = RedisDifferentialTests.Dice

    private static func head(_ position: Int) -> LedgerHead {
        LedgerHead(position: UInt64(position), digest: .init(high: .max, low: UInt64(position)))
    }

    private static func prime(
        _ lot: LotID, fence: UInt64, _ available: Int, owner: UInt64 = 1, _ mark: RedisMark? = nil
    )
        -> RedisPrime
    {
        RedisPrime(
            lot: lot, fence: fence, owner: owner, surveyed: mark, available: available, ledger: LedgerID(5),
            generation: Generation(2), witness: Self.head(1))
    }

    private static func admission(_ lot: LotID, _ number: UInt64) -> Admission {
        let request = BuyRequest(
            Purchase(
                order: OrderID(high: UInt64(lot.rawValue), low: number), buyer: BuyerID("b\(number)")!, lot: lot,
                quantity: 1, issuedAt: .distantPast), stamp: Stamp(rawValue: number), ticket: 0)
        return Admission(
            request: request,
            order: Order(
                id: request.order, buyer: request.buyer, lot: lot, quantity: 1, buyerLimit: 3,
                generation: Generation(1), stamp: request.stamp, deadline: .distantFuture))
    }

    /// A step that mostly follows what Redis has of the lot.
    private static func step(
        _ lot: LotID, of model: RedisModel, owner: UInt64, number: Int, _ dice: inout Dice
    ) -> RedisStep {
        var fence: UInt64 = model[lot]?.fence ?? 7
        var sequence: UInt64 = model[lot]?.sequence ?? 0
        var before: Int = model[lot]?.available ?? 3
        switch dice.roll(30) {
        case 0, 1: fence -= 1
        case 2: fence += 1
        case 3: sequence += 1
        case 4: before += 1
        default: break
        }
        return RedisStep(
            lot: lot, owner: owner, fence: fence, sequence: sequence, before: before, after: before + dice.roll(9) - 4,
            witness: Self.head(number),
            admitted: (0..<dice.roll(3)).map { Self.admission(lot, UInt64(number * 10 + $0)) })
    }

    @Test("random calls of two processes get the model's answer for each lot", arguments: 1...4 as ClosedRange<UInt64>)
    func scriptAndModelAgree(seed: UInt64) throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        let run = try server.run
        var (dice, model) = (Dice(state: seed), RedisModel())
        let lots = (1...6).map { LotID($0) }
        var mixtures: Set<Set<RedisResult>> = []
        for number in 1...400 {
            // The last lot is never primed.
            let primed = lots[dice.roll(5)]
            if dice.roll(8) == 0 || model[primed] == nil {
                let prime = Self.prime(
                    primed, fence: (model[primed]?.fence ?? 100) + UInt64(dice.roll(3)), dice.roll(30),
                    owner: UInt64(1 + (dice.roll(10) == 0 ? 1 : 0)), dice.roll(4) == 0 ? nil : model.mark)
                let expected = model.handle(prime, run: run)
                #expect(try calls.answer(prime) == expected)
            }
            let owner = dice.roll(20) == 0 ? 9 : model.mark?.owner ?? 1
            let chosen = lots.filter { _ in dice.roll(2) == 0 }
            guard !chosen.isEmpty else { continue }
            let steps = chosen.map { Self.step($0, of: model, owner: owner, number: number, &dice) }
            let call = JoinedSteps(steps[...])
            let expected = model.handle(call)
            #expect(try calls.answer(steps) == call.lotResults(expected))
            mixtures.insert(Set(expected))
            // The survey counts the calls, and has the orders of every lot.
            if number.isMultiple(of: 10) { #expect(try calls.survey() == model.survey(run: run)) }
        }
        for mixture: Set<RedisResult> in [
            [.stepped, .lost], [.stepped, .superseded], [.stepped], [.lost, .superseded],
        ] {
            #expect(mixtures.contains(mixture), "no call had \(mixture)")
        }
    }

    @Test("the largest call takes a step of each of its lots, and counts as one")
    func largestCallIsTaken() throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        let lots = (1...Limits.lotsPerRedisCall).map { LotID(UInt32($0)) }
        for lot in lots { _ = try calls.answer(Self.prime(lot, fence: 5, 9)) }
        let before = try #require(try calls.survey()?.mark)
        let steps = lots.map {
            RedisStep(
                lot: $0, owner: 1, fence: 5, sequence: 0, before: 9, after: 8, witness: Self.head(2),
                admitted: [Self.admission($0, 1)])
        }
        #expect(try calls.answer(steps) == JoinedSteps(steps[...]).lotResults(.stepped))
        let survey = try #require(try calls.survey())
        #expect(survey.mark == RedisMark(owner: 1, steps: before.steps + 1))
        #expect(survey.witness == Self.head(2))
        #expect(survey.admitted == steps.flatMap { $0.admitted.map(\.request) })
    }

    @Test("a call that changes no lot stores nothing") func refusedCallStoresNothing() throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        for lot in [LotID(1), LotID(2)] { _ = try calls.answer(Self.prime(lot, fence: 5, 9)) }
        let survey = try calls.survey()
        let steps = [LotID(1), LotID(2), LotID(3)].map {
            RedisStep(lot: $0, owner: 1, fence: 5, sequence: 1, before: 9, after: 8, witness: Self.head(2))
        }
        #expect(try calls.answer(steps) == JoinedSteps(steps[...]).lotResults(.lost))
        #expect(try calls.survey() == survey)
    }

    @Test("a damaged lot is lost, and the others of its call go on") func damagedLotStopsNoOther() throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        let lots = [LotID(1), LotID(2), LotID(3)]
        for lot in lots { _ = try calls.answer(Self.prime(lot, fence: 5, 9)) }
        let connection = try RedisConnection(RedisConnection.Address(server.socket)!, timeoutMilliseconds: 1_000)
        for damage in ["", "x", "-1 0 9", "5", "99999999999999999999999 0 9"] {
            _ = try connection.ask("HSET", "tranche:{1}:witness", "2", damage)
            #expect(try calls.survey()?.newestFence == 5, "\(damage)")
            let steps = lots.map { lot in
                RedisStep(
                    lot: lot, owner: 1, fence: 5, sequence: 0, before: 9, after: 9, witness: Self.head(2))
            }
            #expect(try calls.answer(steps).map(\.result) == [.stepped, .lost, .stepped], "\(damage)")
            for lot in lots where lot != LotID(2) {
                _ = try connection.ask("HSET", "tranche:{1}:witness", lot.description, "5 0 9")
            }
        }
        let run = try server.run
        #expect(try calls.answer(Self.prime(LotID(2), fence: 6, 9)) == .primed(run))
    }

    @Test("in another process of Redis only the lots of a call that were primed there take their steps")
    func lotsOfAnotherProcessAreLost() throws {
        let server = try PrivateRedis()
        let calls = try EngineCalls(server)
        let lots = [LotID(1), LotID(2)]
        for lot in lots { _ = try calls.answer(Self.prime(lot, fence: 5, 9)) }
        func steps(_ fence: UInt64) -> [RedisStep] {
            lots.map {
                RedisStep(lot: $0, owner: 1, fence: fence, sequence: 0, before: 9, after: 8, witness: Self.head(2))
            }
        }
        server.kill()
        #expect(try calls.answer(steps(5)).map(\.result) == [.unreachable, .unreachable])
        try server.start()
        calls.pass(milliseconds: 1_500)
        #expect(try calls.answer(steps(5)).map(\.result) == [.lost, .lost])
        let run = try server.run
        #expect(try calls.answer(Self.prime(LotID(1), fence: 6, 9)) == .primed(run))
        // As a promoted replica may have it: Redis would take the step.
        let connection = try RedisConnection(RedisConnection.Address(server.socket)!, timeoutMilliseconds: 1_000)
        _ = try connection.ask("HSET", "tranche:{1}:witness", "2", "6 0 9")
        let results = try calls.answer(steps(6))
        #expect(Set(results.filter { $0.result == .lost }.map(\.lot)) == [LotID(2)])
        #expect(Set(results.filter { $0.result == .stepped }.map(\.lot)) == [LotID(1)])
    }
}
