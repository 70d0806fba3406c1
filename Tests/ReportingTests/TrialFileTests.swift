import Campaign
import Reporting
import TestSupport
import Testing

@Suite("Trials as a file")
struct TrialFileTests {
    private static let samples = [
        Trial(
            tree: 1, output: Array("@saw k=v\n@end\n".utf8), outcome: .exited(0), log: [],
            isChanging: false, left: nil, isSecond: false),
        Trial(
            tree: .max, output: [0, 10, 13, 34, 92, 127, 128, 255], outcome: .killed(signal: 9),
            log: Array("ümlaut \u{2028}".utf8), isChanging: true, left: 0, isSecond: true),
        Trial(
            tree: 0x0123_4567_89ab_cdef, output: [], outcome: .timedOut, log: [10],
            isChanging: true, left: 7, isSecond: false),
    ]

    private func write(_ folder: TemporaryFolder, _ identity: String = "i") -> String {
        let path = folder.file("o.jsonl")
        let file = TrialFile(path: path, identity: identity, resuming: false)
        for sample in Self.samples { file.keep(sample) }
        return path
    }

    private func read(_ path: String, _ identity: String = "i") -> [Trial] {
        TrialFile(path: path, identity: identity, resuming: true).earlier()
    }

    @Test("reads back as it was written, and goes on")
    func readsBack() throws {
        let folder = try TemporaryFolder()
        let path = write(folder)

        #expect(read(path) == Self.samples)
        let file = TrialFile(path: path, identity: "i", resuming: true)
        file.keep(Self.samples[0])
        #expect(read(path) == Self.samples + [Self.samples[0]])
    }

    @Test("trials of something else stay, and are not used; without resuming it begins anew")
    func others() throws {
        let folder = try TemporaryFolder()
        let path = write(folder)

        #expect(read(path, "other") == [])
        TrialFile(path: path, identity: "other", resuming: true).keep(Self.samples[1])
        #expect(read(path, "other") == [Self.samples[1]])
        #expect(read(path, "i") == Self.samples)
        _ = TrialFile(path: path, identity: "i", resuming: false)
        #expect(read(path, "i") == [])
        #expect(read(path, "other") == [])
    }

    @Test("two files, one behind the other, are one, also where the first was cut off")
    func merged() throws {
        let folder = try TemporaryFolder()
        let first = try FileBytes.read(write(folder))
        let path = folder.file("p.jsonl")
        let more = TrialFile(path: path, identity: "i", resuming: false)
        more.keep(Self.samples[1])
        let second = try FileBytes.read(path)

        try FileBytes.write(first + second, to: path)
        #expect(read(path) == Self.samples + [Self.samples[1]])
        try FileBytes.write(second + first, to: path)
        #expect(read(path) == [Self.samples[1]] + Self.samples)
        // One that had been gone on with after its end begins with a line of its own.
        try FileBytes.write(first.dropLast(3) + [10] + second, to: path)
        #expect(read(path) == Self.samples.dropLast() + [Self.samples[1]])
    }

    @Test("a disk that is full is told, and ends what is kept")
    func full() throws {
        let file = TrialFile(path: "/dev/full", identity: "i", resuming: false)
        file.keep(Self.samples[0])

        #expect(file.failure?.contains("/dev/full") == true)
    }

    @Test("cut off or damaged at any byte, whole lines before it are kept, and nothing is invented")
    func damaged() throws {
        let folder = try TemporaryFolder()
        let path = write(folder)
        let bytes = try FileBytes.read(path)

        for position in 0..<bytes.count {
            let lines = bytes[..<position].count { $0 == 10 }
            try FileBytes.write(Array(bytes[..<position]), to: path)
            // Its checksum says that a line is whole, also where no other follows.
            let whole = bytes[position] == 10 ? lines : lines - 1
            #expect(read(path) == Array(Self.samples.prefix(max(0, whole))), "cut \(position)")
            var other = bytes
            other[position] ^= 0x04
            try FileBytes.write(other, to: path)
            #expect(
                read(path) == Array(Self.samples.prefix(max(0, lines - 1))), "flip \(position)")
        }
    }
}
