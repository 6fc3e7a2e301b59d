/// Why a process does not start. The message says how to correct it.
package struct StartError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
