import Oracles
import Testing

// Method: clients in processes of their own, each with a stdio buffer that it flushes at the same
// points of each transaction, so that marks reach the log later than they were printed. Each transaction takes effect
// at one record between its true begin and its true acknowledgement. A store that is right keeps
// a prefix of these effects, at least all that were truly acknowledged: it must not be accused.

/// Programs that run, and what of their transactions is there at a cut.
private struct LateMarks {
    struct Effect {
        var name: String
        var writes: [(key: String, value: String?)]
        /// The record at which the store changed.
        var sequence: Int
        /// Records complete when the acknowledgement was printed; `nil` if it never was.
        var acknowledged: Int?
    }

    var history = History()
    /// In the order in which they took effect.
    var effects: [Effect] = []
    var recordCount = 0

    private enum Step: CaseIterable { case idle, begun, done }

    /// Where clients flush: at once, after `@ack`, after the change and log lines, …
    private static let habits: [Set<Step>] = [
        [.begun, .done, .idle], [.begun, .idle], [.idle], [.done], [.begun],
    ]

    init(dice: inout Dice) {
        let clients = 1 + dice.below(3)
        let habits = (0..<clients).map { _ in LateMarks.habits[dice.below(5)] }
        let isChatty = (0..<clients).map { _ in dice.oneIn(3) }
        var buffers = [String](repeating: "", count: clients)
        var steps = [Step](repeating: .idle, count: clients)
        var current = [Int](repeating: 0, count: clients)
        var writes = [[(key: String, value: String?)]](repeating: [], count: clients)
        var hasStarted = [Bool](repeating: false, count: clients)
        var count = 0
        for _ in 0..<40 {
            let client = dice.below(clients)
            switch steps[client] {
            case .idle:
                count += 1
                writes[client] = ["x", "y", "z"].shuffled(using: &dice).prefix(dice.below(3))
                    .map { ($0, dice.oneIn(6) ? nil : "v\(count)") }
                current[client] = count
                if habits[client] == [.done] && !hasStarted[client] {
                    // Otherwise a client of one transaction only would give no sign of its habit.
                    buffers[client] += "starting\n"
                }
                hasStarted[client] = true
                buffers[client] +=
                    "@begin \(client)/\(count)"
                    + writes[client].map { " \($0.key)=\($0.value ?? "")" }.joined() + "\n"
                steps[client] = .begun
            case .begun:
                effects.append(
                    Effect(
                        name: "\(client)/\(current[client])", writes: writes[client],
                        sequence: recordCount))
                recordCount += 1
                steps[client] = .done
            case .done:
                let name = "\(client)/\(current[client])"
                buffers[client] += "@ack \(name)\n"
                let index = effects.firstIndex { $0.name == name }!
                effects[index].acknowledged = recordCount
                steps[client] = .idle
            }
            if isChatty[client] && dice.oneIn(2) { buffers[client] += "a log line\n" }
            if habits[client].contains(steps[client]) { flush(client, &buffers) }
        }
        for client in 0..<clients { flush(client, &buffers) }
    }

    private mutating func flush(_ client: Int, _ buffers: inout [String]) {
        guard !buffers[client].isEmpty else { return }
        history.append(buffers[client].utf8, at: recordCount, time: UInt64(recordCount))
        recordCount += 1
        buffers[client] = ""
    }

    /// The observation of the first effects, all of them before the cut.
    func listing(of count: Int) -> Observation {
        var values: [String: String] = [:]
        var names: [String] = []
        for effect in effects.prefix(count) {
            if effect.writes.isEmpty { names.append(effect.name) }
            for (key, value) in effect.writes { values[key] = value }
        }
        let words = names + values.map { "\($0.key)=\($0.value)" }
        return Observation(
            output: (words.map { "@saw \($0)\n" }.joined() + "@end\n").utf8, outcome: .exited(0))
    }
}

@Suite("Marks printed late")
struct BufferedMarksTests {
    @Test(
        "a store that is right is not accused because its marks were late", arguments: 0..<40)
    func noFalseAlarm(seed: UInt64) {
        var dice = Dice(seed: seed)
        var judged = 0
        for _ in 0..<40 {
            let world = LateMarks(dice: &dice)
            #expect(world.history.errorCount == 0)
            guard world.history.buffered == nil else { continue }
            for cut in 0...world.recordCount {
                let possible = world.effects.prefix { $0.sequence < cut }.count
                let needed =
                    world.effects.prefix(possible)
                    .lastIndex { ($0.acknowledged ?? .max) < cut }.map { $0 + 1 } ?? 0
                for count in 0...possible {
                    let promise: Promise = count >= needed ? .durable : .prefix
                    let violations = judge(
                        world.listing(of: count), history: world.history, cut: cut,
                        promise: promise)
                    #expect(
                        violations.isEmpty,
                        "\(world.history.transactions) cut \(cut) \(count) \(violations)")
                    judged += 1
                }
            }
        }
        #expect(judged > 1_000)
    }

    @Test("a begin flushed with its acknowledgement still orders one client's transactions")
    func flushedTogether() {
        var history = History()
        history.append("@begin 1 k=a\n@ack 1\n".utf8, at: 3)
        history.append("@begin 2 k=b\n@ack 2\n".utf8, at: 7)

        #expect(history.objection == nil)
        #expect(kinds(saw("k=b"), history, cut: 7).isEmpty)
        #expect(kinds(saw("k=b"), history, cut: 4) == [.phantom])
        #expect(kinds(saw("k=a"), history, cut: 8) == [.lostCommit])
    }

    @Test("a late begin is not ordered after another client's acknowledgement before it")
    func otherClient() {
        var history = History()
        history.append("@begin a/1 k=a\n".utf8, at: 1)
        history.append("@ack a/1\n".utf8, at: 3)
        history.append("@begin b/1 k=b\n@ack b/1\n".utf8, at: 5)

        #expect(kinds(saw("k=a"), history).isEmpty)
        #expect(kinds(saw("k=b"), history).isEmpty)
    }
}
