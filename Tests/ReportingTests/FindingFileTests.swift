import Reporting
import TestSupport
import Testing

@Suite("Finding files")
struct FindingFileTests {
    @Test("a finding reads back as it was written")
    func readsBack() throws {
        var file = Samples.findingFile
        #expect(try FindingFile(parsing: Array(file.text.utf8)) == file)

        file.commands = .init(run: "./put.sh 20", observe: "./get.sh", promise: "durable")
        #expect(try FindingFile(parsing: Array(file.text.utf8)) == file)
        file.commands?.setup = "./setup.sh"
        file.commands?.server = "./server.sh"
        file.commands?.ready = "./ready.sh"
        file.commands?.timeout = "5s"
        file.commands?.environment = ["A=1", "JAVA_HOME"]
        file.treeHash = nil
        file.plan = Samples.emptyPlan
        #expect(try FindingFile(parsing: Array(file.text.utf8)) == file)

        file.ending = .kernelPanic
        file.recoveries = [
            .init(recording: "r-1.perjury", plan: Samples.findingFile.plan, treeHash: 1),
            .init(recording: "/r-2.perjury", plan: Samples.emptyPlan, treeHash: .max),
        ]
        #expect(try FindingFile(parsing: Array(file.text.utf8)) == file)
    }

    @Test("the file is JSON that a person can read")
    func isReadable() {
        #expect(
            Samples.findingFile.text == """
                {
                  "perjuryFinding": 1,
                  "perjury": "0.1.0",
                  "workload": "tiny-queue",
                  "folder": "/store/workloads/tiny-queue",
                  "recording": "../recordings/tiny-queue.recording",
                  "model": "ext4-ordered",
                  "stack": "honest",
                  "seed": 18446744073709551615,
                  "plan": {
                    "crashPoint": 411,
                    "lost": ["409.0"],
                    "torn": [
                      {"effect": "409.1", "kept": 5}
                    ]
                  },
                  "violation": "lost-commit",
                  "acknowledged": 3,
                  "seen": 2,
                  "summary": "c3 was acknowledged at #410, but it was not seen",
                  "lost": ["#409 rename meta.json.tmp -> meta.json: lost the name"],
                  "advice": "fsync the directory index/ after #409 and before acknowledging c3",
                  "treeHash": "0123456789abcdef"
                }

                """)
    }

    @Test(
        "what is wrong is said in one sentence",
        arguments: [
            (
                "\"perjuryFinding\": 1", "\"perjuryFinding\": 2",
                "it is a finding of another format; this perjury reads format 1"
            ),
            ("\"perjuryFinding\"", "\"other\"", "it is not a perjury finding"),
            ("\"model\"", "\"modell\"", "its member \"modell\" is unknown"),
            (
                "\"409.0\"", "\"409\"",
                "its `plan` names \"409\", where an effect like \"409.1\" belongs"
            ),
            (
                "\"409.0\"", "\"+409.0\"",
                "its `plan` names \"+409.0\", where an effect like \"409.1\" belongs"
            ),
            ("\"409.0\"", "\"409.1\"", "its `plan` names an effect twice"),
            ("\"kept\": 5", "\"kept\": 256", "its `plan.torn.kept` is not below 256"),
            ("411", "-1", "its `plan.crashPoint` is not a whole number that is not negative"),
            (
                "411", "9223372036854775808",
                "its `plan.crashPoint` is not a whole number that is not negative"
            ),
            ("lost-commit", "lost", "its `violation` \"lost\" is unknown"),
            ("/store", "store", "its `folder` is not an absolute path"),
            (
                "/store", "/\\u0000",
                "its `folder` is not a text without NUL that has at least one character"
            ),
            (
                "0123456789abcdef", "0123456789abcdeF",
                "its `treeHash` is not 16 lower-case hexadecimal digits"
            ),
            (
                "\"seen\": 2", "\"seen\": true",
                "its `seen` is not a whole number that is not negative"
            ),
        ])
    func explains(part: String, other: String, sentence: String) {
        let text = Samples.findingFile.text.replacing(part, with: other)

        #expect(throws: FindingFileError(sentence)) {
            try FindingFile(parsing: Array(text.utf8))
        }
    }

    @Test(
        "damaged files are refused or read, and what is read can be written",
        arguments: Seed.first(400))
    func survivesGarbage(seed: Seed) {
        var random = TestRandom(seed: seed)
        var bytes = Array(Samples.findingFile.text.utf8)
        for _ in 0...random.below(4) { Self.damage(&bytes, &random) }

        guard let file = try? FindingFile(parsing: bytes) else { return }

        #expect(throws: Never.self) { try FindingFile(parsing: Array(file.text.utf8)) }
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout TestRandom) {
        guard !bytes.isEmpty else { return }
        let place = random.below(bytes.count)
        switch random.below(6) {
        case 0: bytes[place] ^= 1 << UInt8(random.below(8))
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(random.element(of: Array("{}[],:\"\\0-9.e".utf8)), at: place)
        case 3: bytes.removeLast(bytes.count - place)
        case 4:
            let end = min(bytes.count, place + random.below(40))
            bytes.insert(contentsOf: bytes[place..<end], at: random.below(bytes.count))
        default: bytes.insert(contentsOf: random.bytes(3), at: place)
        }
    }
}
