import Foundation
import RedisClient
import TrancheCore

/// The thread that talks to Redis. While one call is under way, the machine gathers the next batch.
final class RedisWorker: @unchecked Sendable {  // The connection is used by its thread only; the mailbox is safe.
    enum Work { case call(LotCall), prime(LotPrime), survey }

    private let mailbox = Mailbox<Work>()  // Bounded: one call per lot, and one survey.
    private let redis: LotRedis
    private let intake: Intake

    init(_ redis: LotRedis, intake: Intake) {
        self.redis = redis
        self.intake = intake
        let thread = Thread { [self] in self.run() }
        thread.name = "redis"
        thread.start()
    }

    func post(_ work: Work) { self.mailbox.post(work) }

    func stop() { self.mailbox.close() }

    private func run() {
        while true {
            let works = self.mailbox.takeAll()
            if works.isEmpty { return }
            for work in works {
                switch work {
                case .call(let call):
                    self.intake.post(.lotResult(lot: call.lot, fence: call.fence, self.redis.handle(call)))
                case .prime(let prime):
                    self.intake.post(.lotResult(lot: prime.lot, fence: prime.fence, self.redis.handle(prime)))
                case .survey: self.intake.post(.surveyed(self.redis.survey()))
                }
            }
        }
    }
}
