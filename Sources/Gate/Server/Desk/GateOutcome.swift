import Lanes
import TrancheAPI
import TrancheCore

/// The second part of a call, as both stacks answer it.
enum GateOutcome {
    case entry(EntryDocument, isNew: Bool)
    case token(TokenDocument)
    case refused(Problem, next: OfferedChallenge?)

    var status: Int {
        switch self {
        case .entry(_, let isNew): isNew ? 201 : 200
        case .token: 201
        case .refused(let problem, _): problem.status
        }
    }

    func write(into body: inout [UInt8]) {
        switch self {
        case .entry(let document, _): document.write(into: &body)
        case .token(let document): document.write(into: &body)
        case .refused(let problem, let next?): problem.write(with: next, into: &body)
        case .refused(let problem, nil): problem.encode(into: &body)
        }
    }
}

extension Gatehouse {
    func outcome(of asked: EntryAsked, _ reply: GateReply, now: Instant) -> GateOutcome {
        do throws(Problem) {
            let (document, isNew) = try self.enter(asked, reply, now: now)
            return .entry(document, isNew: isNew)
        } catch { return .refused(error, next: nil) }
    }

    func outcome(of asked: TokenAsked, _ reply: GateReply, now: Instant) -> GateOutcome {
        do throws(TokenRefusal) { return .token(try self.mint(asked, reply, now: now)) } catch {
            return .refused(error.problem, next: error.challenge)
        }
    }

    func write(_ outcome: GateOutcome, into answer: inout AnswerBytes) {
        switch outcome {
        case .refused(let problem, nil): answer.encode(problem)
        case .refused(let problem, let next?):
            answer.encode(json: "\(problem.status) \(problem.code)", type: "application/problem+json") {
                problem.write(with: next, into: &$0)
            }
        case .entry(_, let isNew): answer.encode(json: isNew ? "201 Created" : "200 OK") { outcome.write(into: &$0) }
        case .token: answer.encode(json: "201 Created") { outcome.write(into: &$0) }
        }
    }
}

extension AnswerBytes {
    /// Writes a document that no cache may keep.
    mutating func encode(json status: String, type: String = "application/json", _ body: (inout [UInt8]) -> Void) {
        self.body.removeAll(keepingCapacity: true)
        body(&self.body)
        self.encode { head in
            head.write("HTTP/1.1 ")
            head += status.utf8
            head.write("\r\nContent-Type: ")
            head += type.utf8
            head.write("\r\nCache-Control: no-store\r\n")
        }
    }
}
