import Basics
import FileTree
import FuseMount
import Glibc
import Testing

import struct SystemPackage.Errno

/// All suites that mount run one after the other: each has a thread that answers for its mount.
@Suite(
    "Mount", .serialized,
    .enabled(if: MountServer.isAvailable && geteuid() == 0, "needs /dev/fuse and root"),
    .timeLimit(.minutes(2)))
struct MountTests {}

extension MountTests {
    @Suite("Files", .serialized)
    struct Files {
        @Test("what was written can be read, and is recorded in order")
        func writesAndReads() throws {
            try withMount { (mount) throws in
                try put(mount["a"], "hello")
                #expect(try text(mount["a"]) == "hello")
                #expect(try names(mount.path) == ["a"])
                let number = mount.number("a")
                #expect(
                    mount.operations.map { $0.kindName } == ["create", "write"])
                guard case .write(number, offset: 0, let bytes, .call) = mount.operations[1] else {
                    Issue.record("no write")
                    return
                }
                #expect(bytes.array == Array("hello".utf8))
            }
        }

        @Test("a mount can be made before the loop starts")
        func mountsBeforeStart() throws {
            let mount = try TestMount(start: false)
            defer { mount.close() }
            mount.server.start(cpu: 0)
            try put(mount["a"], "hello")
            #expect(try text(mount["a"]) == "hello")
        }

        @Test("stopping under a standing mount ends it, and calls on it fail")
        func stopsUnderMount() throws {
            let mount = try TestMount()
            defer { mount.close() }
            try put(mount["a"], "hello")
            mount.server.stop()
            mount.server.stop()
            #expect(failure(access(mount["b"], F_OK)) == .socketNotConnected)
            #expect(mount.server.tree.lookUp(path: "a") != nil)
        }

        @Test("a server that cannot be made closes its device")
        func closesDevice() throws {
            var tree = FileTree()
            tree.reserveInodes(below: InodeNumber(.max))
            let device = open("/dev/null", O_RDWR | O_CLOEXEC)
            #expect(throws: MountError.self) {
                try MountServer(
                    tree: tree, writer: nil, device: Descriptor(owning: device))
            }
            #expect(fcntl(device, F_GETFD) < 0)

            let before = try names("/proc/self/fd").count
            #expect(throws: MountError.self) { try MountServer(tree: tree, writer: nil) }
            #expect(try names("/proc/self/fd").count == before)
        }

        @Test("a server that was never mounted stops")
        func stopsUnmounted() throws {
            let server = try MountServer(tree: FileTree(), writer: nil)
            server.start(cpu: nil)
            server.stop()
            #expect(server.hasEnded)
        }
    }
}

extension Operation {
    /// The name of its case, for tests of sequences.
    var kindName: String {
        let text = "\(self)"
        return String(text.prefix { $0 != "(" })
    }
}
