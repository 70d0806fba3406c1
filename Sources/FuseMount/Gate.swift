import Glibc

/// Closed, nobody who waits passes; open, everybody does.
final class Gate: @unchecked Sendable {
    private let lock = Lock()
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Under the lock.
    private var isClosed = false

    init() {
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    func close() {
        lock.hold { isClosed = true }
    }

    func open() {
        lock.hold {
            isClosed = false
            pthread_cond_broadcast(condition)
        }
    }

    func wait() {
        lock.lock()
        while isClosed { lock.wait(condition) }
        lock.unlock()
    }
}
