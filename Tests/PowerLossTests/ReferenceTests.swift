import FileTree
import Glibc
import PowerLoss
import TestSupport
import Testing

/// The models against `Tests/Reference/persistence_model.py`, which was written apart from them: on random small histories both have
/// to allow the same states.
@Suite("The models and the reference allow the same states", .enabled(if: Reference.isAvailable))
struct ReferenceTests {
    @Test("the reference agrees with what real kernels left")
    func reference() {
        #expect(Reference.run("") == 0)
    }

    @Test("random histories", arguments: [2048, 512])
    func randomHistories(unit: Int) throws {
        let names = ["posix", "ext4-ordered", "xfs", "btrfs"]
        let stack = Stack(name: "test", about: "", atomicUnit: unit)
        var cases: [(seed: Seed, model: String, states: Set<String>)] = []
        var input = ""
        for seed in Seed.first(400) {
            let history = SmallHistory(seed: seed, longest: unit == 512 ? 5 : 7)
            let storage = names.map { history.life.storage(.named($0)!, stack) }
            guard storage.allSatisfy({ $0.isSmall }) else { continue }
            input += history.text
            for (name, storage) in zip(names, storage) {
                input += "end \(name) \(unit)\n"
                cases.append((seed, name, storage.states(at: storage.lastCrashPoint)))
            }
        }
        let folder = try TemporaryFolder()
        try FileBytes.write(Array(input.utf8), to: folder.file("histories"))

        let status = Reference.run(
            "--states < '\(folder.file("histories"))' > '\(folder.file("states"))'")

        #expect(status == 0)
        let text = String(decoding: try FileBytes.read(folder.file("states")), as: UTF8.self)
        let lines = text.split(separator: "\n")
        try #require(lines.count == cases.count)
        #expect(cases.count > 800)
        for (line, wanted) in zip(lines, cases) {
            let reference = Litmus.split(String(line))
            guard reference != wanted.states else { continue }
            let lacking = reference.subtracting(wanted.states).sorted().prefix(4)
            let extra = wanted.states.subtracting(reference).sorted().prefix(4)
            Issue.record(
                """
                \(wanted.seed), \(wanted.model): the reference alone allows \(lacking), \
                the model alone \(extra), of
                \(SmallHistory(seed: wanted.seed, longest: unit == 512 ? 5 : 7).text)
                """)
        }
    }
}

extension Storage {
    /// Whether all states at the end can be enumerated in a moment.
    fileprivate var isSmall: Bool {
        forEachState(at: lastCrashPoint, limit: 1500) { _ in }
    }
}

enum Reference {
    static let script: String = {
        let parts = #filePath.split(separator: "/").dropLast(2)
        return "/" + parts.joined(separator: "/") + "/Reference/persistence_model.py"
    }()

    static let isAvailable = system("command -v python3 > /dev/null 2>&1") == 0

    /// - Returns: the exit status of the reference with these words of a shell behind it.
    static func run(_ arguments: String) -> Int32 {
        system("python3 '\(script)' \(arguments.isEmpty ? "> /dev/null" : arguments)")
    }
}

/// A few random calls on a few names, as a `Life` and in the words of the reference.
struct SmallHistory {
    private(set) var life = Life()
    private(set) var text = "begin\n"
    private var random: TestRandom
    private var letters = Array("abcdefghij")

    init(seed: Seed, longest: Int) {
        random = TestRandom(seed: seed)
        makeBase()
        life.powerOn()
        for _ in 0...random.below(longest) { call() }
    }

    private mutating func makeBase() {
        life.makeDirectory("d")
        text += "base dir 1 d \(number("d"))\n"
        for (path, letter) in [("a", Character("O")), ("b", "P"), ("d/c", "M")] {
            guard random.below(3) > 0 else { continue }
            let size = random.element(of: [4096, 5000, 8192])
            life.create(path)
            life.write(path, 0, size, letter)
            text += "base file \(entry(path)) \(number(path)) \(size) \(letter)\n"
        }
    }

    private func number(_ path: String) -> UInt64 { life.inode(path).rawValue }

    /// The entry in the reference's words: a directory's inode and a name.
    private func entry(_ path: String) -> String {
        let parts = path.split(separator: "/")
        return "\(number(parts.dropLast().joined(separator: "/"))) \(parts.last!)"
    }

    private var directories: [String] {
        ["d", "d/e", "e"].filter { life.tree.lookUp(path: $0) != nil } + [""]
    }

    private var paths: [String] {
        directories.flatMap { directory in
            ["a", "b", "c", "t"].map { directory.isEmpty ? $0 : "\(directory)/\($0)" }
        }
    }

    private mutating func call() {
        let files = paths.filter { life.tree.lookUp(path: $0) != nil }
        let free = paths.filter { life.tree.lookUp(path: $0) == nil }
        let made = random.element(of: free)
        guard !files.isEmpty else { return create(made) }
        let file = random.element(of: files)
        switch random.below(20) {
        case 0..<3:
            create(made)
        case 3:
            let path = random.element(of: ["e", "d/e"])
            guard life.tree.lookUp(path: path) == nil else { return call() }
            life.makeDirectory(path)
            text += "do mkdir \(entry(path)) \(number(path))\n"
        case 4:
            text += "do link \(entry(made)) \(number(file))\n"
            life.link(file, made)
        case 5:
            text += "do unlink \(entry(file))\n"
            life.unlink(file)
        case 6..<9:
            let target = random.element(of: random.oneIn(2) ? files : free)
            text += "do rename \(entry(file)) \(entry(target))\n"
            life.rename(file, target)
        case 9..<13:
            let size = Int(life.tree[life.inode(file)]!.size)
            let offset = random.element(of: [0, 1024, 2048, 4096, size, size])
            let length = random.element(of: [8, 104, 2048, 3000, 4096, 6000])
            let letter = letters.removeFirst()
            life.write(file, UInt64(offset), length, letter)
            text += "do write \(number(file)) \(offset) \(length) \(letter)\n"
        case 13..<15:
            let size = random.element(of: [0, 104, 2048, 4096, 5000, 8192, 12288])
            life.truncate(file, UInt64(size))
            text += "do trunc \(number(file)) \(size)\n"
        case 15 where random.oneIn(2):
            life.failSync(file, .markedClean)
            text += "do failsync \(number(file))\n"
        case 15:
            life.fdatasync(file)
            text += "do fdatasync \(number(file))\n"
        case 16, 17:
            life.fsync(file)
            text += "do fsync \(number(file))\n"
        default:
            let directory = random.element(of: directories)
            life.fsync(directory)
            text += "do fsyncdir \(number(directory))\n"
        }
    }

    private mutating func create(_ path: String) {
        life.create(path)
        text += "do creat \(entry(path)) \(number(path))\n"
    }
}
