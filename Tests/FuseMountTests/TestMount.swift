import CTestSupport
import FileTree
import FuseMount
import Glibc
import Recording
import Testing

import struct SystemPackage.Errno

/// A tree mounted on a temporary directory of the host, until `close`.
final class TestMount {
    let server: MountServer
    /// Of the mount's root, without a slash at its end.
    let path: String

    init(
        _ tree: FileTree = FileTree(rootMode: 0o777), writer: RecordingWriter? = nil,
        start: Bool = true, cpu: Int? = nil, options: MountOptions = MountOptions()
    ) throws {
        let memory = try RecordingWriter(arena: Arena(), base: tree, storesBase: false)
        server = try MountServer(tree: tree, writer: writer ?? memory, options: options)
        path = try temporaryDirectory()
        if start { server.start(cpu: cpu) }
        try mount()
    }

    private func mount() throws {
        let options =
            "fd=\(server.fuseDescriptor),rootmode=40000,user_id=0,group_id=0,"
            + "default_permissions,allow_other"
        try check(
            withCStrings("perjury-test", path, "fuse", options) { source, target, type, data in
                system(SYS_mount, source, target, type, 2 | 4, data)  // nosuid, nodev
            })
    }

    func close() {
        path.withCString { _ = umount2($0, 2) }  // MNT_DETACH
        server.stop()
        rmdir(path)
    }

    subscript(name: String) -> String { path + "/" + name }

    /// What was recorded so far.
    var events: [Record.Event] {
        let recording = server.recording()
        return (0..<recording.count).map { recording[$0].event }
    }

    var operations: [Operation] {
        events.compactMap { if case .operation(let operation) = $0 { operation } else { nil } }
    }

    func number(_ name: String) -> InodeNumber {
        InodeNumber(UInt64(status(self[name])!.st_ino))
    }
}

/// Mounts an empty tree, runs `body`, checks that all records applied to the base give the live tree, and unmounts.
func withMount(
    _ tree: FileTree = FileTree(rootMode: 0o777), options: MountOptions = MountOptions(),
    _ body: (TestMount) throws -> Void
) throws {
    let mount = try TestMount(tree, options: options)
    defer { mount.close() }
    try body(mount)
    var live = mount.server.tree
    let recording = mount.server.recording()
    var replayed = try recording.tree(after: recording.count)
    #expect(replayed.settle() == live.settle(), "the records give the live tree")
    #expect(mount.server.failure == nil)
}

func temporaryDirectory() throws -> String {
    var template = Array("/tmp/perjury-mount-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

// MARK: System calls

func pointer(_ address: UnsafeRawPointer) -> Int { Int(bitPattern: address) }

func system(
    _ number: Int32, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, _ d: Int = 0, _ e: Int = 0,
    _ f: Int = 0
)
    -> Int
{
    test_syscall(Int(number), a, b, c, d, e, f)
}

func withCStrings(
    _ a: String, _ b: String, _ c: String = "", _ d: String = "",
    _ body: (Int, Int, Int, Int) -> Int
) -> Int {
    a.withCString { a in
        b.withCString { b in
            c.withCString { c in
                d.withCString { d in body(pointer(a), pointer(b), pointer(c), pointer(d)) }
            }
        }
    }
}

/// - Throws: the `Errno` of a system call that answered less than 0.
@discardableResult
func check(_ result: Int) throws(Errno) -> Int {
    guard result >= 0 else { throw Errno(rawValue: errno) }
    return result
}

@discardableResult
func check(_ result: Int32) throws(Errno) -> Int { try check(Int(result)) }

/// The error of a system call, nil when it succeeded.
func failure(_ call: @autoclosure () -> Int32) -> Errno? {
    call() < 0 ? Errno(rawValue: errno) : nil
}

func failure(_ call: @autoclosure () -> Int) -> Errno? {
    call() < 0 ? Errno(rawValue: errno) : nil
}

func status(_ path: String) -> stat? {
    var result = stat()
    return lstat(path, &result) == 0 ? result : nil
}

func status(_ descriptor: CInt) -> stat {
    var result = stat()
    #expect(fstat(descriptor, &result) == 0)
    return result
}

/// Opens a file for the time of `body`.
@discardableResult
func withFile<T>(
    _ path: String, _ flags: Int32 = O_RDWR | O_CREAT, mode: mode_t = 0o644,
    _ body: (CInt) throws -> T
) throws -> T {
    let descriptor = open(path, flags | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    defer { close(descriptor) }
    return try body(descriptor)
}

func writeAll(_ descriptor: CInt, _ bytes: [UInt8], at offset: Int) throws {
    let count = try check(pwrite(descriptor, bytes, bytes.count, off_t(offset)))
    #expect(count == bytes.count)
}

func append(_ descriptor: CInt, _ text: String) throws {
    let bytes = Array(text.utf8)
    #expect(try check(write(descriptor, bytes, bytes.count)) == bytes.count)
}

func read(_ descriptor: CInt, _ count: Int, at offset: Int = 0) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let got = try check(pread(descriptor, &bytes, count, off_t(offset)))
    return Array(bytes[0..<got])
}

func contents(_ path: String) throws -> [UInt8] {
    try withFile(path, O_RDONLY) { descriptor in
        var all: [UInt8] = []
        while true {
            let part = try read(descriptor, 1 << 16, at: all.count)
            if part.isEmpty { return all }
            all += part
        }
    }
}

func text(_ path: String) throws -> String { String(decoding: try contents(path), as: UTF8.self) }

func put(_ path: String, _ text: String) throws {
    try withFile(path, O_WRONLY | O_CREAT | O_TRUNC) { try append($0, text) }
}

/// The names that a directory lists, `.` and `..` left out, sorted.
func names(_ path: String) throws -> [String] {
    guard let directory = opendir(path) else { throw Errno(rawValue: errno) }
    defer { closedir(directory) }
    var result: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) {
            String(cString: $0.bindMemory(to: CChar.self).baseAddress!)
        }
        if name != "." && name != ".." { result.append(name) }
    }
    return result.sorted()
}
