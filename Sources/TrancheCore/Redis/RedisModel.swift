/// One lot in Redis as a pure machine: the same steps give the same answers as the script of the unit's Redis.
///
/// The simulator sells beside it; a test compares it with the real script on a real Redis.
package struct RedisModel: Sendable {
    package private(set) var fence: UInt64
    package private(set) var sequence: UInt64 = 0
    package private(set) var available: Int

    package init(prime: RedisPrime) { (self.fence, self.available) = (prime.fence, prime.available) }

    package mutating func handle(_ step: RedisStep) -> RedisResult {
        if step.fence < self.fence { return .superseded }
        guard step.fence == self.fence, step.sequence == self.sequence, step.before == self.available, step.after >= 0
        else { return .lost }
        self.available = step.after
        self.sequence += 1
        return .stepped
    }
}
