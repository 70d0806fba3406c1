import Glibc

import struct SystemPackage.Errno

/// An open file descriptor that has one owner, and is closed with it.
package struct Descriptor: ~Copyable, Sendable {
    package let number: CInt

    /// - Parameter number: open, and now this value's.
    package init(owning number: CInt) {
        self.number = number
    }

    /// open(2), closed by exec.
    package init(opening path: String, _ flags: CInt, mode: mode_t = 0) throws(Errno) {
        let opened = open(path, flags | O_CLOEXEC, mode)
        guard opened >= 0 else { throw Errno(rawValue: errno) }
        number = opened
    }

    deinit {
        close(number)
    }

    /// Whoever takes the number closes it.
    package consuming func release() -> CInt {
        let number = number
        discard self
        return number
    }

    /// All that is left to read.
    ///
    /// - Parameter limit: in bytes; where there are more, one more than that is returned at least.
    package borrowing func readAll(limit: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count <= limit {
            let count = retrying { read(number, &buffer, buffer.count) }
            guard count >= 0 else { throw Errno(rawValue: errno) }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }

    package borrowing func writeAll(_ text: String) throws(Errno) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                retrying { write(number, bytes.baseAddress! + done, bytes.count - done) }
            }
            guard count >= 0 else { throw Errno(rawValue: errno) }
            done += count
        }
    }
}

/// Two connected descriptors, both closed by exec: what is written to `second` is read from `first`, and with sockets the
/// other way round too. What has not been taken is closed with it.
package struct DescriptorPair: ~Copyable, Sendable {
    private var ends: (CInt, CInt)

    package static func pipe() throws(Errno) -> DescriptorPair {
        var ends: [CInt] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return DescriptorPair(ends)
    }

    /// - Parameter type: `SOCK_STREAM` or `SOCK_SEQPACKET`.
    package static func sockets(_ type: __socket_type) throws(Errno) -> DescriptorPair {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(type.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Errno(rawValue: errno)
        }
        return DescriptorPair(ends)
    }

    private init(_ ends: [CInt]) {
        self.ends = (ends[0], ends[1])
    }

    deinit {
        if ends.0 >= 0 { close(ends.0) }
        if ends.1 >= 0 { close(ends.1) }
    }

    package var first: CInt { ends.0 }
    package var second: CInt { ends.1 }

    package mutating func takeFirst() -> Descriptor {
        defer { ends.0 = -1 }
        return Descriptor(owning: ends.0)
    }

    package mutating func takeSecond() -> Descriptor {
        defer { ends.1 = -1 }
        return Descriptor(owning: ends.1)
    }

    package mutating func closeSecond() {
        _ = takeSecond()
    }
}

/// Calls again while a signal comes between.
package func retrying(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
