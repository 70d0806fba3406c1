import Campaign
import Reporting
import TestSupport
import Testing

@Suite("Observations as a file")
struct ObservationFileTests {
    private static let samples = [
        KeptObservation(
            hash: 1, output: Array("@saw k=v\n@end\n".utf8), outcome: .exited(0), log: [],
            isChanging: false, left: nil, isSecond: false),
        KeptObservation(
            hash: .max, output: [0, 10, 13, 34, 92, 127, 128, 255], outcome: .killed(signal: 9),
            log: Array("ümlaut \u{2028}".utf8), isChanging: true, left: 0, isSecond: true),
        KeptObservation(
            hash: 0x0123_4567_89ab_cdef, output: [], outcome: .timedOut, log: [10],
            isChanging: true, left: 7, isSecond: false),
    ]

    private func write(_ folder: TemporaryFolder, _ identity: String = "i") -> String {
        let path = folder.file("o.jsonl")
        let file = ObservationFile(path: path, identity: identity, resuming: false)
        for sample in Self.samples { file.keep(sample) }
        return path
    }

    private func read(_ path: String, _ identity: String = "i") -> [KeptObservation] {
        ObservationFile(path: path, identity: identity, resuming: true).earlier()
    }

    @Test("reads back as it was written, and goes on")
    func readsBack() throws {
        let folder = try TemporaryFolder()
        let path = write(folder)

        #expect(read(path) == Self.samples)
        let file = ObservationFile(path: path, identity: "i", resuming: true)
        file.keep(Self.samples[0])
        #expect(read(path) == Self.samples + [Self.samples[0]])
    }

    @Test("another identity, or no wish to resume, begins anew")
    func anew() throws {
        let folder = try TemporaryFolder()
        let path = write(folder)

        #expect(read(path, "other") == [])
        #expect(read(path, "i") == [], "the other one began anew")
    }

    @Test("a disk that is full is told, and ends what is kept")
    func full() throws {
        let file = ObservationFile(path: "/dev/full", identity: "i", resuming: false)
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
            #expect(read(path) == Array(Self.samples.prefix(max(0, lines - 1))), "cut \(position)")
            var other = bytes
            other[position] ^= 0x04
            try FileBytes.write(other, to: path)
            #expect(
                read(path) == Array(Self.samples.prefix(max(0, lines - 1))), "flip \(position)")
        }
    }
}
