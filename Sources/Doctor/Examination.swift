import CurlClient
package import DaemonSupport
import Foundation
import Sockets
package import TrancheCore

/// Reads what the judgement of one process's surroundings needs. It changes nothing but a file of its own, which it removes.
package struct Examination: Sendable {
    package enum Role: String, CaseIterable, Sendable {
        case unit, gate, center, coordinator

        /// The role for which a file of settings is meant, by a key that only this role has.
        package init?(of values: DaemonConfiguration) {
            let keys: [(String, Role)] = [
                ("unit.id", .unit), ("gate.name", .gate), ("coordinator.port", .coordinator), ("center.port", .center),
            ]
            guard
                let found = keys.first(where: {
                    (try? values.number($0.0, in: 0...Int.max)) != nil || !values.string($0.0, default: "").isEmpty
                })
            else { return nil }
            self = found.1
        }
    }

    let values: DaemonConfiguration
    let role: Role

    package init(_ values: DaemonConfiguration, role: Role) { (self.values, self.role) = (values, role) }

    /// All readings, in the order in which a person would look.
    package func readings() async -> [MachineReading] {
        var readings: [MachineReading] = [.clock(SystemClock.kernel())]
        if let folder = self.folder { readings.append(.disk(DiskProbe.read(folder))) }
        if let limit = OpenFiles.limit { readings.append(.openFiles(now: limit.now, most: limit.most)) }
        let transport = Result { () throws(StartError) in
            try TransportConfiguration(self.values, role: self.name)
        }
        let curl = CurlClient(tls: (try? transport.get())?.client)
        defer { curl.stop() }
        for (key, host) in self.listeners { await self.port(key, host, curl, &readings) }
        if self.role == .unit || self.role == .gate { readings.append(RedisProbe.read(self.values)) }
        let hasCertificate = (try? transport.get())?.files != nil
        readings += SecretList.readings(of: self.role, self.values, hasCertificate: hasCertificate)
        readings.append(.certificate(self.certificate(transport)))
        if self.role == .unit { readings.append(.provider(await ProviderProbe.read(self.values))) }
        if self.role != .center, let transport = try? transport.get() {
            await self.centers(transport, curl, &readings)
        }
        return readings
    }

    private var name: ProcessName.Role {
        switch self.role {
        case .unit: .unit
        case .gate: .gate
        case .center: .center
        case .coordinator: .coordinator
        }
    }

    private var folder: String? {
        let folder = self.values.string("data.folder", default: "")
        return folder.isEmpty ? nil : folder
    }

    /// The listeners of the role: the prefix of their keys, and the default of their host.
    private var listeners: [(key: String, host: String)] {
        switch self.role {
        case .unit, .gate: [("public", "0.0.0.0"), ("internal", "127.0.0.1")]
        case .center: [("center", "127.0.0.1")]
        case .coordinator: [("coordinator", "127.0.0.1")]
        }
    }

    private func port(_ key: String, _ host: String, _ curl: CurlClient, _ readings: inout [MachineReading]) async {
        let host = self.values.string("\(key).host", default: host)
        do throws(StartError) {
            let port = try self.values.number("\(key).port", in: 1...65_535)
            let address = "\(host):\(port)"
            do throws(StartError) {
                try PortCheck.check("\(key).port", host: host, port: port)
                readings.append(.port(key: "\(key).port", address: address, .free))
            } catch {
                let serves = await Self.serves("\(host == "0.0.0.0" ? "127.0.0.1" : host):\(port)", curl)
                readings.append(
                    .port(key: "\(key).port", address: address, serves ? .serves : .taken(error.description)))
            }
        } catch {
            readings.append(.port(key: "\(key).port", address: host, .taken(error.description)))
        }
    }

    private static func serves(_ address: String, _ curl: CurlClient) async -> Bool {
        for scheme in ["http", "https"] {
            let request = CurlRequest("GET", "\(scheme)://\(address)/healthz", timeoutMilliseconds: 2_000)
            if let response = try? await curl.send(request), response.status == 200, response.body == Array("ok\n".utf8)
            {
                return true
            }
        }
        return false
    }

    private func certificate(_ transport: Result<TransportConfiguration, StartError>) -> MachineReading.Certificate {
        do throws(StartError) {
            let transport = try transport.get()
            guard let certificates = transport.certificates else { return .none(isElsewhere: transport.isElsewhere) }
            return .lasts(seconds: certificates.secondsLeft)
        } catch { return .unusable(error.description) }
    }

    private func centers(
        _ transport: TransportConfiguration, _ curl: CurlClient, _ readings: inout [MachineReading]
    ) async {
        do throws(StartError) {
            for address in try self.values.centers(transport).all {
                readings.append(.peer(name: "center", address: address, await PeerProbe.read(address, curl)))
            }
        } catch {
            readings.append(.peer(name: "center", address: "center.url", .silent(error.description)))
        }
    }
}
