import Basics
import CTestSupport
import FileTree
import Glibc
import TestSupport

import struct SystemPackage.Errno

/// Does the same random system calls in two directories and tells where they differ.
///
/// Method: few names in few directories, so that calls meet each other's results; some files are held open while their
/// names go. The reference is a directory of the machine's own filesystem.
struct RandomOperations {
    private var random: TestRandom
    private let roots: [String]
    /// Files held open, one descriptor for each root.
    private var held: [[CInt]] = []
    private let canZeroRanges: Bool
    private(set) var done: [String] = []

    init(seed: Seed, roots: [String], canZeroRanges: Bool) {
        for root in roots {
            for name in ["d1", "d2", "d1/d3"] { mkdir(root + "/" + name, 0o755) }
        }
        random = TestRandom(seed: seed)
        self.roots = roots
        self.canZeroRanges = canZeroRanges
    }

    /// - Returns: nil when both directories behaved alike, else what differed.
    mutating func step() -> String? {
        let (name, call) = nextCall()
        var results: [String] = []
        for index in roots.indices { results.append(call(index)) }
        done.append("\(name) → \(results[0])")
        guard Set(results).count > 1 else { return nil }
        return "\(name): \(results.joined(separator: " but "))"
    }

    mutating func closeAll() {
        for pair in held { for descriptor in pair { close(descriptor) } }
        held = []
    }

    private typealias Call = (_ root: Int) -> String

    private mutating func path() -> String {
        let directories = ["", "", "d1/", "d2/", "d1/d3/"]
        return random.element(of: directories)
            + random.element(of: ["a", "a", "b", "b", "c", "c", "d1", "d2", "d3", "s"])
    }

    private mutating func nextCall() -> (String, Call) {
        let roots = roots
        switch random.below(24) {
        case 0...4: return fileCall()
        case 5...8: return heldCall()
        case 9, 10: return openCall()
        case 11:
            let path = path()
            return ("mkdir \(path)", { result(mkdir(roots[$0] + "/" + path, 0o755)) })
        case 12:
            let path = path()
            return ("rmdir \(path)", { result(rmdir(roots[$0] + "/" + path)) })
        case 13, 14:
            let path = path()
            return ("unlink \(path)", { result(unlink(roots[$0] + "/" + path)) })
        case 15...17:
            let (from, to, flags) = (path(), path(), random.element(of: [0, 0, 0, 1, 2]))
            return (
                "rename \(from) \(to) flags \(flags)",
                {
                    let error = renameFailure(
                        roots[$0] + "/" + from, roots[$0] + "/" + to, flags: flags)
                    return error.map { "\($0)" } ?? "0"
                }
            )
        case 18:
            let (from, to) = (path(), path())
            return (
                "link \(from) \(to)",
                { result(link(roots[$0] + "/" + from, roots[$0] + "/" + to)) }
            )
        case 19:
            let (target, path) = (random.element(of: ["a", "d1", "d2/b", "s"]), path())
            return (
                "symlink \(target) \(path)", { result(symlink(target, roots[$0] + "/" + path)) }
            )
        case 20:
            let (path, mode) = (path(), mode_t(random.below(0o1000)) | 0o600)
            return ("chmod \(path)", { result(chmod(roots[$0] + "/" + path, mode)) })
        case 21:
            let (path, size) = (path(), random.below(20000))
            return (
                "truncate \(path) \(size)",
                { result(truncate(roots[$0] + "/" + path, off_t(size))) }
            )
        case 22:
            let (path, value) = (path(), String(repeating: "v", count: random.below(50)))
            let flags = random.below(3)
            return (
                "setxattr \(path)",
                { root in
                    let full = roots[root] + "/" + path
                    return setAttribute(full, "user.x", value, flags: flags).map { "\($0)" } ?? "0"
                }
            )
        default:
            let path = path()
            return (
                "removexattr \(path)",
                { removeAttribute(roots[$0] + "/" + path, "user.x").map { "\($0)" } ?? "0" }
            )
        }
    }

    /// Opens a file, does one thing to it, closes it.
    private mutating func fileCall() -> (String, Call) {
        let roots = roots
        let path = path()
        let flags = random.element(of: [
            O_RDWR | O_CREAT, O_RDWR | O_CREAT | O_APPEND, O_RDWR | O_CREAT | O_TRUNC, O_RDWR,
            O_RDWR | O_CREAT | O_EXCL, O_RDWR | O_CREAT | O_DSYNC, O_RDONLY,
        ])
        let (name, action) = action()
        return (
            "\(name) on \(path) opened \(flags)",
            { root in
                let file = open(roots[root] + "/" + path, flags | O_CLOEXEC, 0o644)
                guard file >= 0 else { return "open: \(Errno(rawValue: errno))" }
                defer { close(file) }
                return action(file)
            }
        )
    }

