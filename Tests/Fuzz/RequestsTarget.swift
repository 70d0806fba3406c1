import Basics
import CFuse
import FileTree
import FuseMount
import Glibc
import Recording
import TestSupport

/// Requests as the kernel would send them, with hostile values: each input is a life of a mount, a series of requests to a
/// server whose `/dev/fuse` is a socket.
///
/// The kernel is trusted to be the kernel: headers, the lengths that they tell, and the zero bytes at the ends of names are
/// right. Numbers of nodes, sizes, offsets, flags, modes and names are anything.
final class RequestsTarget: FuzzTarget {
    private static let perInput = 150
    private static let headerSize = MemoryLayout<fuse_in_header>.size
    private var unique: UInt64 = 2
    private var replies = [UInt8](repeating: 0, count: 2 << 20)

    func weight(_ input: [UInt8]) -> UInt64 { UInt64(Self.perInput) }

    func mutated(_ random: inout TestRandom) -> [UInt8] {
        var all: [UInt8] = []
        for _ in 0..<Self.perInput { all += request(&random) }
        return all
    }

    // MARK: Making requests

    private func request(_ random: inout TestRandom) -> [UInt8] {
        let opcode = random.oneIn(25) ? UInt32(random.below(60)) : random.element(of: Layout.usual)
        var body: [UInt8] = []
        switch opcode {
        // INIT, INTERRUPT, DESTROY, NOTIFY_REPLY, BATCH_FORGET.
        case 26, 36, 38, 41, 42: return request(&random)
        case 2: body += number(random.hostile(), 8)
        default:
            for width in Layout.fields[opcode] ?? [] { body += field(width, &random) }
        }
        switch Layout.tails[opcode] {
        case .name: body += name(&random)
        case .twoNames: body += name(&random) + name(&random)
        case .payload:
            let payload = random.bytes(random.oneIn(9) ? random.below(9000) : random.below(60))
            // fuse_write_in: the size is the payload's.
            body.replaceSubrange(16..<20, with: number(UInt64(payload.count), 4))
            body += payload
        case .attribute:
            let value = random.bytes(random.below(80))
            body.replaceSubrange(0..<4, with: number(UInt64(value.count), 4))
            body += attributeName(&random) + value
        case .attributeName: body += attributeName(&random)
        case nil: break
        }
        let length = Self.headerSize + body.count
        let caller = random.oneIn(6) ? random.hostile() : UInt64(random.below(3))
        return number(UInt64(length), 4) + number(UInt64(opcode), 4) + number(0, 8)
            + node(&random) + number(caller, 4) + number(caller, 4)
            + number(UInt64(random.below(4)), 4) + number(0, 4) + body
    }

