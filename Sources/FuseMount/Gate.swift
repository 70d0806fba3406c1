/// Closed, nobody who waits passes; open, everybody does.
final class Gate: @unchecked Sendable {
    private let condition = Condition()
    /// Under the condition's lock.
    private var isClosed = false

    func close() {
        condition.hold { isClosed = true }
    }

    func open() {
        condition.hold {
            isClosed = false
            condition.signal()
        }
    }

    func wait() {
        condition.hold {
            while isClosed { condition.wait() }
        }
    }
}
