/// New keys, keys that are written again, and deletes; what a value is in the marks is repeated to
/// a body, whose length differs, and which is compared when it is read. Keys come round after 32, so
/// that the store of a long run stays small.
package struct RowsTask: EngineTask {
    /// How many keys a transaction writes.
    private let width: Int
    /// The most bytes that a body has.
    private let largestBody: Int

    package init(width: Int, largestBody: Int) {
        self.width = width
        self.largestBody = largestBody
    }

    package func change(_ number: Int, _ engine: some Engine) -> Change {
        var writes = [(key: key(number), value: "v\(number)")]
        if width > 1 { writes.append((key: "s\(number % 3)", value: "v\(number)")) }
        // What the transaction before the last wrote: never one that was deleted already.
        if number % 4 == 0 {
            if width > 1 {
                writes.append((key: key(number - 2), value: ""))
            } else {
                writes = [(key: key(number - 2), value: "")]
            }
        }
        return Change(name: "t\(number)", writes: writes)
    }

    private func key(_ number: Int) -> String { "k\(number % 32)" }

    package func stored(_ value: String) -> String {
        let number = Int(value.dropFirst()) ?? 0
        let size = number % 5 == 3 ? largestBody : largestBody / 20 + number * 37 % 100
        let pattern = Array("\(value) ".utf8)
        return String(decoding: (0..<size).map { pattern[$0 % pattern.count] }, as: UTF8.self)
    }

    package func value(stored: String) -> String? {
        guard let end = stored.firstIndex(of: " ") else { return nil }
        let value = String(stored[..<end])
        return stored == self.stored(value) ? value : nil
    }
}

/// Money moving between eight accounts of 100 each; a balance carries the name of its transaction,
/// since values in marks must not repeat.
package struct BankTask: EngineTask {
    private let accounts = 0..<8
    private let openingBalance = 100

    package init() {}

    package var initial: Change? {
        Change(name: "t0", writes: accounts.map { ("a\($0)", "t0:\(openingBalance)") })
    }

    package func change(_ number: Int, _ engine: some Engine) throws -> Change {
        let source = number * 3 % accounts.count
        let target = (source + 1 + number % 5) % accounts.count
        let amount = 1 + number % 7
        let name = "t\(number)"
        let (left, right) = (
            try balance(engine.value(of: "a\(source)")), try balance(engine.value(of: "a\(target)"))
        )
        return Change(
            name: name,
            writes: [
                ("a\(source)", "\(name):\(left - amount)"),
                ("a\(target)", "\(name):\(right + amount)"),
                ("x\(number)", "a\(source)-a\(target):\(amount)"),
            ])
    }

    /// Ballast puts three accounts on a page.
    package func stored(_ value: String) -> String {
        value + " " + String(repeating: value.hasPrefix("t") ? "." : "", count: 1200)
    }

    package func value(stored: String) -> String? {
        guard let end = stored.firstIndex(of: " ") else { return nil }
        let value = String(stored[..<end])
        return stored == self.stored(value) ? value : nil
    }

    package func check(
        _ contents: [(key: String, value: String)], complain: (String) -> Void
    ) {
        let sum = contents.filter { $0.key.hasPrefix("a") }
            .reduce(0) { $0 + ((try? balance($1.value)) ?? 0) }
        let expected = accounts.count * openingBalance
        if sum != expected { complain("sum is \(sum), not \(expected)") }
    }

    private func balance(_ text: String?) throws -> Int {
        let digits = text?.split(separator: " ").first?.split(separator: ":").last
        guard let digits, let balance = Int(digits) else {
            throw StoreError("an account holds \(text ?? "nothing")")
        }
        return balance
    }
}
