import Glibc
import Oracles
import TestSupport
import Testing
import Workloads

/// When `--resume` may take over what an earlier call made.
@Suite("Identity of a workload")
struct WorkloadIdentityTests {
    private struct Value {
        let set: Set<Int>
        let dictionary: [String: Promise]
        let optional: String?
        let list: [Observation.Outcome]
    }

    @Test("a value has one text, in whatever order it is kept")
    func canonical() {
        let value = Value(
            set: [3, 1, 2], dictionary: ["b": .opens, "a": .boundedLoss(nanoseconds: 5)],
            optional: "x\n\"", list: [.exited(1), .killed(signal: 9)])

        #expect(
            WorkloadIdentity.canonical(value)
                == #"(set:[1,2,3],dictionary:[(key:"a",value:(boundedLoss:(nanoseconds:5))),"#
                + #"(key:"b",value:opens)],optional:"x\n\"",list:[(exited:1),(killed:(signal:9))])"#
        )
    }

    /// A property that is misspelt in the lists would be compared after all.
    @Test("what does not matter are properties of the workload file")
    func ignored() throws {
        let file = WorkloadFile(run: ["x"], observer: .command(["y"]))
        let properties = Set(Mirror(reflecting: file).children.compactMap(\.label))

        #expect(properties.isSuperset(of: WorkloadIdentity.ignoredInRun))
        #expect(properties.isSuperset(of: WorkloadIdentity.ignoredInObservation))
    }

    private struct Case: CustomTestStringConvertible {
        let testDescription: String
        let yaml: String
        /// What is named as changed: of the run, of the observation; nil where it is the same.
        let run: String?
        let observation: String?
    }

    private static let least = "run: ./run\nobserve: ./see\n"

    private static let cases = [
        Case(testDescription: "nothing", yaml: least, run: nil, observation: nil),
        Case(
            testDescription: "the promise", yaml: least + "promise: prefix\nnested: 2\nexit: any\n",
            run: nil, observation: nil),
        Case(
            testDescription: "setup", yaml: least + "setup: ./run x\n", run: "`setup`",
            observation: nil),
        Case(
            testDescription: "the observer's command", yaml: "run: ./run\nobserve: ./see x\n",
            run: nil, observation: "`observer`"),
        Case(
            testDescription: "a variable", yaml: least + "environment: [A=1]\n",
            run: "`environment`", observation: "`environment`"),
        Case(
            testDescription: "faults", yaml: least + "faults: [EIO write]\n", run: "`faults`",
            observation: nil),
    ]

    private func identities(_ folder: TemporaryFolder) throws -> (
        WorkloadIdentity, WorkloadIdentity
    ) {
        let subject = try WorkloadSubject(
            try Workload.load(folder.path), options: RunnerOptions(out: folder.file("out")))
        return (subject.request, subject.observerIdentity)
    }

    private func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try write(Self.least, "workload.yaml", folder)
        for name in ["run", "see"] {
            try write("#!/bin/sh\n", name, folder)
            chmod(folder.file(name), 0o755)
        }
        return folder
    }

    private func write(_ text: String, _ name: String, _ folder: TemporaryFolder) throws {
        try FileBytes.write(Array(text.utf8), to: folder.file(name))
    }

    @Test("what a key changes", arguments: cases.indices)
    func keys(index: Int) throws {
        let it = Self.cases[index]
        let folder = try folder()
        let (run, observation) = try identities(folder)
        try write(it.yaml, "workload.yaml", folder)

        let (otherRun, otherObservation) = try identities(folder)

        let change = { (words: String?) in words.map { "changed since: \($0)" } }
        #expect(otherRun.difference(from: run) == change(it.run))
        #expect(otherObservation.difference(from: observation) == change(it.observation))
    }

    @Test("programs by their bytes, wherever they are, and files of the folder")
    func programs() throws {
        let folder = try folder()
        let elsewhere = try TemporaryFolder()
        let program = elsewhere.file("store")
        try write("one", "store", elsewhere)
        chmod(program, 0o755)
        let link = "../\(elsewhere.path.split(separator: "/").last!)"
        try write("run: \(program)\nobserve: [./see, \(link)/store]\n", "workload.yaml", folder)
        let (run, observation) = try identities(folder)

        try write("three", "store", elsewhere)
        let (built, seen) = try identities(folder)
        #expect(built.difference(from: run) == "changed since: the program \(program)")
        #expect(
            seen.difference(from: observation)
                == "changed since: the program \(folder.path)/\(link)/store")

        mkdir(folder.file("library"), 0o755)
        try write("x", "library/store.py", folder)
        let (more, _) = try identities(folder)
        #expect(more.difference(from: built) == "changed since: the files of its folder")

        // What the harness writes, and what others do, is not the workload's.
        for name in ["out", ".git", "__pycache__"] {
            mkdir(folder.file(name), 0o755)
            try write("x", "\(name)/file", folder)
        }
        #expect(try identities(folder).0.difference(from: more) == nil)
    }
}
