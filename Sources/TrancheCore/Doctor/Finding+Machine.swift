// The judgement of a machine: its clock, its disk, its files, its ports.

extension Finding {
    /// A disk that confirms a write sooner than this has not written it: flash with a protected cache needs longer.
    static let leastSyncMicroseconds: Int64 = 15
    /// A ledger on a slower disk makes buyers wait for longer than for everything else together.
    static let slowSyncMicroseconds: Int64 = 10_000
    static let leastFreeBytes: Int64 = 2 << 30
    static let leastFreeFiles: Int64 = 10_000
    /// Connections of a crowd, files, and some more.
    static let leastOpenFiles: UInt64 = 16_384
    /// Larger errors of a clock decide contests.
    static let mostClockErrorMicroseconds: Int64 = 5_000
    static let memoryFileSystems: Set<String> = ["tmpfs", "ramfs", "devtmpfs"]

    package static func judge(_ reading: MachineReading) -> Finding {
        switch reading {
        case .clock(let kernel): self.clock(kernel)
        case .disk(let disk): self.disk(disk)
        case .openFiles(let now, let most): self.openFiles(now: now, most: most)
        case .port(let key, let address, let port): self.port(key, address, port)
        case .redis(let place, let redis): self.redis(place, redis)
        case .secret(let name, let secret): self.secret(name, secret)
        case .certificate(let certificate): self.certificate(certificate)
        case .peer(let name, let address, let peer): self.peer(name, address, peer)
        case .provider(let provider): self.provider(provider)
        }
    }

    private static func clock(_ kernel: ClockCheck.Kernel?) -> Finding {
        guard let kernel else {
            return Finding(
                .doubtful, "clock", "the kernel does not say whether it is synchronised",
                advice: "run it where adjtimex(2) is allowed; until then the configured uncertainty applies")
        }
        guard kernel.isSynchronised else {
            return Finding(
                .bad, "clock", "the kernel says that nothing synchronises it",
                advice:
                    "start chrony or systemd-timesyncd, and wait for \"System clock synchronized: yes\" in timedatectl")
        }
        let text = "synchronised, with an error of at most \(self.milliseconds(kernel.errorMicroseconds))"
        guard kernel.errorMicroseconds <= self.mostClockErrorMicroseconds else {
            return Finding(
                .doubtful, "clock", text,
                advice: "use nearer time servers, or PTP: above \(self.milliseconds(self.mostClockErrorMicroseconds)) "
                    + "the order in a contest is uncertain")
        }
        return Finding(.fine, "clock", text)
    }

    private static func disk(_ disk: MachineReading.Disk) -> Finding {
        let about = "disk of \(disk.folder)"
        if let failure = disk.failure {
            return Finding(
                .bad, about, failure, advice: "make the folder, and let the user of the process alone write there")
        }
        if self.memoryFileSystems.contains(disk.fileSystem) {
            return Finding(
                .bad, about, "\(disk.fileSystem) is memory: after a restart of the machine every order is gone",
                advice: "put data.folder on a disk")
        }
        let sorted = disk.syncs.sorted()
        let (median, slow) = (
            sorted.isEmpty ? 0 : sorted[sorted.count / 2], sorted.isEmpty ? 0 : sorted[sorted.count * 95 / 100]
        )
        let text =
            "\(disk.fileSystem), a write is durable after \(self.milliseconds(median)) (p50), "
            + "\(self.milliseconds(slow)) (p95)"
        if median < self.leastSyncMicroseconds {
            return Finding(
                .bad, about, text + ": no disk is so fast, so fsync is not honoured",
                advice: "find what ignores it: a virtual disk with an unsafe cache, eatmydata, a mount option nobarrier"
            )
        }
        if disk.freeBytes < self.leastFreeBytes || disk.freeFiles < self.leastFreeFiles {
            return Finding(
                .bad, about, "\(disk.freeBytes >> 20) MiB and \(disk.freeFiles) files are free",
                advice: "make room: \(self.leastFreeBytes >> 20) MiB and \(self.leastFreeFiles) files at least")
        }
        if median > self.slowSyncMicroseconds {
            return Finding(
                .doubtful, about, text, advice: "use a disk of its own, with a cache that survives a loss of power")
        }
        return Finding(.fine, about, text)
    }

    private static func openFiles(now: UInt64, most: UInt64) -> Finding {
        // Processes raise the limit by themselves.
        guard most < self.leastOpenFiles else { return Finding(.fine, "open files", "\(most) may be open") }
        return Finding(
            .doubtful, "open files", "\(most) may be open: fewer buyers than configured can connect",
            advice: "raise the hard limit to \(self.leastOpenFiles) at least (LimitNOFILE of systemd, ulimit -Hn)")
    }

    private static func port(_ key: String, _ address: String, _ port: MachineReading.Port) -> Finding {
        switch port {
        case .free: Finding(.fine, key, "\(address) is free")
        case .serves: Finding(.fine, key, "a process of Tranche answers at \(address)")
        case .taken(let reason):
            Finding(.bad, key, reason, advice: "choose another one, or stop what has it (ss -ltnp)")
        }
    }

    static func milliseconds(_ microseconds: Int64) -> String {
        let hundredths = (microseconds + 5) / 10
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) ms"
    }
}
