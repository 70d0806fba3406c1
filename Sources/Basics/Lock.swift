import Glibc

/// A plain mutual exclusion, for what is reached from C callbacks; `Mutex` would have to have the whole of it inside.
package final class Lock: @unchecked Sendable {
    @usableFromInline let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    package init() {
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    @inlinable package func lock() {
        pthread_mutex_lock(mutex)
    }

    @inlinable package func unlock() {
        pthread_mutex_unlock(mutex)
    }

    @inlinable package func hold<T>(_ body: () throws -> T) rethrows -> T {
        lock()
        defer { unlock() }
        return try body()
    }
}
