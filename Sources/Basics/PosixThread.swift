import Glibc

import struct SystemPackage.Errno

/// A thread of pthreads: it can be joined and woken from a system call, which a task cannot.
package struct PosixThread: Sendable {
    private let handle: pthread_t

    /// Starts it. It is an error of the harness's own when there is none to be had.
    ///
    /// - Parameter purpose: for that error's sentence: "a mount".
    package init(for purpose: String, _ body: @escaping @Sendable () -> Void) {
        var created = pthread_t()
        let error = pthread_create(
            &created, nil,
            { argument in
                Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Start(body)).toOpaque())
        precondition(error == 0, "no thread for \(purpose): \(Errno(rawValue: error))")
        handle = created
    }

    private final class Start {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a thread that nobody waits for.
    package static func detached(for purpose: String, _ body: @escaping @Sendable () -> Void) {
        pthread_detach(PosixThread(for: purpose, body).handle)
    }

    /// Waits for its end; once.
    package func join() {
        pthread_join(handle, nil)
    }

    /// Until it is joined.
    package func signal(_ number: CInt) {
        pthread_kill(handle, number)
    }
}
