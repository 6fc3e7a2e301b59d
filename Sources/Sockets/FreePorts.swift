import Glibc

/// Free ports of 127.0.0.1.
package enum FreePorts {
    package struct NoneLeft: Error, CustomStringConvertible {
        let code: Int32

        package var description: String { "no free port on 127.0.0.1: \(String(cString: strerror(self.code)))" }
    }

    /// Below the ports that Linux gives to outgoing connections: one of those could take a port before its listener does.
    private static let range = 10_240..<32_768
    private static let tries = 1_000

    /// Binds all ports before it releases the first one, so they differ. Another process may take one of them later, so
    /// a program that listens on it must handle "address in use".
    package static func take(_ count: Int) throws -> [Int] {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        return try (0..<count).map { _ in
            for _ in 0..<Self.tries {
                let port = Int.random(in: Self.range)
                guard let descriptor = Self.bound(port) else { continue }
                descriptors.append(descriptor)
                return port
            }
            throw NoneLeft(code: EADDRINUSE)
        }
    }

    /// - Returns: A socket that has the port of this machine; `nil` if another one has it.
    private static func bound(_ port: Int) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if status == 0 { return descriptor }
        close(descriptor)
        return nil
    }

    package static func take() throws -> Int { try self.take(1)[0] }
}
