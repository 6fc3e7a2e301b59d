import Glibc

/// Free ports of 127.0.0.1.
package enum FreePorts {
    package struct NoneLeft: Error, CustomStringConvertible {
        let code: Int32

        package var description: String { "no free port on 127.0.0.1: \(String(cString: strerror(self.code)))" }
    }

    /// Binds all ports before it releases the first one, so they differ. Another process may take one of them later, so
    /// a program that listens on it must handle "address in use".
    package static func take(_ count: Int) throws -> [Int] {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            descriptors.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) | getsockname(descriptor, $0, &length)
                }
            }
            guard status == 0 else { throw NoneLeft(code: errno) }
            return Int(UInt16(bigEndian: address.sin_port))
        }
    }

    package static func take() throws -> Int { try self.take(1)[0] }
}
