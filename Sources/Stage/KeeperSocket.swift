import Basics
import Glibc
import SystemPackage

/// A time by which something must have happened, on the monotonic clock.
package struct KeeperDeadline {
    private let nanoseconds: Int64

    /// Times beyond a year are cut to one.
    package init(secondsFromNow seconds: Double) {
        nanoseconds = Self.now + Int64(min(max(seconds, 0), 3e7) * 1e9)
    }

    /// What is left, for poll(2): rounded up, so that it is not over before it is.
    var milliseconds: CInt {
        CInt(min(max(0, (nanoseconds - Self.now + 999_999) / 1_000_000), 1 << 30))
    }

    private static var now: Int64 { Int64(MonotonicClock.nanoseconds) }
}

/// The harness's end of the socket to one keeper.
package struct KeeperSocket: ~Copyable {
    package enum Received {
        case answer(KeeperProtocol.Answer)
        case timedOut
        case interrupted
        /// The keeper has gone.
        case ended
    }

    private let socket: Descriptor

    /// - Parameter descriptor: now owned by this value.
    package init(owning descriptor: CInt) {
        socket = Descriptor(owning: descriptor)
        // A request is one datagram, and one that is longer than the send buffer is refused. Doubled by
        // the kernel; beyond net.core.wmem_max only for root, whom the second call is for.
        var size: CInt = 512 * 1024
        let length = socklen_t(MemoryLayout<CInt>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, length)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &size, length)
    }

    /// Says that no request will follow, which ends the keeper.
    func endRequests() {
        shutdown(socket.number, CInt(SHUT_WR))
    }

    package func send(_ request: KeeperProtocol.Request) throws(KeeperError) {
        let sent = DescriptorPassing.send(
            request.bytes, with: request.descriptors, on: socket.number)
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
                pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0),
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
        let (received, passed) = bytes.withUnsafeMutableBytes {
            DescriptorPassing.receive(into: $0, on: socket.number)
        }
        if received == 0 || (received < 0 && errno == ECONNRESET) { return .ended }
        guard received > 0 else { throw .system("receiving from the keeper") }
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
}
