import Glibc
import SystemPackage

/// A time by which something must have happened, on the monotonic clock.
package struct KeeperDeadline {
    private var nanoseconds: Int64

    /// Times beyond a year are cut to one.
    package init(secondsFromNow seconds: Double) {
        nanoseconds = KeeperDeadline.now + Int64(min(max(seconds, 0), 3e7) * 1e9)
    }

    /// What is left, for poll(2): rounded up, so that it is not over before it is.
    var milliseconds: CInt {
        CInt(min(max(0, (nanoseconds - KeeperDeadline.now + 999_999) / 1_000_000), 1 << 30))
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The harness's end of the socket to one keeper. Owns the descriptor.
package struct KeeperSocket: ~Copyable {
    package enum Received {
        case answer(KeeperProtocol.Answer)
        case timedOut
        case interrupted
        /// The keeper has gone.
        case ended
    }

    private let descriptor: CInt

    /// - Parameter descriptor: now owned by this value.
    package init(owning descriptor: CInt) {
        self.descriptor = descriptor
        // A request is one datagram, and one that is longer than the send buffer is refused. Doubled by
        // the kernel; beyond net.core.wmem_max only for root, whom the second call is for.
        var size: CInt = 512 * 1024
        let length = socklen_t(MemoryLayout<CInt>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, length)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &size, length)
    }

    deinit {
        close(descriptor)
    }

    /// Says that no request will follow, which ends the keeper.
    func endRequests() {
        shutdown(descriptor, CInt(SHUT_WR))
    }

    package func send(_ request: KeeperProtocol.Request) throws(KeeperError) {
        let sent = request.bytes.withUnsafeBytes { bytes in
            withControl(for: request.descriptors) { control in
                var part = iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress),
                    iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    return retrying { sendmsg(descriptor, &message, CInt(MSG_NOSIGNAL)) }
                }
            }
        }
        guard sent == request.bytes.count else {
            throw .system("sending a request of \(request.bytes.count) bytes to the keeper")
        }
    }

    /// - Parameter interruptedBy: a descriptor that ends the waiting when it becomes readable.
    package func receive(
        by deadline: KeeperDeadline, interruptedBy: CInt? = nil
    ) throws(KeeperError) -> Received {
        while true {
            var events = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: interruptedBy ?? -1, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&events, 2, deadline.milliseconds)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .system("waiting for the keeper") }
            // Answers first: what has been said is known before anybody is interrupted.
            if events[0].revents != 0 { return try receiveNow() }
            if events[1].revents != 0 { return .interrupted }
            if deadline.milliseconds == 0 { return .timedOut }
        }
    }

    private func receiveNow() throws(KeeperError) -> Received {
        var bytes = [UInt8](repeating: 0, count: KeeperProtocol.maximumAnswer)
        // One descriptor: a header of 16 bytes (size, level, type), the number, padding.
        var control = [UInt64](repeating: 0, count: 3)
        var controlLength = 0
        let received = bytes.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { control in
                var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    let flags = CInt(MSG_CMSG_CLOEXEC)
                    let received = retrying { recvmsg(descriptor, &message, flags) }
                    controlLength = Int(message.msg_controllen)
                    return received
                }
            }
        }
        if received == 0 || (received < 0 && errno == ECONNRESET) { return .ended }
        guard received > 0 else { throw .system("receiving from the keeper") }
        let passed = controlLength >= 20 ? CInt(truncatingIfNeeded: control[2]) : nil
        let answer = bytes.withUnsafeBytes {
            KeeperProtocol.Answer(
                UnsafeRawBufferPointer(rebasing: $0[..<received]), descriptor: passed)
        }
        guard let answer else {
            throw KeeperError(
                "the keeper speaks another version of the protocol",
                advice: "perjury and perjury-keeper must be of one build; see PERJURY_KEEPER")
        }
        return .answer(answer)
    }

    /// Source: cmsg(3); its macros, which Swift does not see, on a 64-bit machine.
    private func withControl<Result>(
        for descriptors: [CInt], _ body: (UnsafeMutableRawBufferPointer) -> Result
    ) -> Result {
        if descriptors.isEmpty { return body(UnsafeMutableRawBufferPointer(start: nil, count: 0)) }
        let size = 16 + descriptors.count * 4
        var control = [UInt64](repeating: 0, count: (size + 7) / 8)
        return control.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: size, toByteOffset: 0, as: Int.self)
            bytes.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: CInt.self)
            bytes.storeBytes(of: CInt(SCM_RIGHTS), toByteOffset: 12, as: CInt.self)
            for (index, descriptor) in descriptors.enumerated() {
                bytes.storeBytes(of: descriptor, toByteOffset: 16 + index * 4, as: CInt.self)
            }
            return body(bytes)
        }
    }
}

/// Calls again while a signal comes between.
func retrying(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
