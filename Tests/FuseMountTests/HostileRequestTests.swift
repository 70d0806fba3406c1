import Basics
import FileTree
import FuseMount
import Glibc
import Recording
import Testing

/// A server whose `/dev/fuse` is a socket, so that a test can be a kernel that sends what Linux would not.
private final class Wire {
    private let server: MountServer
    private let socket: CInt
    private var unique: UInt64 = 0

    init() throws {
        var ends: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        socket = ends[0]
        let writer = try RecordingWriter(
            arena: Arena(memoryLimit: 64 << 20), base: FileTree(), storesBase: false)
        server = try MountServer(
            tree: FileTree(), writer: writer, device: Descriptor(owning: ends[1]))
        server.start(cpu: nil)
        let initialisation = number(7, 4) + number(31, 4) + number(0, 8)
        #expect(try error(of: 26, node: 0, initialisation) == 0)
    }

    deinit {
        server.stop()
        close(socket)
    }

    var recorded: Int { server.recording().count }

    /// The error, or 0, with which the server answers a request.
    func error(of opcode: UInt64, node: UInt64, _ body: [UInt8]) throws -> Int32 {
        unique += 2
        let request =
            number(UInt64(40 + body.count), 4) + number(opcode, 4) + number(unique, 8)
            + number(node, 8) + number(0, 8) + number(1, 8) + body
        try #require(send(socket, request, request.count, 0) == request.count)
        var reply = [UInt8](repeating: 0, count: 8192)
        try #require(recv(socket, &reply, reply.count, 0) >= 16)
        return -reply.withUnsafeBytes { $0.load(fromByteOffset: 4, as: Int32.self) }
    }
}

private func number(_ value: UInt64, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
}

@Suite("Requests that no kernel sends", .enabled(if: MountServer.isAvailable))
struct HostileRequestTests {
    @Test(
        "offsets and lengths beyond 63 bits are refused",
        arguments: [UInt64(Int64.max) + 1, .max - 4095, .max])
    func beyond63Bits(value: UInt64) throws {
        let wire = try Wire()
        let create = number(UInt64(O_RDWR), 4) + number(0o644, 4) + number(0, 8)
        #expect(try wire.error(of: 35, node: 1, create + Array("a".utf8) + [0]) == 0)
        let before = wire.recorded
        // By a call, and of a dirty page.
        for flags: UInt64 in 0...1 {
            let write =
                number(0, 8) + number(value, 8) + number(1, 4) + number(flags, 4) + number(0, 16)
                + [7]
            #expect(try wire.error(of: 16, node: 2, write) == EINVAL)
        }
        let read = number(0, 8) + number(value, 8) + number(1, 4) + number(0, 20)
        #expect(try wire.error(of: 15, node: 2, read) == EINVAL)
        let allocate = number(0, 8) + number(0, 8) + number(value, 8) + number(0, 8)
        #expect(try wire.error(of: 43, node: 2, allocate) == EINVAL)
        let size = number(8, 8) + number(0, 8) + number(value, 8) + number(0, 64)
        #expect(try wire.error(of: 4, node: 2, size) == EFBIG)
        let copy = number(0, 8) + number(value, 8) + number(2, 8) + number(0, 32)
        #expect(try wire.error(of: 47, node: 2, copy) == EINVAL)
        #expect(wire.recorded == before)
    }

    @Test("a copy of any length takes what there is", arguments: [UInt64(Int64.max) + 1, .max])
    func longCopy(length: UInt64) throws {
        let wire = try Wire()
        for name in ["a", "b"] {
            let create = number(UInt64(O_RDWR), 4) + number(0o644, 4) + number(0, 8)
            #expect(try wire.error(of: 35, node: 1, create + Array(name.utf8) + [0]) == 0)
        }
        let write = number(0, 16) + number(5, 4) + number(0, 20) + Array("bytes".utf8)
        #expect(try wire.error(of: 16, node: 2, write) == 0)
        let copy = number(0, 16) + number(3, 8) + number(0, 16) + number(length, 8) + number(0, 8)
        #expect(try wire.error(of: 47, node: 2, copy) == 0)
    }
}
