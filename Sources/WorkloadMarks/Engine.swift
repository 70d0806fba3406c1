/// An embedded key-value engine, with the settings that its workload is about.
package protocol Engine {
    /// Opens the store in a directory, its recovery included.
    ///
    /// - Parameter creating: whether to make the store when there is none.
    /// - Throws: `StoreError` when it cannot be opened.
    init(directory: String, creating: Bool) throws

    /// Commits all writes as one transaction; an empty value deletes its key. When it returns, the
    /// engine has promised them.
    func commit(_ writes: [(key: String, value: String)]) throws

    /// The value of one key, nil when it is not there.
    func value(of key: String) throws -> String?

    /// All that is there.
    ///
    /// - Throws: `StoreError` when the store finds itself damaged.
    func contents() throws -> [(key: String, value: String)]

    /// The engine's own integrity check. `complain` gets a sentence for each objection.
    func check(complain: (String) -> Void) throws

    func close() throws
}

/// Something that can be done with an engine again and again.
package protocol EngineTask {
    /// What the store holds from the start, before `commit` runs.
    var initial: Change? { get }

    /// The transaction with this number, counted from 1.
    func change(_ number: Int, _ engine: some Engine) throws -> Change

    /// What the engine stores for a value of a mark, and back; nil when the bytes are not those.
    func stored(_ value: String) -> String
    func value(stored: String) -> String?

    /// Looks for contradictions in all that is there.
    func check(_ contents: [(key: String, value: String)], complain: (String) -> Void)
}

extension EngineTask {
    package var initial: Change? { nil }
    package func stored(_ value: String) -> String { value }
    package func value(stored: String) -> String? { stored }
    package func check(_ contents: [(key: String, value: String)], complain: (String) -> Void) {}
}

/// Runs one action of one task.
///
/// - Parameter firstStart: whether the run makes the store, so that a power loss may leave none.
package func perform<E: Engine>(
    _ action: Action, _ task: some EngineTask, on engine: E.Type, firstStart: Bool
) throws {
    let directory = try dataDirectory()
    switch action {
    case .create:
        let store = try E(directory: directory, creating: true)
        if let initial = task.initial {
            Marks.begin(initial)
            try store.commit(initial.writes.map { ($0.key, task.stored($0.value)) })
            Marks.acknowledge(initial)
        }
        try store.close()
    case .commit(let count):
        let store = try E(directory: directory, creating: firstStart)
        for number in numbers(count) {
            let change = try task.change(number, store)
            Marks.begin(change)
            do {
                try store.commit(
                    change.writes.map { ($0.key, $0.value.isEmpty ? "" : task.stored($0.value)) })
            } catch {
                Marks.unknown(change)
                throw error
            }
            Marks.acknowledge(change)
        }
        try store.close()
    case .read:
        let store = try E(directory: directory, creating: firstStart)
        do {
            let contents = try store.contents()
            var seen: [(key: String, value: String)] = []
            for (key, stored) in contents {
                if let value = task.value(stored: stored) {
                    Marks.saw(key: key, value: value)
                    seen.append((key, value))
                } else {
                    Marks.corrupt(
                        "\(key) holds bytes that were never written: \(stored.prefix(20))")
                }
            }
            task.check(seen, complain: Marks.corrupt)
            try store.check(complain: Marks.corrupt)
        } catch {
            // It opened, but cannot be read: the listing is as complete as it will be.
            Marks.corrupt("\(error)")
        }
        Marks.end()
        try store.close()
    }
}
