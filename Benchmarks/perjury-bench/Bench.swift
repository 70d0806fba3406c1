// What a shell script cannot time. See `Benchmarks/run`.
//
//     perjury-bench mount DIRECTORY RECORDING   serves an empty tree, recording everything, until standard input ends
//     perjury-bench states                      time per crash state as the log grows

import Basics
import FileTree
import FuseMount
import Glibc
import PowerLoss
import Recording
import Workloads

@main
struct Bench {
    static func main() throws {
        let arguments = CommandLine.arguments
        switch arguments.dropFirst().first {
        case "mount" where arguments.count == 4:
            try mount(at: arguments[2], recording: arguments[3])
        case "states":
            try states()
        default:
            print("usage: perjury-bench mount DIRECTORY RECORDING | states")
            exit(64)
        }
    }

    static func mount(at folder: String, recording: String) throws {
        let tree = FileTree()
        let writer = try RecordingWriter(
            arena: Arena(creating: recording), base: tree, storesBase: true)
        let server = try MountServer(tree: tree, writer: writer)
        let settings =
            "fd=\(server.fuseDescriptor),rootmode=40000,user_id=0,group_id=0,default_permissions"
        guard Glibc.mount("perjury", folder, "fuse", 0, settings) == 0 else {
            perror("mounting \(folder)")
            exit(1)
        }
        server.start(cpu: nil)
        while getchar() != EOF {}
        umount2(folder, CInt(MNT_DETACH))
        server.stop()
    }

    /// A log store of one file that is synced every 8 writes: how long one more crash state takes, at the end of a short log
    /// and of a long one.
    static func states() throws {
        for count in [10_000, 100_000, 1_000_000] {
            let arena = try Arena()
            let base = FileTree()
            let writer = try RecordingWriter(arena: arena, base: base, storesBase: false)
            let number = InodeNumber(2)
            let entry = DirectoryEntry(.root, "log")
            try writer.append(.operation(.create(number, at: entry, .file)))
            let payload = OwnedBytes([UInt8](repeating: 7, count: 100))
            for index in 0..<count {
                // Within 4 MiB, so that the tree does not grow with the log.
                let offset = UInt64(index % 40_000 * 100)
                try writer.append(
                    .operation(.write(number, offset: offset, payload.bytes, .call)))
                if index % 8 == 7 {
                    try writer.append(.operation(.sync(.file(number, dataOnly: true))))
                }
            }
            var start = MonotonicClock.seconds
            let log = try EffectLog(writer.recording())
            let storage = Storage(log: log, model: .ext4Ordered, stack: .honest)
            let prepared = MonotonicClock.seconds - start
            start = MonotonicClock.seconds
            var states = 0
            for point in (storage.lastCrashPoint - 500)..<storage.lastCrashPoint {
                let pending = storage.pending(at: point)
                for lost in pending.effects.indices {
                    var choice = Storage.Choice.losingNothing(of: pending)
                    for index in lost..<pending.effects.count { choice.kept[index] = false }
                    _ = CrashState(storage, pending, choice).hash
                    states += 1
                }
            }
            let seconds = MonotonicClock.seconds - start
            print(
                "\(count) writes: \(Int(seconds / Double(states) * 1e9)) ns a state, "
                    + "\(Int(prepared / Double(count) * 1e9)) ns a record to prepare")
        }
    }
}
