import Glibc

/// One of several clients of one store: a transaction writes a key of its own, and two that all
/// clients write.
package struct ClientTask: EngineTask {
    private let client: Int

    package init(client: Int) { self.client = client }

    package func change(_ number: Int, _ engine: some Engine) -> Change {
        change(number)
    }

    package func change(_ number: Int) -> Change {
        let value = "c\(client)-t\(number)"
        return Change(
            name: "c\(client)/t\(number)",
            writes: [("k\(client)-\(number)", value), ("left", value), ("right", value)])
    }

    /// Both shared keys are in every transaction, so one cannot be ahead of the other.
    package func check(
        _ contents: [(key: String, value: String)], complain: (String) -> Void
    ) {
        let left = contents.first { $0.key == "left" }?.value
        let right = contents.first { $0.key == "right" }?.value
        if left != right { complain("left is of \(left ?? "none"), right of \(right ?? "none")") }
    }
}

/// Starts this program three times, with the arguments for each client, and waits for all.
///
/// - Throws: `StoreError` when one of them fails.
package func runClients(_ arguments: (_ client: Int) -> [String]) throws {
    var processes: [pid_t] = []
    for client in 1...3 {
        var words = (["client"] + arguments(client)).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, "/proc/self/exe", nil, nil, &words, environ)
        if code != 0 { throw StoreError("posix_spawn: \(String(cString: strerror(code)))") }
        processes.append(process)
    }
    var failures = 0
    for process in processes {
        var status: Int32 = 0
        if waitpid(process, &status, 0) != process || status != 0 { failures += 1 }
    }
    if failures > 0 { throw StoreError("\(failures) clients failed") }
}
