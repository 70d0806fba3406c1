/// Closed, nobody who waits passes; open, everybody does.
package final class Gate: @unchecked Sendable {
    private let condition = Condition()
    /// Under the condition's lock.
    private var isClosed = false

    package init() {}

    package func close() {
        condition.hold { isClosed = true }
    }

    package func open() {
        condition.hold {
            isClosed = false
            condition.signal()
        }
    }

    package func wait() {
        condition.hold {
            while isClosed { condition.wait() }
        }
    }
}
