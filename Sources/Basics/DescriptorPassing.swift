import Glibc

/// Messages on a socket that bring descriptors along: `SCM_RIGHTS`.
///
/// A control message is a header of 16 bytes (size, level, type) and the numbers, padded.
///
/// - Source: cmsg(3); its macros, which Swift does not see, on a 64-bit machine.
package enum DescriptorPassing {
    private static let headerSize = 16

    /// sendmsg(2): how many bytes were sent, or -1 and `errno`.
    package static func send(
        _ bytes: [UInt8], with descriptors: [CInt], on socket: CInt
    ) -> Int {
        let size = descriptors.isEmpty ? 0 : headerSize + descriptors.count * 4
        var control = [UInt64](repeating: 0, count: (size + 7) / 8)
        control.withUnsafeMutableBytes { control in
            guard !descriptors.isEmpty else { return }
            control.storeBytes(of: size, toByteOffset: 0, as: Int.self)
            control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: CInt.self)
            control.storeBytes(of: CInt(SCM_RIGHTS), toByteOffset: 12, as: CInt.self)
            for (index, descriptor) in descriptors.enumerated() {
                control.storeBytes(
                    of: descriptor, toByteOffset: headerSize + index * 4, as: CInt.self)
            }
        }
        return bytes.withUnsafeBytes { bytes in
            withMessage(UnsafeMutableRawBufferPointer(mutating: bytes), &control) { message in
                retrying { sendmsg(socket, &message, CInt(MSG_NOSIGNAL)) }
            }
        }
    }

    /// recvmsg(2): how many bytes came, 0 at the end, or -1 and `errno`; and the first descriptor that came with them, closed
    /// by exec and the taker's to close.
    package static func receive(
        into bytes: UnsafeMutableRawBufferPointer, on socket: CInt
    ) -> (count: Int, descriptor: CInt?) {
        // Room for one.
        var control = [UInt64](repeating: 0, count: 3)
        var length = 0
        let count = withMessage(bytes, &control) { message in
            let count = retrying { recvmsg(socket, &message, CInt(MSG_CMSG_CLOEXEC)) }
            length = Int(message.msg_controllen)
            return count
        }
        guard count > 0, length >= headerSize + 4 else { return (count, nil) }
        return control.withUnsafeBytes { control in
            guard control.load(fromByteOffset: 12, as: CInt.self) == CInt(SCM_RIGHTS) else {
                return (count, nil)
            }
            return (count, control.load(fromByteOffset: headerSize, as: CInt.self))
        }
    }

    private static func withMessage(
        _ bytes: UnsafeMutableRawBufferPointer, _ control: inout [UInt64],
        _ body: (inout msghdr) -> Int
    ) -> Int {
        var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
        return control.withUnsafeMutableBytes { control in
            withUnsafeMutablePointer(to: &part) { part in
                var message = msghdr()
                message.msg_iov = part
                message.msg_iovlen = 1
                message.msg_control = control.isEmpty ? nil : control.baseAddress
                message.msg_controllen = control.count
                return body(&message)
            }
        }
    }
}