    private func number(_ value: UInt64, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    private func node(_ random: inout TestRandom) -> [UInt8] {
        switch random.below(12) {
        case 0: number(random.hostile(), 8)
        case 1: number(0x4000_0000_0000_0000 + UInt64(random.below(2)), 8)
        default: number(1 + UInt64(random.below(14)), 8)
        }
    }

    private func field(_ width: Int, _ random: inout TestRandom) -> [UInt8] {
        width == 0 ? node(&random) : number(random.hostile(), width)
    }

    private static let names = [
        "a", "b", "c", "d", "e", ".", "..", "", "a/b", ".perjury-stdout", ".perjury-control",
    ]

    private func name(_ random: inout TestRandom) -> [UInt8] {
        switch random.below(16) {
        case 0: [UInt8](repeating: 0x61, count: 250 + random.below(12)) + [0]
        case 1: random.bytes(random.below(20)).filter { $0 != 0 } + [0]
        case 2: Array(random.element(of: Self.names).utf8) + [0]
        default: Array(Self.names[random.below(5)].utf8) + [0]
        }
    }

    private func attributeName(_ random: inout TestRandom) -> [UInt8] {
        if random.oneIn(5) { return name(&random) }
        let names = [
            "user.a", "user.b", "user.", "trusted.a", "security.x", "system.posix_acl_access",
        ]
        return Array(random.element(of: names).utf8) + [0]
    }

    // MARK: A life

    func run(_ input: UnsafeRawBufferPointer) {
        var ends: [CInt] = [0, 0]
        check(socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
        let kernel = ends[0]
        var space: CInt = 4 << 20
        for end in ends {
            setsockopt(end, SOL_SOCKET, SO_SNDBUF, &space, socklen_t(MemoryLayout<CInt>.size))
        }
        let arena = try! Arena(memoryLimit: 1 << 30)
        let writer = try! RecordingWriter(arena: arena, base: FileTree(), storesBase: false)
        // What a look asks for, this kernel does not send.
        var options = MountOptions()
        options.looksAtDirtyPages = false
        let server = try! MountServer(
            tree: FileTree(), writer: writer, device: Descriptor(owning: ends[1]), options: options)
        server.start(cpu: nil)
        var expected = 1
        var received = 0
        send(kernel, initialisation, 1)
        var place = 0
        var inFlight = 0
        while place + Self.headerSize <= input.count {
            let length = Int(input.loadUnaligned(fromByteOffset: place, as: UInt32.self))
            guard length >= Self.headerSize, place + length <= input.count else { break }
            var request = Array(input[place..<place + length])
            place += length
            unique += 2
            request.replaceSubrange(8..<16, with: number(unique, 8))
            send(kernel, request, unique)
            if request[4] != 2 { expected += 1 }
            inFlight += 1
            if inFlight == 8 {
                inFlight = 0
                received += drain(kernel, until: expected - received)
            }
        }
        received += drain(kernel, until: expected - received)
        check(received == expected, "\(received) replies to \(expected) requests")
        server.freeze()
        check(server.failure == nil, "the server failed")
        var live = server.tree
        let recording = server.recording()
        server.stop()
        close(kernel)
        guard var again = try? recording.tree(after: recording.count) else {
            return check(false, "what was recorded does not apply")
        }
        check(live.settle() == again.settle(), "the records make another tree than the mount had")
    }

    private var initialisation: [UInt8] {
        let flags: UInt64 = 0x73ff_fffb
        let body =
            number(7, 4) + number(38, 4) + number(1 << 17, 4) + number(flags, 4)
            + [UInt8](repeating: 0, count: 48)
        return number(UInt64(Self.headerSize + body.count), 4) + number(26, 4) + number(1, 8)
            + number(0, 8) + [UInt8](repeating: 0, count: 16) + body
    }

    private func send(_ socket: CInt, _ request: [UInt8], _ unique: UInt64) {
        check(Glibc.send(socket, request, request.count, 0) == request.count, "the server is gone")
    }

    /// Takes replies until there are as many as wanted; one that does not come is a hang, which the parent sees.
    private func drain(_ socket: CInt, until count: Int) -> Int {
        var received = 0
        while received < count {
            let length = recv(socket, &replies, replies.count, 0)
            guard length >= MemoryLayout<fuse_out_header>.size else { return received }
            let header = replies.withUnsafeBytes { $0.load(as: fuse_out_header.self) }
            check(Int(header.len) == length, "a reply lies about its length")
            check((-512...0).contains(header.error), "error \(header.error)")
            received += 1
        }
        return received
    }
}

/// What follows the header of each request, from `linux/fuse.h`: widths of fields in bytes, 0 for a node.
private enum Layout {
    enum Tail { case name, twoNames, payload, attribute, attributeName }

    /// Opcodes that change or read something; those that change names oftener.
    static let usual: [UInt32] = [
        1, 2, 3, 4, 5, 6, 6, 8, 8, 9, 9, 10, 11, 12, 12, 13, 14, 15, 16, 16, 16, 16, 17, 18, 20, 21,
        21, 22, 23, 24, 27, 27, 28, 28, 29, 30, 35, 35, 35, 43, 43, 44, 45, 45, 46, 47, 50, 51, 52,
    ]

    static let fields: [UInt32: [Int]] = [
        3: [4, 4, 8], 4: [4, 4, 8, 8, 8, 8, 8, 8, 4, 4, 4, 4, 4, 4, 4, 4], 8: [4, 4, 4, 4],
        9: [4, 4], 12: [0], 13: [0], 14: [4, 4], 15: [8, 8, 4, 4, 8, 4, 4],
        16: [8, 8, 4, 4, 8, 4, 4], 18: [8, 4, 4, 8], 20: [8, 4, 4], 21: [4, 4], 22: [4, 4],
        23: [4, 4], 25: [8, 8, 4, 4], 27: [4, 4], 28: [8, 8, 4, 4, 8, 4, 4], 29: [8, 4, 4, 8],
        30: [8, 4, 4], 31: [8, 8, 8, 8, 4, 4, 4, 4], 32: [8, 8, 8, 8, 4, 4, 4, 4],
        33: [8, 8, 8, 8, 4, 4, 4, 4], 34: [4, 4], 35: [4, 4, 4, 4], 37: [8, 4, 4],
        39: [8, 4, 4, 8, 4, 4], 40: [8, 8, 4, 4], 43: [8, 8, 8, 4, 4],
        44: [8, 8, 4, 4, 8, 4, 4], 45: [0, 4, 4], 46: [8, 8, 4, 4],
        47: [8, 8, 0, 8, 8, 8, 8], 50: [8], 51: [4, 4, 4, 4],
    ]

    static let tails: [UInt32: Tail] = [
        1: .name, 6: .twoNames, 8: .name, 9: .name, 10: .name, 11: .name, 12: .twoNames,
        13: .name, 16: .payload, 21: .attribute, 22: .attributeName, 24: .attributeName,
        35: .name, 45: .twoNames, 51: .name,
    ]
}
