import Basics
import Oracles
import Perjury
import PowerLoss
import Testing

/// The public types say what the harness's own say.
@Suite("Public types")
struct MirrorTests {
    @Test("each kind of violation has its public name")
    func violations() {
        #expect(Violation.allCases.map(\.rawValue) == ViolationKind.allCases.map(\.rawValue))
    }

    @Test("each promise comes back as it went in", arguments: Oracles.Promise.words)
    func promises(word: String) throws {
        let text = word == "bounded-loss: T" ? "bounded-loss: 1500ms" : word
        let parsed = Oracles.Promise(text)
        let promise = try #require(parsed)
        #expect(Perjury.Promise(promise).value == promise)
    }

    @Test("models and stacks go by their names")
    func names() throws {
        for model in PersistenceModel.all {
            #expect(try Model(named: model.name).description == model.name)
        }
        #expect(try Model(named: "ext4-ordered") == .ext4)
        for stack in PowerLoss.Stack.all {
            #expect(try Perjury.Stack(named: stack.name).description == stack.name)
        }
        let error = #expect(throws: PerjuryError.self) { try Perjury.Stack(named: "lying-flsh") }
        #expect(error?.sentence.contains("lying-flush") == true)
    }

    @Test("a store without a program is refused, and so are options out of their range")
    func refused() throws {
        #expect(throws: PerjuryError.self) { try Store("x", run: [], observe: ["true"]).workload() }
        let store = try Store("x", run: ["true"], observe: ["true"]).workload()
        var exploration = Exploration()
        exploration.nested = 4
        #expect(throws: PerjuryError.self) { try exploration.options(for: store.file) }
        exploration.nested = 1
        exploration.jobs = 0
        #expect(throws: PerjuryError.self) { try exploration.options(for: store.file) }
        for count in [0, -5] {
            exploration.budget = .states(count)
            #expect(throws: PerjuryError.self) { try exploration.options(for: store.file) }
        }
        exploration.budget = .time(.seconds(Int64.max))
        exploration.models = [.ext4, .ext4]
        exploration.jobs = 2
        #expect(try exploration.options(for: store.file).targets.count == 1)
        #expect(try exploration.options(for: store.file).nested == 1)
    }

    @Test("times and variables that cannot be are refused, and a time without end has one")
    func times() throws {
        var store = Store("x", run: ["true"], observe: ["true"])
        for time in [Duration.zero, .seconds(-1)] {
            store.timeout = time
            #expect(throws: PerjuryError.self) { try store.workload() }
        }
        store.timeout = .seconds(Int64.max)
        #expect(try store.workload().file.timeoutNanoseconds == 9_223_372_036_000_000_000)
        store.promise = .boundedLoss(.zero)
        #expect(throws: PerjuryError.self) { try store.workload() }
        store.promise = .durable
        store.environment = ["A=B": "C"]
        #expect(throws: PerjuryError.self) { try store.workload() }
    }

    @Test("a finding names the commands, but for what a workload.yaml says")
    func commands() throws {
        let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        var store = try Store(workload: "/\(package)/Workloads/toy-rename-no-fsync")
        #expect(StoreFolder.commands(store, try store.workload()) == nil)

        store.timeout = .microseconds(1_500)
        #expect(StoreFolder.commands(store, try store.workload())?.timeout == "1500000ns")
        store.timeout = .seconds(1)
        #expect(StoreFolder.commands(store, try store.workload())?.timeout == "1000ms")
    }

    @Test("a store of a workload.yaml is what stands there, but for what is changed")
    func workloadFile() throws {
        let package = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let folder = "/\(package)/Workloads/toy-rename-no-fsync"
        var store = try Store(workload: folder)
        let read = try store.workload()
        #expect(read.name == "toy-rename-no-fsync")
        #expect(read.file.run == store.run)
        #expect(!read.file.expect.models.isEmpty || read.file.expect.general != nil)

        store.promise = .opens
        store.timeout = .milliseconds(1500)
        let changed = try store.workload()
        #expect(changed.file.promise == .opens)
        #expect(changed.file.timeoutNanoseconds == 1_500_000_000)
        #expect(changed.file.expect == read.file.expect)
    }
}
