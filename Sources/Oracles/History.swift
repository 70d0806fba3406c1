// What a program swore to, read from the writes to its stdout file.
//
// The file is written through the mount, so each write is a record of the one log and has a
// sequence. A line may be spread over several writes. `@begin` counts from the record that holds
// its first byte; `@ack`, `@abort` and `@unknown` from the record that holds their newline: a
// transaction is thus never taken for begun too late nor for acknowledged too early.
//
// A program whose stdout is buffered writes marks late. A late acknowledgement costs a missed bug
// only. A late `@begin` would be worse: the transaction's changes stand in the log before it, and
// to see them would look like a phantom. A client of which some `@begin` shares its write with
// other bytes does not flush each of them; its begins are *unpunctual*. All that is known of such
// a begin is that it was printed after the previous write that carried a mark of its client, so it
// counts from there, and no acknowledgement of *another* client that came in between precedes it.
// One write that carries two `@ack` of one client says that acknowledgements wait in a buffer;
// then nothing can be said: `buffered`.
//
// It leaves out: a program that flushes its stdout only after its commit has changed something and
// before it prints `@ack`. Nothing in the log tells such a begin from a punctual one.

/// Marks of one client held back by a buffer of the program.
package struct BufferedMarks: Hashable, Sendable {
    package var first: String
    package var second: String
    /// The record that carried both acknowledgements.
    package var sequence: Int

    package var sentence: String {
        "marks were buffered: record #\(sequence) carries the acknowledgements of both \(first) "
            + "and \(second); flush stdout after each mark"
    }
}

/// A line that the protocol does not know, or that contradicts an earlier one.
package struct ProtocolError: Hashable, Sendable, CustomStringConvertible {
    /// Record that completed the line; -1 for setup.
    package var sequence: Int
    /// One sentence; quotes the line, escaped.
    package var sentence: String
    package var description: String { sentence }
}

