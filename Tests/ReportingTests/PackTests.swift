import Basics
import Glibc
import Reporting
import TestSupport
import Testing

@Suite("Packs")
struct PackTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for name in ["source", "out"] { mkdir(folder.file(name), 0o700) }
    }

    private static let long = String(repeating: "long/", count: 30) + "name"
    private static let contents: [(name: String, content: [UInt8])] = [
        (PackManifest.finding, Array("{}".utf8)),
        (PackManifest.recording, Array(repeating: 7, count: 1000)),
        (PackManifest.recovery(1), []),
        ("workload/run.sh", Array("#!/bin/sh\n".utf8)),
        ("workload/two words", Array(repeating: 1, count: 512)),
        ("workload/\(long)", [1, 2, 3]),
        ("workload/größe", [0]),
    ]

    /// Writes the sources and packs them; answers the pack's bytes.
    private func pack() throws -> [UInt8] {
        var sources: [PackWriter.Source] = []
        for (index, item) in Self.contents.enumerated() {
            let path = folder.file("source/\(index)")
            try FileBytes.write(item.content, to: path)
            chmod(path, 0o640)
            var times = [timespec(tv_sec: 5, tv_nsec: 0), timespec()]
            times[1].tv_sec = 1_700_000_000 + index
            utimensat(AT_FDCWD, path, times, 0)
            sources.append(.init(name: item.name, path: path))
        }
        chmod(folder.file("source/3"), 0o755)
        let path = folder.file("pack")
        let output = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
        try PackWriter.write(sources, Self.manifest, to: output)
        return try FileBytes.read(path)
    }

    private static let manifest = PackManifest(
        perjury: "0.1.0", kernel: "Linux 6 x86_64",
        programs: [.init(path: "/bin/sh", size: 5, hash: .max)], leftOut: ["link"])

    /// Why these bytes are refused; nil where they are unpacked.
    private func refusal(of bytes: [UInt8]) throws -> String? {
        let place = try TemporaryFolder()
        let path = place.file("pack")
        try FileBytes.write(bytes, to: path)
        mkdir(place.file("in"), 0o700)
        defer {
            let names = namesInFolder(place.path)?.sorted()
            #expect(names == ["in", "pack"], "something was written outside")
        }
        do throws(PackError) {
            _ = try PackReader.unpack(path, into: place.file("in"))
            return nil
        } catch {
            // Names in it are escaped where it is printed.
            #expect(!Escaped.line(error.description).contains("\n"))
            return error.description
        }
    }

    // MARK: What is packed is what comes out

    @Test("files come out as they went in, with their modes and times, whatever the umask")
    func roundTrip() throws {
        let bytes = try pack()
        let before = umask(0o077)
        defer { umask(before) }

        let manifest = try PackReader.unpack(folder.file("pack"), into: folder.file("out"))

        #expect(PackReader.isPack(bytes))
        #expect(manifest.programs == Self.manifest.programs && manifest.leftOut == ["link"])
        #expect(manifest.members.map(\.path) == Self.contents.map(\.name))
        for (index, item) in Self.contents.enumerated() {
            let path = folder.file("out/\(item.name)")
            #expect(try FileBytes.read(path) == item.content)
            var status = stat()
            stat(path, &status)
            let isWorkloads = item.name.hasPrefix("workload/")
            let mode: mode_t = item.name == "workload/run.sh" ? 0o755 : isWorkloads ? 0o640 : 0o600
            #expect(status.st_mode & 0o7777 == mode, "\(item.name)")
            if isWorkloads { #expect(status.st_mtim.tv_sec == 1_700_000_000 + index) }
        }
    }

    @Test("equal files make equal packs")
    func isDeterministic() throws {
        #expect(try pack() == pack())
    }

    @Test("tar reads a pack")
    func isArchive() throws {
        _ = try pack()
        let place = folder.file("out")
        var child = ChildProcess(["tar", "-xf", folder.file("pack"), "-C", place])
        child.environment = nil
        child.isInPath = true
        ChildProcess.wait(try child.start())

        for item in Self.contents {
            #expect(try FileBytes.read("\(place)/\(item.name)") == item.content)
        }
        #expect(access("\(place)/\(PackManifest.name)", F_OK) == 0)
    }

    @Test("a name that no archive holds, and what is no file, are refused when packing")
    func unpackable() throws {
        let output = try Descriptor(
            opening: folder.file("pack"), O_WRONLY | O_CREAT, mode: 0o600)
        let write = { (name: String, path: String) throws(PackError) in
            try PackWriter.write([.init(name: name, path: path)], Self.manifest, to: output)
        }
        try FileBytes.write([1], to: folder.file("source/a"))
        let name = "workload/" + String(repeating: "n", count: 200)
        #expect(throws: PackError.self) { try write(name, folder.file("source/a")) }
        #expect(throws: PackError.self) { try write("workload/a", folder.file("source")) }
        #expect(throws: PackError.self) { try write("workload/a", folder.file("none")) }
    }

    // MARK: What was cut short or changed

    @Test("a pack that ends anywhere else than at its end is refused")
    func cutShort() throws {
        let bytes = try pack()
        for count in stride(from: 0, to: bytes.count, by: 97) {
            #expect(try refusal(of: Array(bytes[..<count])) != nil, "\(count) bytes")
        }
        #expect(try refusal(of: bytes + [0]) != nil)
        #expect(try refusal(of: bytes) == nil)
    }

    @Test("a pack of which any one byte is another is refused")
    func changed() throws {
        let bytes = try pack()
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1 << UInt8(index % 8)
            #expect(try refusal(of: changed) != nil, "byte \(index)")
        }
    }

    @Test(
        "a pack that was changed at random is refused, or is as it was", arguments: Seed.first(200))
    func changedAtRandom(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let bytes = try pack()
        var changed = bytes
        for _ in 0...random.below(3) {
            let place = random.below(changed.count)
            let count = min(random.below(600), changed.count - place)
            switch random.below(4) {
            case 0: changed.removeSubrange(place..<place + count)
            case 1: changed.insert(contentsOf: changed[place..<place + count], at: place)
            case 2:
                for index in place..<place + count {
                    changed[index] = UInt8(truncatingIfNeeded: random.next())
                }
            default:
                // A whole block elsewhere, headers included.
                let block = place & ~511
                let other = random.below(changed.count / 512) * 512
                guard max(block, other) + 512 <= changed.count else { continue }
                changed.replaceSubrange(block..<block + 512, with: changed[other..<other + 512])
            }
        }
        #expect(try refusal(of: changed) == nil ? changed == bytes : true)
    }

    // MARK: Packs made to do harm

    /// An archive with this manifest and these members, as perjury would begin it.
    private static func archive(
        _ members: [(name: String, kind: Character)], named: [String]? = nil, format: Int = 1,
        size: UInt64 = 1
    ) -> [UInt8] {
        let file = { (name: String) in
            JSON.object([
                .init("path", .string(name)), .init("size", .number(size)),
                .init("hash", .string(Escaped.hexadecimal(StableHash.of([1], seed: 1)))),
            ])
        }
        let manifest = JSON.object([
            .init("perjuryPack", .number(format)), .init("perjury", .string("0.1.0")),
            .init("kernel", .string("")), .init("programs", .array([])),
            .init("leftOut", .array([])),
            .init("members", .array((named ?? members.map(\.name)).map(file))),
        ])
        var archive = TestArchive()
        archive.add(PackManifest.name, Array(manifest.text.utf8))
        for member in members {
            archive.add(
                member.name, [1], kind: member.kind,
                link: "12".contains(member.kind) ? "/etc/passwd" : "")
        }
        archive.add("end", Array("0123456789abcdef\n".utf8))
        archive.end()
        return archive.bytes
    }

    private static func files(_ names: String...) -> [(name: String, kind: Character)] {
        ([PackManifest.finding, PackManifest.recording] + names).map { ($0, "0") }
    }

    @Test(
        "a path that leads out of the pack's folder is refused, by the manifest's word and by the archive's",
        arguments: [
            "/etc/passwd", "workload/../../escaped", "workload/..", "../escaped", "..",
            "workload//etc", "workload/./a", "workload/a/", "workload/a\u{0}b",
        ])
    func leaves(path: String) throws {
        let byManifest = try #require(try refusal(of: Self.archive(Self.files(path))))
        #expect(
            byManifest.contains("would leave the pack's folder")
                || byManifest.contains("is not named as a file is"))

        let names = [PackManifest.finding, PackManifest.recording, "workload/a"]
        let byArchive = try #require(
            try refusal(of: Self.archive(Self.files(path), named: names)))
        #expect(byArchive.contains("it was cut short or changed"))
    }

    @Test(
        "links, devices, fifos and folders are refused",
        arguments: zip(
            "123456x".map { $0 },
            [
                "a hard link", "a symbolic link", "a device", "a device", "a folder", "a fifo",
                "of a kind of its own",
            ]))
    func isNoFile(kind: Character, words: String) throws {
        for place in 0...2 {
            var members = Self.files("workload/a")
            members[place].kind = kind
            let refusal = try #require(try refusal(of: Self.archive(members)))
            #expect(refusal.contains("`\(members[place].name)` is \(words)"), "\(refusal)")
        }
    }

    @Test("members that are there twice, or a file and a folder, or of no known name are refused")
    func names() throws {
        let refused = { (names: [(name: String, kind: Character)], sentence: String) in
            let refusal = try refusal(of: Self.archive(names))
            #expect(refusal?.contains(sentence) ?? false, "\(refusal ?? "unpacked")")
        }
        try refused(Self.files("workload/a", "workload/a"), "two members `workload/a`")
        try refused(Self.files("workload/a", "workload/a/b"), "`workload/a` is a file and a folder")
        try refused(Self.files("workload/a/b", "workload/a"), "`workload/a` is a file and a folder")
        try refused(Self.files("elsewhere/a"), "`elsewhere/a`, which no pack has there")
        try refused(Self.files("workload"), "`workload`, which no pack has there")
        try refused(Self.files(PackManifest.name), "two members `manifest.json`")
        try refused(Self.files("end"), "two members `end`")
        try refused(Self.files("recovery-2.perjury"), "which no pack has there")
        try refused([], "it has no finding")
        try refused(
            [(PackManifest.recording, "0"), (PackManifest.finding, "0")], "no pack has there")
    }

    @Test("sizes that are not those of the file are refused before anything is written")
    func sizes() throws {
        for size in [0, 2, 600, 1 << 33, UInt64.max] {
            let refusal = try #require(
                try refusal(of: Self.archive(Self.files("workload/a"), size: size)))
            #expect(
                refusal.contains("its manifest tells of")
                    || refusal.contains("is where its manifest has")
                    || refusal.contains("more bytes than one can have"), "\(refusal)")
        }
    }

    @Test("another format, another archive and what is no archive are told apart")
    func others() throws {
        #expect(
            try refusal(of: Self.archive(Self.files(), format: 2))
                == "it is a pack of another format; this perjury reads format 1")
        var other = TestArchive()
        other.add("README", [1])
        other.end()
        #expect(try refusal(of: other.bytes)?.contains("it is no pack of perjury's") ?? false)
        var empty = TestArchive()
        empty.add(PackManifest.name, Array("{}".utf8))
        empty.end()
        #expect(try refusal(of: empty.bytes)?.contains("is none of a pack of perjury's") ?? false)
        #expect(try refusal(of: Array("text".utf8)) != nil)
        #expect(!PackReader.isPack(other.bytes) && !PackReader.isPack([]))
    }
}
