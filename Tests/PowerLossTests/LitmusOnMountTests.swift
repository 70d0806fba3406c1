import CTestSupport
import FileTree
import FuseMount
import Glibc
import PowerLoss
import Recording
import TestSupport
import Testing

import struct SystemPackage.Errno

/// The litmus rows once more, by system calls on a mount: what the kernel makes of a program's calls and what the server records of
/// them has to allow the same states as the calls themselves.
@Suite(
    "Litmus, run on the mount", .serialized,
    .enabled(if: MountServer.isAvailable && geteuid() == 0),
    .timeLimit(.minutes(2)))
struct LitmusOnMountTests {
    @Test("row", arguments: LitmusTests.rows)
    func row(_ row: Litmus) throws {
        let history = row.history
        let recording = try MountedCalls.record(history.recording)

        let stack = Stack(name: "test", about: "", atomicUnit: row.unit)
        for model in [PersistenceModel.ext4Ordered, .xfs, .btrfs] {
            let wanted = history.storage(model, stack)
            let found = Storage(log: try EffectLog(recording), model: model, stack: stack)
            let allowed = found.states(at: found.lastCrashPoint - row.unfinished, only: row.shows)
            let expected = wanted.states(
                at: wanted.lastCrashPoint - row.unfinished, only: row.shows)
            #expect(
                allowed == expected,
                "\(model.name): the mount alone \(allowed.subtracting(expected).sorted().prefix(4)), the calls alone \(expected.subtracting(allowed).sorted().prefix(4))"
            )
        }
    }
}

/// Makes the calls of a recording on a mount of its base tree.
private struct MountedCalls {
    private let folder: String
    private var tree: FileTree
    private var descriptors: [InodeNumber: CInt] = [:]

    static func record(_ recording: Recording) throws -> Recording {
        let folder = try TemporaryFolder()
        let writer = try RecordingWriter(
            arena: Arena(memoryLimit: 1 << 30), base: recording.base, storesBase: false)
        let server = try MountServer(tree: recording.base, writer: writer)
        let settings =
            "fd=\(server.fuseDescriptor),rootmode=40000,user_id=0,group_id=0,default_permissions"
        try check(mount("perjury-test", folder.path, "fuse", 0, settings))
        defer {
            umount2(folder.path, CInt(MNT_DETACH))
            server.stop()
        }
        server.start(cpu: nil)
        let mask = umask(0)
        defer { umask(mask) }
        var calls = MountedCalls(folder: folder.path, tree: recording.base)
        defer { for descriptor in calls.descriptors.values { close(descriptor) } }
        try calls.openFiles()
        var sequence = 0
        while sequence < recording.count {
            guard case .operation(let operation) = recording[sequence].event else { continue }
            var implied: Sync?
            if sequence + 1 < recording.count,
                case .operation(.sync(let next)) = recording[sequence + 1].event
            {
                implied = next
            }
            let isDouble = try calls.perform(operation, implied: implied)
            sequence += isDouble ? 2 : 1
        }
        return server.recording()
    }

    private static func check(_ result: some FixedWidthInteger) throws {
        guard result >= 0 else { throw Errno(rawValue: errno) }
    }

    private func path(_ number: InodeNumber) -> String? {
        var found: String?
        tree.visit { visited in
            if visited.inode == number, found == nil {
                found = ([folder] + visited.path.map(\.description)).joined(separator: "/")
            }
        }
        return found
    }

    private func path(_ entry: DirectoryEntry) -> String {
        "\(path(entry.directory)!)/\(entry.name)"
    }

    /// Keeps a descriptor of every file, so that files without a name stay in reach.
    private mutating func openFiles() throws {
        var files: [InodeNumber] = []
        tree.visit { if tree[$0.inode]?.kind == .regular { files.append($0.inode) } }
        for number in files where descriptors[number] == nil {
            let descriptor = open(path(number)!, O_RDWR | O_CLOEXEC)
            try Self.check(descriptor)
            descriptors[number] = descriptor
        }
    }