/// The acknowledged history of one run, setup included.
///
/// Its properties are what it tells, indices into that, and how far the marks have been read: each mark moves all of them on.
package struct History: Sendable {
    /// In order of their first mark.
    package private(set) var transactions: [Transaction] = []
    /// The first marks found to have waited in a buffer. Nothing can be judged then.
    package private(set) var buffered: BufferedMarks?
    /// At most `errorLimit` of them; `errorCount` is how many there were.
    package private(set) var errors: [ProtocolError] = []
    package private(set) var errorCount = 0
    /// Whether the program ended by itself and in order, so that every transaction it tried is
    /// named by a mark. If not, a name that no mark knows may be one that was in flight.
    package private(set) var endedNormally = true
    /// Whether all that setup acknowledged was on stable storage before the log began.
    package var setupIsAtRest = true
    /// Lines that are no marks, with their newlines; the first `logLimit` bytes of them.
    package private(set) var log: [UInt8] = []

    package static let errorLimit = 100
    package static let logLimit = 1 << 20
    static let lineLimit = 1 << 20

    private(set) var keys: [HistoryKey] = []
    private(set) var keyIndices: [String: Int] = [:]
    private(set) var transactionIndices: [String: Int] = [:]
    /// Acknowledged transactions in the order of their acknowledgements.
    private(set) var acknowledgements: [Int] = []
    /// Some transaction writes two keys or more.
    private(set) var hasWideTransactions = false
    /// Records at which the status of some transaction changes; ascending after `epoch` sorts.
    private(set) var changes: [Int] = []

    private var lineCount = 0
    private var firstLineOfRun: Int?
    private var firstAcknowledgementOfRun: Int?
    private var pending: [UInt8] = []
    private var pendingSequence = -1
    private var pendingIsShared = false
    private var overlong = false
    private var clients: [String: ClientMarks] = [:]

    package init() {}

    /// Takes one write to the program's stdout.
    ///
    /// - Parameters:
    ///   - sequence: number of the record; negative for what setup printed.
    ///   - time: of the record, in nanoseconds; never decreases.
    package mutating func append(
        _ bytes: some Collection<UInt8>, at sequence: Int, time: UInt64 = 0
    ) {
        let sequence = max(sequence, -1)
        if sequence >= 0 && firstLineOfRun == nil {
            dropUnfinishedLine(of: "setup", sequence: -1)
            firstLineOfRun = lineCount
        }
        let bytes = Array(bytes)
        var start = 0
        while let end = bytes[start...].firstIndex(of: MarkText.newline) {
            let origin = WriteOrigin(
                sequence: sequence, time: time,
                firstByte: pending.isEmpty && !overlong ? sequence : pendingSequence,
                isShared: (pending.isEmpty ? start > 0 : pendingIsShared)
                    || end + 1 < bytes.count)
            if overlong {
                overlong = false
                pending = []
            } else if pending.isEmpty {
                take(bytes[start..<end], from: origin)
            } else {
                pending += bytes[start..<end]
                let line = pending
                pending = []
                take(line[...], from: origin)
            }
            start = end + 1
        }
        guard start < bytes.count, !overlong else { return }
        if pending.isEmpty {
            pendingSequence = sequence
            pendingIsShared = start > 0
        }
        pending += bytes[start...]
        if pending.count > History.lineLimit {
            if pending.first == MarkText.at { fail(pending[...], sequence, "is longer than 1 MiB") }
            pending = []
            overlong = true
        }
    }

    /// Says that no more marks come.
    ///
    /// - Parameter normally: the program ended by itself with status 0.
    package mutating func finish(normally: Bool) {
        endedNormally = normally
        if normally { dropUnfinishedLine(of: "the program", sequence: pendingSequence) }
        pending = []
    }

    private mutating func dropUnfinishedLine(of program: String, sequence: Int) {
        if pending.first == MarkText.at {
            fail(pending[...], sequence, "is the last of \(program) and has no newline")
        }
        pending = []
        overlong = false
    }

    // MARK: Lines

    private struct WriteOrigin {
        var sequence: Int
        var time: UInt64
        /// Record of the line's first byte.
        var firstByte: Int
        /// Other bytes stand before or behind the line in the writes that carried it.
        var isShared: Bool
    }

    /// What is known of one client's writes.
    private struct ClientMarks {
        /// Record of its latest mark, and of its latest mark in an earlier record.
        var latest: Int?
        var earlier: Int?
        var isUnpunctual = false
        /// Its latest acknowledgement.
        var acknowledgement: (name: String, sequence: Int)?
    }

    private mutating func take(_ line: ArraySlice<UInt8>, from origin: WriteOrigin) {
        guard line.first == MarkText.at else {
            let mark = line.drop { $0 == MarkText.space || $0 == UInt8(ascii: "\t") }
            let verb = mark.prefix { $0 != MarkText.space }
            if ["@begin", "@ack", "@abort", "@unknown"].contains(
                String(decoding: verb, as: UTF8.self))
            {
                fail(line, origin.sequence, "has spaces before its mark")
            }
            if log.count + line.count < History.logLimit {
                log += line
                log.append(MarkText.newline)
            }
            return
        }
        defer { lineCount += 1 }
        let words = MarkText.words(line)
        let verb = String(decoding: words.first ?? [], as: UTF8.self)
        let settlement: Settlement?
        switch verb {
        case "@begin": settlement = nil
        case "@ack": settlement = .acknowledged
        case "@abort": settlement = .aborted
        case "@unknown": settlement = .unknown
        case "@saw", "@corrupt", "@end", "@failed":
            return fail(line, origin.sequence, "is for the observer, not for run or setup")
        default: return fail(line, origin.sequence, "starts with an unknown mark")
        }
        guard words.count > 1 else { return fail(line, origin.sequence, "names no transaction") }
        guard !words[1].contains(MarkText.equals) else {
            return fail(line, origin.sequence, "has `=` where the transaction's name was expected")
        }
        guard words.dropFirst().allSatisfy(MarkText.isWellEncoded) else {
            return fail(line, origin.sequence, "has a `%` that two hexadecimal digits must follow")
        }
        let name = MarkText.canonical(words[1])
        if let settlement {
            guard words.count == 2 else {
                return fail(line, origin.sequence, "has words after the transaction's name")
            }
            settle(name, as: settlement, line: line, from: origin)
        } else {
            begin(name, writes: words.dropFirst(2), line: line, from: origin)
        }
    }

    private mutating func begin(
        _ name: String, writes: ArraySlice<ArraySlice<UInt8>>, line: ArraySlice<UInt8>,
        from origin: WriteOrigin
    ) {
        if let index = transactionIndices[name] {
            let settled = transactions[index].settlement != nil
            return fail(
                line, origin.sequence,
                settled ? "begins a transaction already settled" : "begins a transaction again")
        }
        var parsed: [(key: String, value: String?)] = []
        for word in writes {
            guard let split = word.firstIndex(of: MarkText.equals), split > word.startIndex else {
                return fail(line, origin.sequence, "has a word that is not `KEY=VALUE`")
            }
            let key = MarkText.canonical(word[..<split], encodesEquals: true)
            let value = word[(split + 1)...]
            guard !parsed.contains(where: { $0.key == key }) else {
                return fail(line, origin.sequence, "writes key \(key) twice")
            }
            parsed.append((key, value.isEmpty ? nil : MarkText.canonical(value)))
        }
        let client = client(of: name)
        note(client, sequence: origin.sequence)
        let previous = clients[client]?.earlier
        add(
            Transaction(
                name: name, client: client, writes: [], start: origin.firstByte, wasBegun: true,
                settledSequence: .max, settledTime: .max, beginLine: lineCount, settledLine: .max,
                earliestStart: previous.map { $0 + 1 } ?? -1,
                earliestBeginLine: earliestLine(
                    after: previous ?? -1, before: origin.sequence, client: client)),
            writes: parsed)
        if origin.sequence < 0 { return }
        if origin.isShared && clients[client]?.isUnpunctual == false {
            clients[client]?.isUnpunctual = true
            for index in transactions.indices where transactions[index].client == client {
                delay(index)
            }
        } else if clients[client]?.isUnpunctual == true {
            delay(transactions.count - 1)
        }
    }

    /// Lets a transaction count from the earliest moment at which its begin can have been printed.
    private mutating func delay(_ index: Int) {
        guard transactions[index].wasBegun, transactions[index].start >= 0 else { return }
        transactions[index].start = transactions[index].earliestStart
        transactions[index].beginLine = transactions[index].earliestBeginLine
        changes.append(transactions[index].start)
    }

    /// The first line of an acknowledgement of another client in the records between; none from
    /// there on is known to precede a `@begin` that was printed after the record `previous`.
    private func earliestLine(after previous: Int, before sequence: Int, client: String) -> Int {
        var bound = lineCount
        if previous < 0 {
            // The client is new to the run: all of the run's acknowledgements are others'.
            guard let first = firstAcknowledgementOfRun.map({ transactions[$0] }),
                first.settledSequence < sequence
            else { return bound }
            return first.settledLine
        }
        for index in acknowledgements.reversed() {
            let transaction = transactions[index]
            if transaction.settledSequence <= previous { break }
            if transaction.settledSequence < sequence && transaction.client != client {
                bound = transaction.settledLine
            }
        }
        return bound
    }

    private mutating func settle(
        _ name: String, as settlement: Settlement, line: ArraySlice<UInt8>,
        from origin: WriteOrigin
    ) {
        let client = client(of: name)
        let index: Int
        if let known = transactionIndices[name] {
            guard transactions[known].settlement == nil else {
                return fail(line, origin.sequence, "settles a transaction already settled")
            }
            index = known
        } else {
            index = transactions.count
            add(
                Transaction(
                    name: name, client: client, writes: [], start: -1, wasBegun: false,
                    settledSequence: .max, settledTime: .max, beginLine: firstLineOfRun ?? 0,
                    settledLine: .max, earliestStart: -1, earliestBeginLine: 0),
                writes: [])
        }
        note(client, sequence: origin.sequence)
        transactions[index].settlement = settlement
        transactions[index].settledSequence = origin.sequence
        transactions[index].settledTime = origin.sequence < 0 ? 0 : origin.time
        transactions[index].settledLine = lineCount
        changes.append(origin.sequence)
        guard settlement == .acknowledged else { return }
        acknowledgements.append(index)
        if origin.sequence >= 0 && firstAcknowledgementOfRun == nil {
            firstAcknowledgementOfRun = index
        }
        if let previous = clients[client]?.acknowledgement,
            previous.sequence == origin.sequence, origin.sequence >= 0, buffered == nil
        {
            buffered = BufferedMarks(
                first: previous.name, second: name, sequence: origin.sequence)
        }
        clients[client]?.acknowledgement = (name, origin.sequence)
    }

    private mutating func add(
        _ transaction: Transaction, writes: [(key: String, value: String?)]
    ) {
        let index = transactions.count
        var transaction = transaction
        for (name, value) in writes {
            let keyIndex = keyIndices[name] ?? keys.count
            if keyIndex == keys.count {
                keyIndices[name] = keyIndex
                keys.append(HistoryKey(name: name))
            }
            keys[keyIndex].writers[value, default: []].append(index)
            transaction.writes.append(.init(key: name, value: value, keyIndex: keyIndex))
        }
        hasWideTransactions = hasWideTransactions || writes.count > 1
        changes.append(transaction.start)
        transactionIndices[transaction.name] = index
        transactions.append(transaction)
    }

    private mutating func note(_ client: String, sequence: Int) {
        var marks = clients[client] ?? ClientMarks()
        if marks.latest != sequence {
            marks.earlier = marks.latest
            marks.latest = sequence
        }
        clients[client] = marks
    }

    private func client(of name: String) -> String {
        name.utf8.firstIndex(of: MarkText.slash).map { String(name[..<$0]) } ?? ""
    }

    private mutating func fail(_ line: ArraySlice<UInt8>, _ sequence: Int, _ what: String) {
        errorCount += 1
        guard errors.count < History.errorLimit else { return }
        let place = sequence < 0 ? "setup" : "record #\(sequence)"
        errors.append(
            ProtocolError(
                sequence: sequence,
                sentence: "\(place): the line `\(MarkText.quoted(line))` \(what)"))
    }
}

/// A key that some transaction writes.
struct HistoryKey: Sendable {
    var name: String
    /// For each value (`nil`: deleted) the transactions that write it, in order of their begin.
    var writers: [String?: [Int]] = [:]
    /// All of them, in order of their begin.
    var allWriters: [Int] { writers.values.flatMap { $0 }.sorted() }
}
