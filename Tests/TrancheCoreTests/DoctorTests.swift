import Testing
import TrancheCore

@Suite("The doctor's judgement") struct DoctorTests {
    private func level(_ reading: MachineReading) -> Finding.Level { Finding.judge(reading).level }

    private func disk(_ change: (inout MachineReading.Disk) -> Void = { _ in }) -> Finding {
        var disk = MachineReading.Disk(
            folder: "/var/lib/tranche", fileSystem: "ext4", syncs: Array(repeating: 900, count: 50),
            freeBytes: 20 << 30,
            freeFiles: 1_000_000)
        change(&disk)
        return Finding.judge(.disk(disk))
    }

    private func redis(_ change: (inout MachineReading.RedisFacts) -> Void = { _ in }) -> Finding.Level {
        var facts = MachineReading.RedisFacts(
            version: "7.0.15", policy: "noeviction", limitBytes: 0, roundTrip: 60, isReplica: false)
        change(&facts)
        return self.level(.redis(place: "/run/redis.sock", .there(facts)))
    }

    @Test("a clock that nothing synchronises is bad, and one with a large error is doubtful") func clocks() {
        #expect(self.level(.clock(.init(isSynchronised: true, errorMicroseconds: 5_000))) == .fine)
        #expect(self.level(.clock(.init(isSynchronised: true, errorMicroseconds: 5_001))) == .doubtful)
        #expect(self.level(.clock(.init(isSynchronised: false, errorMicroseconds: 10))) == .bad)
        #expect(self.level(.clock(nil)) == .doubtful)
    }

    @Test("a disk that confirms faster than any disk does not honour fsync") func dishonestDisks() {
        #expect(self.disk().level == .fine)
        let finding = self.disk { $0.syncs = Array(repeating: 14, count: 50) }
        #expect(finding.level == .bad)
        #expect(finding.what.contains("not honoured"))
        #expect(self.disk { $0.syncs = Array(repeating: 15, count: 50) }.level == .fine)
    }

    @Test("memory, a full disk and a folder that cannot be written are bad; a slow disk is doubtful") func disks() {
        #expect(self.disk { $0.fileSystem = "tmpfs" }.level == .bad)
        #expect(self.disk { $0.freeBytes = (2 << 30) - 1 }.level == .bad)
        #expect(self.disk { $0.freeFiles = 9_999 }.level == .bad)
        #expect(self.disk { $0.failure = "no such folder" }.level == .bad)
        #expect(self.disk { $0.syncs = Array(repeating: 10_001, count: 50) }.level == .doubtful)
        // A few slow writes are no slow disk, and are shown.
        let finding = self.disk { $0.syncs = Array(repeating: 900, count: 45) + Array(repeating: 40_000, count: 5) }
        #expect(finding.level == .fine)
        #expect(finding.what.contains("0.90 ms (p50), 40.00 ms (p95)"))
    }

    @Test("open files count by the limit that a process can raise itself to") func openFiles() {
        #expect(self.level(.openFiles(now: 1_024, most: 16_384)) == .fine)
        #expect(self.level(.openFiles(now: 1_024, most: 16_383)) == .doubtful)
    }

    @Test("a port is fine if it is free or has a process of Tranche") func ports() {
        #expect(self.level(.port(key: "public.port", address: "0.0.0.0:7410", .free)) == .fine)
        #expect(self.level(.port(key: "public.port", address: "0.0.0.0:7410", .serves)) == .fine)
        #expect(self.level(.port(key: "public.port", address: "0.0.0.0:7410", .taken("in use"))) == .bad)
    }

    @Test("a Redis that forgets keys, or takes no writes, is bad") func redises() {
        #expect(self.redis() == .fine)
        #expect(self.redis { $0.policy = "allkeys-lru" } == .bad)
        #expect(self.redis { $0.isReplica = true } == .bad)
        #expect(self.redis { $0.limitBytes = 1 << 20 } == .doubtful)
        #expect(self.redis { $0.roundTrip = 2_001 } == .doubtful)
        #expect(self.level(.redis(place: "a", .away("no answer"))) == .bad)
        #expect(self.level(.redis(place: "a", .searched)) == .doubtful)
    }

    @Test("a missing, short or repeated secret is bad, and its value is nowhere") func secrets() {
        #expect(self.level(.secret(name: "TRANCHE_TOKEN_SECRET", .fine(count: 2))) == .fine)
        #expect(self.level(.secret(name: "TRANCHE_UNIT_SECRET", .notNeeded)) == .fine)
        for state: MachineReading.Secret in [.missing, .wrong("has 3 bytes"), .repeated(other: "B")] {
            #expect(self.level(.secret(name: "A", state)) == .bad)
        }
    }

    @Test("a certificate is doubtful when it expires within six hours, and bad when it has") func certificates() {
        #expect(self.level(.certificate(.lasts(seconds: 21_600))) == .fine)
        #expect(self.level(.certificate(.lasts(seconds: 21_599))) == .doubtful)
        #expect(self.level(.certificate(.lasts(seconds: 0))) == .bad)
        #expect(self.level(.certificate(.unusable("names another unit"))) == .bad)
        #expect(self.level(.certificate(.none(isElsewhere: true))) == .fine)
    }

    @Test("another process that is silent, or whose clock is elsewhere, is bad") func peers() {
        func peer(_ peer: MachineReading.Peer) -> Finding.Level {
            self.level(.peer(name: "center", address: "http://c", peer))
        }
        #expect(peer(.answers(roundTrip: 80_000, clockSeconds: -2)) == .fine)
        #expect(peer(.answers(roundTrip: 80_000, clockSeconds: nil)) == .fine)
        #expect(peer(.answers(roundTrip: 80_000, clockSeconds: 3)) == .bad)
        #expect(peer(.answers(roundTrip: 300_001, clockSeconds: 0)) == .doubtful)
        #expect(peer(.silent("timeout")) == .bad)
    }

    @Test("a payment provider that gives no clear answer is doubtful, and one that cannot be asked is bad")
    func providers() {
        #expect(self.level(.provider(.none)) == .fine)
        #expect(self.level(.provider(.answers(roundTrip: 900_000))) == .fine)
        #expect(self.level(.provider(.unclear("status 401"))) == .doubtful)
        #expect(self.level(.provider(.unusable("provider.url"))) == .bad)
    }

    @Test("every finding that is not fine says what to do") func adviceIsGiven() {
        let readings: [MachineReading] = [
            .clock(nil), .clock(.init(isSynchronised: false, errorMicroseconds: 0)),
            .openFiles(now: 1, most: 1), .port(key: "p", address: "a", .taken("x")), .redis(place: "a", .searched),
            .redis(place: "a", .away("x")), .secret(name: "a", .missing), .secret(name: "a", .repeated(other: "b")),
            .certificate(.unusable("x")), .certificate(.lasts(seconds: 1)), .certificate(.lasts(seconds: -1)),
            .peer(name: "a", address: "b", .silent("x")),
            .provider(.unclear("x")), .provider(.unusable("x")),
            .disk(.init(folder: "/x", fileSystem: "tmpfs")),
            .disk(.init(folder: "/x", fileSystem: "ext4", failure: "x")),
        ]
        for finding in readings.map(Finding.judge) {
            #expect(finding.level != .fine)
            #expect(finding.advice?.isEmpty == false, "\(finding)")
        }
    }
}
