import Foundation

/// Checks whether a port is free, before the process does anything else.
package enum PortCheck {
    /// - Throws: ``StartError`` naming the key and the port.
    package static func check(_ key: String, host: String, port: Int) throws(StartError) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return }  // The server itself reports the error.
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return }  // A host name, or IPv6.
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0, listen(descriptor, 1) == 0 else {
            throw StartError(
                "\(key) \(port) on \(host): \(String(cString: strerror(errno))); the port is in use or not allowed: choose another one"
            )
        }
    }
}
