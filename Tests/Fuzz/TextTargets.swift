import Basics
import FileTree
import Glibc
import Oracles
import PowerLoss
import Recording
import Reporting
import TestSupport
import Workloads

/// The line protocol: what programs under test and observers print.
final class MarksTarget: FuzzTarget {
    private static let lines = [
        "@begin c1/1 k=1 l=2\n", "@begin 2 k=\n", "@ack c1/1\n", "@ack 2\n", "@abort 3\n",
        "@unknown c2/4\n", "@saw k=1\n", "@saw c1/1\n", "@saw 2\n", "@corrupt page 3\n", "@end\n",
        "@failed no such file\n", "text\n",
    ]
    private let bytes = ByteMutator(
        ["@begin 1 k=v\n@ack 1\n", "@begin c/1 a=1 b=2\n", "@saw k=v\n@end\n"].map {
            Array($0.utf8)
        },
        words: [
            "@", " ", "=", "/", "%", "%2F", "%3d", "%0", "\n", "\r\n", "\t", "\0", "\u{e9}",
            "@begin ",
            "@ack ", "@abort ", "@unknown ", "@saw ", "@end", "@failed", "@corrupt", "c1/", "k=",
            "1",
        ], limit: 400)

    func mutated(_ random: inout TestRandom) -> [UInt8] {
        var input: [UInt8] = []
        for _ in 0...random.below(3) { input += random.element(of: Self.lines).utf8 }
        for _ in 0..<random.below(4) { bytes.change(&input, &random) }
        return input.count > bytes.limit ? Array(input[..<bytes.limit]) : input
    }

    func run(_ input: UnsafeRawBufferPointer) {
        let hash = StableHash.of(input)
        let cut = Int(hash % UInt64(input.count + 1))
        var history = Oracles.History()
        history.append(input[..<cut], at: hash & 1 == 0 ? -1 : 3, time: hash >> 3)
        history.append(input[cut...], at: 7, time: .max)
        history.finish(normally: hash & 2 == 0)
        let observation = Observation(output: input, outcome: .exited(0))
        guard hash & 0x1c == 0 else { return }
        for promise in [Promise.durable, .acknowledged, .boundedLoss(nanoseconds: hash)] {
            for cut in [0, 4, Int.max] {
                _ = judge(observation, history: history, cut: cut, promise: promise, now: hash)
            }
        }
        _ = positiveControl(base: observation, complete: observation, history: history)
        _ = compare(first: observation, second: observation)
    }
}

/// Files of findings, and the plans in them.
final class FindingTarget: FuzzTarget {
    private let mutator: ByteMutator
    private let storage: Storage

    init() {
        storage = Self.storage()
        var corpus: [[UInt8]] = []
        for planned in PlanSearch(storage, seed: 1).prefix(400) {
            let plan = planned.plan
            guard plan.lost.count < 5 else { continue }
            corpus.append(Array(Self.finding(plan).text.utf8))
        }
        mutator = ByteMutator(
            corpus,
            words: [
                "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "\\udc00", "null",
                "true",
                "-0", "1e999", "1e5", "0.5", "9223372036854775807", "18446744073709551615", "-1",
                "\"plan\":",
                "\"lost\":[", "\"torn\":", "\"kept\":", "\"effect\":\"3.1\"", "\"0.0\"",
                "\"treeHash\":", " ",
            ], limit: 3000)
    }

    private static func finding(_ plan: CrashPlan) -> FindingFile {
        FindingFile(
            workload: "kv", folder: "/w/kv",
            commands: .init(run: "kv run", observe: "kv list", promise: "durable"),
            recording: "kv.perjury", model: "posix", stack: "honest", seed: 7, plan: plan,
            kind: .lostCommit,
            .init(
                acknowledged: 3, seen: 2, summary: "commit 3 is \"lost\"",
                lost: ["write of kv.log"], advice: "fsync it"), treeHash: 0x0123_4567_89ab_cdef)
    }

    private static func storage() -> Storage {
        let history = OperationGenerator.history(seed: 5, count: 60)
        let writer = try! RecordingWriter(
            arena: Arena(memoryLimit: 64 << 20), base: FileTree(), storesBase: false, nonce: 1)
        for operation in history.operations { try! writer.append(.operation(operation)) }
        return Storage(log: try! EffectLog(writer.recording()), model: .posix, stack: .honest)
    }

    func mutated(_ random: inout TestRandom) -> [UInt8] {
        // A sound file that names anything at all, or a damaged one.
        if random.oneIn(3) {
            Array(Self.finding(plan(&random)).text.utf8)
        } else {
            mutator.mutated(&random)
        }
    }

    private func plan(_ random: inout TestRandom) -> CrashPlan {
        let effects = storage.log.effects
        func effect(_ random: inout TestRandom) -> EffectID {
            if random.below(8) > 0 { return random.element(of: effects).id }
            return EffectID(record: random.below(70), index: Int(random.hostile() >> 1))
        }
        var tears: [CrashPlan.TornEffect] = []
        for _ in 0..<random.below(3) {
            tears.append(
                .init(effect: effect(&random), kept: UInt8(truncatingIfNeeded: random.hostile())))
        }
        return CrashPlan(
            crashPoint: random.oneIn(9)
                ? Int(random.hostile() >> 1) : random.below(storage.lastCrashPoint + 2),
            lost: (0..<random.below(4)).map { _ in effect(&random) }, torn: tears)
    }

    func run(_ input: UnsafeRawBufferPointer) {
        guard let finding = try? FindingFile(parsing: Array(input)) else { return }
        let again = try? FindingFile(parsing: Array(finding.text.utf8))
        check(again == finding, "a finding does not read back")
        guard let state = try? storage.state(finding.plan) else { return }
        _ = state.hash
        check(state.plan == finding.plan, "a plan does not come back")
    }
}

/// `workload.yaml`.
final class WorkloadTarget: FuzzTarget {
    private let mutator: ByteMutator
    private let known = WorkloadFile.KnownNames(
        models: PersistenceModel.all.map(\.name), stacks: Stack.all.map(\.name))

    init() {
        var corpus: [[UInt8]] = []
        var paths = glob_t()
        if glob("Workloads/*/workload.yaml", 0, nil, &paths) == 0 {
            for index in 0..<Int(paths.gl_pathc) {
                corpus.append(readFile(String(cString: paths.gl_pathv[index]!)) ?? [])
            }
            globfree(&paths)
        }
        check(
            !corpus.isEmpty,
            "there is no Workloads/*/workload.yaml here: start in the project's folder")
        mutator = ByteMutator(
            corpus,
            words: [
                "about: ", "promise: ", "expect:", "run: ", "observe: ", "server:", "timeout: 3s",
                "under:",
                "models: [", "{", "}", "[", "]", ": ", "\n  ", "\n- ", "'", "\"", "|\n", ">-\n",
                "&a ", "*a ",
                "<<: ", "!!binary ", "!", "%YAML 1.2\n---\n", "---\n", "...", "# ", "\t", "?",
                "\u{feff}", "\0",
                "bounded-loss: 1s", "violates ", "holds", "posix", "ext4-ordered/lying-flush",
                "1e9", "~",
            ])
    }

    func mutated(_ random: inout TestRandom) -> [UInt8] { mutator.mutated(&random) }

    func run(_ input: UnsafeRawBufferPointer) {
        do {
            _ = try WorkloadFile(parsing: input, known: known)
        } catch {
            check(!"\(error)".utf8.contains { $0 < 0x20 || $0 == 0x7f }, "a raw control character")
        }
    }
}
