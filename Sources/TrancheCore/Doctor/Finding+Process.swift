// The judgement of a process's surroundings: its Redis, its secrets, its certificate, the processes that it calls.

extension Finding {
    /// Each batch of orders waits for Redis and for the disk together.
    static let slowRedisMicroseconds: Int64 = 2_000
    /// A Redis of its own needs little; a limit below this was meant for something else.
    static let leastRedisBytes: Int64 = 64 << 20
    static let shortCertificateSeconds: Int64 = 6 * 3_600
    /// A call in a contest has less than a second.
    static let slowPeerMicroseconds: Int64 = 300_000
    /// The other clock is read to a second.
    static let mostPeerClockSeconds: Int64 = 2

    static func redis(_ place: String, _ redis: MachineReading.Redis) -> Finding {
        let about = "Redis"
        let facts: MachineReading.RedisFacts
        switch redis {
        case .searched:
            return Finding(
                .doubtful, about, "\(place) is searched for by the process, and was not examined here",
                advice: "run this command with redis.address of the present master; see docs/redis.md")
        case .away(let reason):
            return Finding(
                .bad, about, reason, advice: "start it, or correct redis.address and its password")
        case .there(let found): facts = found
        }
        if facts.isReplica {
            return Finding(
                .bad, about, "\(place) is a replica, and takes no writes", advice: "name the master, or its Sentinels")
        }
        guard facts.policy == "noeviction" else {
            return Finding(
                .bad, about, "\(place) forgets keys when it is full (maxmemory-policy \(facts.policy))",
                advice: "set maxmemory-policy noeviction: what Redis forgets, a unit has to build again from its ledger"
            )
        }
        if facts.limitBytes > 0, facts.limitBytes < self.leastRedisBytes {
            return Finding(
                .doubtful, about, "\(place) may use \(facts.limitBytes >> 20) MiB",
                advice: "raise maxmemory to \(self.leastRedisBytes >> 20) MiB at least, or remove it")
        }
        let text = "\(place), version \(facts.version), answers after \(self.milliseconds(facts.roundTrip))"
        guard facts.roundTrip <= self.slowRedisMicroseconds else {
            return Finding(
                .doubtful, about, text,
                advice: "run it on the same machine, and reach it by a socket of the file system")
        }
        return Finding(.fine, about, text)
    }

    static func secret(_ name: String, _ secret: MachineReading.Secret) -> Finding {
        switch secret {
        case .fine(let count): Finding(.fine, name, count == 1 ? "is set" : "\(count) are valid")
        case .notNeeded: Finding(.fine, name, "is not set; the certificate takes its place")
        case .missing:
            Finding(
                .bad, name, "is not set in this environment",
                advice: "make one with `tranche credential new`, or derive a unit's with `tranche credential unit`")
        case .wrong(let reason): Finding(.bad, name, reason, advice: "make a new one with `tranche credential new`")
        case .repeated(let other):
            Finding(
                .bad, name, "has a value that \(other) has, too: who steals one has both",
                advice: "make a secret of its own with `tranche credential new`")
        }
    }

    static func certificate(_ certificate: MachineReading.Certificate) -> Finding {
        let about = "certificate"
        switch certificate {
        case .none(isElsewhere: true):
            return Finding(.fine, about, "none: something else encrypts what leaves this machine (tls.elsewhere)")
        case .none(isElsewhere: false): return Finding(.fine, about, "none: nothing may leave this machine")
        case .unusable(let reason): return Finding(.bad, about, reason, advice: "see docs/identity.md")
        case .lasts(let seconds) where seconds <= 0:
            return Finding(.bad, about, "has expired", advice: "renew it: tranche ca issue, or your authority")
        case .lasts(let seconds) where seconds < self.shortCertificateSeconds:
            return Finding(
                .doubtful, about, "expires in \(seconds / 60) minutes",
                advice: "renew it now, and look why that did not happen by itself")
        case .lasts(let seconds): return Finding(.fine, about, "expires in \(seconds / 3_600) hours")
        }
    }

    static func provider(_ provider: MachineReading.Provider) -> Finding {
        let about = "payment provider"
        switch provider {
        case .none:
            return Finding(
                .fine, about, "none: payments are told by callbacks alone, and refunds are listed for somebody else")
        case .unusable(let reason): return Finding(.bad, about, reason, advice: "see docs/payments.md")
        case .unclear(let reason):
            return Finding(
                .doubtful, about, "it does not say clearly whether an order is paid: \(reason)",
                advice:
                    "correct provider.url and TRANCHE_PROVIDER_SECRET: until it does, unpaid orders keep their items "
                    + "for provider.hold")
        case .answers(let roundTrip):
            return Finding(.fine, about, "answers after \(self.milliseconds(roundTrip))")
        }
    }

    static func peer(_ name: String, _ address: String, _ peer: MachineReading.Peer) -> Finding {
        switch peer {
        case .silent(let reason):
            return Finding(
                .bad, name, "\(address) does not answer: \(reason)",
                advice: "start it, or correct the address, a firewall, the certificate")
        case .answers(let roundTrip, let clock):
            let text = "\(address) answers after \(self.milliseconds(roundTrip))"
            if let clock, clock.magnitude > UInt64(self.mostPeerClockSeconds) {
                return Finding(
                    .bad, name,
                    text + "; its clock is \(clock.magnitude) s \(clock > 0 ? "ahead of" : "behind") this one",
                    advice: "find the clock that is wrong (timedatectl on both machines)")
            }
            guard roundTrip <= self.slowPeerMicroseconds else {
                return Finding(
                    .doubtful, name, text,
                    advice: "contests wait for the slowest region: look for a nearer way, or for a busy machine")
            }
            return Finding(.fine, name, text)
        }
    }
}