    /// - Returns: whether the call has also made the sync that follows.
    private mutating func perform(_ operation: Operation, implied: Sync?) throws -> Bool {
        var isDouble = false
        switch operation {
        case .create(_, let entry, let new):
            try create(path(entry), new)
        case .createUnnamed(let number, _):
            let descriptor = open(folder, O_RDWR | test_o_tmpfile | O_CLOEXEC, 0o644)
            try Self.check(descriptor)
            descriptors[number] = descriptor
        case .link(let number, let entry):
            if let old = path(number) {
                try Self.check(Glibc.link(old, path(entry)))
            } else {
                try Self.check(
                    linkat(
                        AT_FDCWD, "/proc/self/fd/\(descriptors[number]!)", AT_FDCWD, path(entry),
                        AT_SYMLINK_FOLLOW))
            }
        case .remove(let entry, let isDirectory):
            try Self.check(isDirectory ? rmdir(path(entry)) : unlink(path(entry)))
        case .rename(let from, let to, let mode):
            try rename(path(from), path(to), mode)
        case .write(let number, let offset, let bytes, let origin):
            isDouble = origin == .synchronousCall
            try write(number, offset, bytes, through: isDouble ? implied : nil)
        case .setSize(let number, let size):
            try Self.check(ftruncate(descriptors[number]!, off_t(size)))
        case .allocate(let number, let mode, let range):
            let flags: [AllocateMode: Int] = [
                .extend: 0, .keepSize: 1, .punchHole: 3, .zeroRange: 0x10, .zeroRangeKeepSize: 0x11,
            ]
            try Self.check(
                test_syscall(
                    Int(SYS_fallocate), Int(descriptors[number]!), flags[mode]!,
                    Int(range.lowerBound), range.count, 0, 0))
        case .setAttributes(let number, let change):
            try setAttributes(path(number)!, change)
        case .setExtendedAttribute(let number, let name, let value):
            try set(path(number)!, name.description, value ?? [])
        case .sync(let sync):
            try make(sync)
        }
        tree.apply(try tree.effects(of: operation))
        try openFiles()
        return isDouble
    }

    private mutating func create(_ path: String, _ new: NewInode) throws {
        switch new.kind {
        case .directory:
            try Self.check(mkdir(path, new.mode))
        case .symbolicLink:
            try Self.check(symlink(String(decoding: new.target, as: UTF8.self), path))
        default:
            let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, new.mode)
            try Self.check(descriptor)
            close(descriptor)
        }
    }

    private func rename(_ from: String, _ to: String, _ mode: RenameMode) throws {
        guard mode == .exchange else { return try Self.check(Glibc.rename(from, to)) }
        let result = from.withCString { from in
            to.withCString { to in
                test_syscall(
                    Int(SYS_renameat2), Int(AT_FDCWD), Int(bitPattern: from), Int(AT_FDCWD),
                    Int(bitPattern: to), 2, 0)
            }
        }
        try Self.check(result)
    }

    private func write(
        _ number: InodeNumber, _ offset: UInt64, _ bytes: Bytes, through sync: Sync?
    ) throws {
        var descriptor = descriptors[number]!
        if case .range(_, _, let dataOnly) = sync {
            descriptor = open(path(number)!, O_WRONLY | (dataOnly ? O_DSYNC : O_SYNC))
            try Self.check(descriptor)
        }
        defer { if sync != nil { close(descriptor) } }
        try Self.check(pwrite(descriptor, bytes.start, bytes.count, off_t(offset)))
    }

    private func setAttributes(_ path: String, _ change: AttributeChange) throws {
        if let mode = change.mode { try Self.check(chmod(path, mode)) }
        if let user = change.user { try Self.check(chown(path, user, gid_t.max)) }
        if let time = change.modified {
            // UTIME_OMIT, a macro that Swift does not see.
            let omitted = timespec(tv_sec: 0, tv_nsec: 1_073_741_822)
            let seconds = Int(time.nanoseconds / 1_000_000_000)
            try Self.check(
                utimensat(AT_FDCWD, path, [omitted, timespec(tv_sec: seconds, tv_nsec: 0)], 0))
        }
    }

    private func set(_ path: String, _ name: String, _ value: [UInt8]) throws {
        let result = path.withCString { path in
            name.withCString { name in
                value.withUnsafeBytes { value in
                    test_syscall(
                        Int(SYS_setxattr), Int(bitPattern: path), Int(bitPattern: name),
                        Int(bitPattern: value.baseAddress), value.count, 0, 0)
                }
            }
        }
        try Self.check(result)
    }

    private func make(_ sync: Sync) throws {
        switch sync {
        case .file(let number, let dataOnly), .range(let number, _, let dataOnly):
            let descriptor = descriptors[number]!
            try Self.check(dataOnly ? fdatasync(descriptor) : fsync(descriptor))
        case .directory(let number, let dataOnly):
            let descriptor = open(path(number)!, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            try Self.check(descriptor)
            defer { close(descriptor) }
            try Self.check(dataOnly ? fdatasync(descriptor) : fsync(descriptor))
        case .allocation: preconditionFailure("no litmus allocates through O_SYNC")
        case .everything:
            // What the agent does for sync(2).
            let descriptor = open("\(folder)/\(MountServer.controlFile)", O_WRONLY | O_CLOEXEC)
            try Self.check(descriptor)
            defer { close(descriptor) }
            try Self.check(Glibc.write(descriptor, "sync\n", 5))
        }
    }
}
