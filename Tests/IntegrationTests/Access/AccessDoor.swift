import Foundation

/// An address of a server, and the credentials that open it.
struct AccessDoor {
    /// The contract's tag, method and path.
    let tag: String
    let method: String
    let path: String
    let url: String
    /// `nil`: it needs no credential.
    let keys: Set<AccessKey.Name>?
    /// The code of the refusal.
    var refusal = "bad_credential"

    func opensTo(_ name: AccessKey.Name) -> Bool { self.keys?.contains(name) ?? true }

    static func all(of cluster: TestCluster) -> [AccessDoor] {
        self.publicDoors(cluster) + self.unitDoors(cluster) + self.centerDoors(cluster)
            + self.operatorDoors(cluster.center)
            + self.gateDoors(cluster) + self.healthDoors(cluster)
    }

    private static func publicDoors(_ cluster: TestCluster) -> [AccessDoor] {
        let (base, order) = (cluster.units[0].url, "\(AccessKey.order)")
        func door(
            _ method: String, _ path: String, _ keys: Set<AccessKey.Name>?, _ refusal: String = ""
        ) -> AccessDoor {
            let url = path.replacing("{lot}", with: "1").replacing("{order}", with: order)
            return AccessDoor(
                tag: "buyers", method: method, path: path, url: base + url, keys: keys, refusal: refusal)
        }
        return [
            door("GET", "/v1/lots/{lot}", nil), door("GET", "/v1/orders/{order}", nil),
            // Before the order exists: a stream of an order that is known stays open.
            door("GET", "/v1/orders/{order}/events", nil),
            door("POST", "/v1/payments/callback", [.signature], "bad_signature"),
            door("POST", "/v1/lots/{lot}/orders", [.buyer], "bad_token"),
            door("POST", "/v1/orders/{order}/cancel", [.buyer], "bad_token"),
        ]
    }

    /// The internal addresses of two units: what opens one of them does not open the other, except the shop's.
    private static func unitDoors(_ cluster: TestCluster) -> [AccessDoor] {
        (0..<2).flatMap { place in
            [
                ("PUT", "/internal/v1/config", AccessKey.Name.center(place)),
                ("POST", "/internal/v1/quota", .center(place)), ("POST", "/internal/v1/tokens", .shop),
                ("GET", "/internal/v1/refunds", .shop), ("GET", "/internal/v1/outbox", .shop),
                ("POST", "/internal/v1/outbox/{consumer}", .shop),
                ("GET", "/internal/v1/outbox/{consumer}/dead", .shop),
            ].map { method, path, key in
                let url = cluster.units[place].internalURL + path.replacing("{consumer}", with: "shop")
                return AccessDoor(tag: "unit", method: method, path: path, url: url, keys: [key])
            }
        }
    }

    private static func centerDoors(_ cluster: TestCluster) -> [AccessDoor] {
        var doors: [AccessDoor] = []
        for place in 0..<2 {
            for (tag, method, name, base, key) in [
                ("center", "POST", "register", cluster.center, AccessKey.Name.unit(place)),
                ("center", "POST", "report", cluster.center, .unit(place)),
                ("center", "GET", "config", cluster.center, .unit(place)),
                ("coordinator", "POST", "contest", cluster.coordinator, .contest(place)),
            ] {
                let path = "/internal/v1/units/{unit}/\(name)"
                let url = base + path.replacing("{unit}", with: "\(cluster.units[place].id)")
                doors.append(AccessDoor(tag: tag, method: method, path: path, url: url, keys: [key]))
            }
        }
        for (method, path) in [
            ("POST", "/internal/v1/coordinators/lead"), ("POST", "/internal/v1/coordinators/heartbeat"),
            ("GET", "/internal/v1/coordinators/quota"), ("GET", "/internal/v1/contests/{lot}"),
            ("GET", "/internal/v1/contests/{lot}/verdicts"),
            ("POST", "/internal/v1/contests/{lot}"), ("POST", "/internal/v1/quota/commands"),
        ] {
            let url = cluster.center + path.replacing("{lot}", with: "1")
            doors.append(AccessDoor(tag: "center", method: method, path: path, url: url, keys: [.coordinator]))
        }
        return doors
    }

    private static func gateDoors(_ cluster: TestCluster) -> [AccessDoor] {
        let base = cluster.gates[0]
        let calls: [(method: String, path: String, keys: Set<AccessKey.Name>?)] = [
            ("GET", "/v1/sales/{sale}/status.json", nil), ("POST", "/v1/session", [.identity]),
            ("POST", "/v1/lots/{lot}/entry", [.session]), ("POST", "/v1/lots/{lot}/challenge", [.session]),
            ("POST", "/v1/lots/{lot}/challenge/answer", [.session]), ("POST", "/v1/lots/{lot}/token", [.session]),
            ("POST", "/v1/lots/{lot}/token/again", [.session]),
        ]
        let doors = calls.map { call in
            let url = call.path.replacing("{lot}", with: "1").replacing("{sale}", with: "test")
            return AccessDoor(
                tag: "gate", method: call.method, path: call.path, url: base + url, keys: call.keys,
                refusal: "bad_identity")
        }
        let inner = [("POST", "report"), ("GET", "config")].map { method, name in
            let path = "/internal/v1/gates/\(name)"
            return AccessDoor(tag: "center", method: method, path: path, url: cluster.center + path, keys: [.gate])
        }
        return doors + inner
    }