    private mutating func openCall() -> (String, Call) {
        let roots = roots
        let path = path()
        if held.count > 4 {
            for descriptor in held.remove(at: random.below(held.count)) { close(descriptor) }
        }
        let pair = roots.map { open($0 + "/" + path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644) }
        let error = Errno(rawValue: errno)
        guard pair.allSatisfy({ $0 >= 0 }) else {
            for descriptor in pair where descriptor >= 0 { close(descriptor) }
            return ("open \(path)", { pair[$0] >= 0 ? "0" : "\(error)" })
        }
        held.append(pair)
        return ("hold \(path)", { "\(status(pair[$0]).st_size)" })
    }

    private mutating func heldCall() -> (String, Call) {
        guard !held.isEmpty else { return openCall() }
        let pair = random.element(of: held)
        let (name, action) = action()
        return ("\(name) on a held file", { action(pair[$0]) })
    }

    private mutating func action() -> (String, (CInt) -> String) {
        let offset = random.oneIn(20) ? random.below(1 << 20) : random.below(16000)
        let length = 1 + (random.oneIn(4) ? random.below(9000) : random.below(300))
        switch random.below(9) {
        case 0...3:
            let bytes = random.bytes(length)
            return (
                "write \(offset)+\(length)", { result(pwrite($0, bytes, length, off_t(offset))) }
            )
        case 4:
            return (
                "read \(offset)+\(length)",
                { file in
                    var bytes = [UInt8](repeating: 0, count: length)
                    let count = pread(file, &bytes, length, off_t(offset))
                    return count < 0 ? "\(Errno(rawValue: errno))" : "\(bytes[..<count])"
                }
            )
        case 5:
            return ("ftruncate \(offset)", { result(ftruncate($0, off_t(offset))) })
        case 6:
            let modes = canZeroRanges ? [0, 1, 3, 0x10, 0x11] : [0, 1, 3]
            let mode = random.element(of: modes)
            return (
                "fallocate \(mode) \(offset)+\(length)",
                { allocate($0, mode, offset, length).map { "\($0)" } ?? "0" }
            )
        case 7:
            return ("fsync", { result(fsync($0)) })
        default:
            return mapAction(store: UInt8(random.below(256)), at: offset)
        }
    }

    private func mapAction(store value: UInt8, at offset: Int) -> (String, (CInt) -> String) {
        (
            "store through a mapping at \(offset)",
            { file in
                let size = Int(status(file).st_size)
                guard offset < size else { return "beyond" }
                let answer = test_mapped(
                    file, size, PROT_READ | PROT_WRITE, MAP_SHARED, offset, CInt(value), 1)
                return answer < 0 ? "\(Errno(rawValue: -answer))" : "0"
            }
        )
    }
}

private func result(_ value: Int32) -> String { result(Int(value)) }

private func result(_ value: Int) -> String {
    value < 0 ? "\(Errno(rawValue: errno))" : "\(value)"
}

/// Everything below a directory that programs can see, save times and inode numbers, one line for each name.
func dump(_ root: String) throws -> [String] {
    var lines: [String] = []
    var first: [UInt64: String] = [:]
    func walk(_ path: String) throws {
        for name in try names(root + path) {
            let child = path + "/" + name
            let now = status(root + child)!
            var line = "\(child) mode \(String(now.st_mode, radix: 8)) user \(now.st_uid)"
            line += " links \(now.st_nlink)"
            switch now.st_mode & S_IFMT {
            case S_IFDIR:
                lines.append(line)
                try walk(child)
                continue
            case S_IFREG:
                let bytes = try contents(root + child)
                line += " size \(now.st_size) read \(bytes.count) hash \(StableHash.of(bytes))"
            default:
                var target = [CChar](repeating: 0, count: 200)
                line += " target \(readlink(root + child, &target, 199)) \(target.prefix(20))"
            }
            line += " attributes \(listAttributes(root + child))"
            line += " same as \(first[UInt64(now.st_ino), default: child])"
            if first[UInt64(now.st_ino)] == nil { first[UInt64(now.st_ino)] = child }
            lines.append(line)
        }
    }
    try walk("")
    return lines
}
