import RedisClient
import Threads
import TrancheCore

/// The thread for long work at Redis: priming a lot, and the survey at a start.
final class RedisWorker: @unchecked Sendable {  // The connection checks that its own thread uses it.
    enum Work: Sendable { case prime(LotPrime), survey }

    private let mailbox = Mailbox<Work>()  // Bounded: one prime per lot, and one survey.
    private let redis: RedisPrimer
    private let intake: Intake

    init(_ redis: RedisPrimer, intake: Intake) {
        self.redis = redis
        self.intake = intake
        OwnedThread.start("redis", owning: [redis.owner]) { self.run() }
    }

    func post(_ work: Work) { self.mailbox.post(work) }

    func stop() { self.mailbox.close() }

    private func run() {
        while true {
            let works = self.mailbox.takeAll()
            if works.isEmpty { return }
            for work in works {
                switch work {
                case .prime(let prime):
                    self.intake.post(.lotResult(lot: prime.lot, fence: prime.fence, self.redis.handle(prime)))
                case .survey: self.intake.post(.surveyed(self.redis.survey()))
                }
            }
        }
    }
}
