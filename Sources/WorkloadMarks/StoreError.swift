import Glibc

/// Something that the store cannot go on from.
package struct StoreError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// A failed system call, from `errno`.
    package init(call: String, path: String) {
        description = "\(call) \(path): \(String(cString: strerror(errno)))"
    }
}