    /// - Parameter center: The base of its addresses.
    static func operatorDoors(_ center: String) -> [AccessDoor] {
        [
            ("GET", "/v1/sales"), ("POST", "/v1/sales"), ("GET", "/v1/sales/{sale}"), ("PUT", "/v1/sales/{sale}"),
            ("DELETE", "/v1/sales/{sale}"), ("PUT", "/v1/sales/{sale}/blocked/{buyer}"),
            ("DELETE", "/v1/sales/{sale}/blocked/{buyer}"), ("PUT", "/v1/sales/{sale}/units/{unit}"),
            ("POST", "/v1/sales/{sale}/revocations"), ("GET", "/v1/sales/{sale}/second-rounds/{next}"),
            ("PUT", "/v1/sales/{sale}/second-rounds/{next}"), ("PUT", "/v1/sales/{sale}/holds/{step}"),
            ("DELETE", "/v1/sales/{sale}/holds/{step}"), ("GET", "/v1/sales/{sale}/rules"),
            ("PUT", "/v1/sales/{sale}/variants"), ("PUT", "/v1/sales/{sale}/staged"),
            ("POST", "/v1/sales/{sale}/staged/{act}"),
            ("POST", "/v1/sales/{sale}/{step}"), ("POST", "/v1/lots/{lot}/stock"), ("POST", "/v1/lots/{lot}/freeze"),
            ("GET", "/v1/quota"), ("POST", "/v1/quota/moves"), ("GET", "/v1/quota/moves/{move}"),
            ("POST", "/v1/quota/settle"), ("GET", "/v1/units"), ("POST", "/v1/units/{unit}/{action}"),
            ("GET", "/v1/config"), ("GET", "/v1/config/rollout"), ("GET", "/v1/config/versions"),
            ("POST", "/v1/config/rollback"), ("GET", "/v1/audit"), ("GET", "/v1/audit/chain"), ("GET", "/v1/operator"),
            ("GET", "/v1/console/events"), ("POST", "/v1/plan"), ("GET", "/v1/proposals"),
            ("GET", "/v1/proposals/{proposal}"), ("POST", "/v1/proposals/{proposal}/approve"),
            ("POST", "/v1/proposals/{proposal}/withdraw"),
        ].map { method, path in
            var url = path
            // A unit that is not there: nothing is stranded by being let through.
            for (name, value) in [
                ("sale", "test"), ("next", "test-2"), ("step", "pause"), ("lot", "1"), ("move", "1"), ("unit", "77"),
                ("action", "strand"), ("act", "finish"), ("proposal", "1"),
                // A buyer's name that is refused.
                ("buyer", String(repeating: "b", count: 65)),
            ] { url = url.replacing("{\(name)}", with: value) }
            // A stream would stay open.
            if path.hasSuffix("/events") { url += "?count=1" }
            return AccessDoor(
                tag: "operators", method: method, path: path, url: center + url, keys: [.operators])
        }
    }

    /// Addresses of all servers that need no credential. Public listeners do not have the metrics and the contract.
    private static func healthDoors(_ cluster: TestCluster) -> [AccessDoor] {
        let inner = [cluster.units[0].internalURL, cluster.units[1].internalURL, cluster.center, cluster.coordinator]
        return (inner + [cluster.units[0].url]).flatMap { base in
            ["/healthz", "/readyz", "/metrics", "/openapi.yaml"].map {
                AccessDoor(tag: "health", method: "GET", path: $0, url: base + $0, keys: nil)
            }
        }
    }

    /// Tag, method and path of every operation of the contract, read from its lines: two blanks for each level.
    static func operations(of document: String) -> Set<String> {
        var (path, method) = ("", "")
        var found: Set<String> = []
        for line in document.split(separator: "\n") {
            if line.hasPrefix("  /"), line.hasSuffix(":") { path = String(line.dropFirst(2).dropLast()) }
            if line.hasPrefix("    "), line.hasSuffix(":"), !line.hasPrefix("     ") {
                method = line.dropFirst(4).dropLast().uppercased()
            }
            if line.hasPrefix("      tags: ["), let tag = line.split(separator: "[").last?.dropLast() {
                found.insert("\(tag) \(method) \(path)")
            }
        }
        return found
    }
}
