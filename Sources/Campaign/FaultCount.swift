/// A fault that was asked for, and what came of it.
package struct FaultCount: Hashable, Sendable {
    package let text: String
    /// How many requests it was about.
    package private(set) var matched: Int
    package private(set) var fired: Int

    package init(text: String, matched: Int = 0, fired: Int = 0) {
        self.text = text
        self.matched = matched
        self.fired = fired
    }

    /// What came of the same fault in one more life.
    mutating func add(_ other: FaultCount) {
        matched += other.matched
        fired += other.fired
    }

    /// Why a run without it tells nothing.
    var whyIdle: String {
        "the fault `\(text)` never fired: \(matched) matching requests came"
    }
}

extension [FaultCount] {
    /// The first that never came.
    var idle: FaultCount? { first { $0.fired == 0 } }
}
