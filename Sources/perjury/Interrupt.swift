import Basics
import Glibc
import Synchronization

/// Ctrl-C and SIGTERM: noted once, for those who poll and for those who wait on a descriptor. A second signal ends the
/// process at once; the kernel then removes its mounts and processes.
enum Interrupt {
    private static let hasCome = Atomic(false)
    private static let writeEnd = Atomic<CInt>(-1)
    private static let readEnd = Atomic<CInt>(-1)

    static var isRequested: Bool { hasCome.load(ordering: .relaxed) }

    /// Becomes readable with the first signal, and stays so; nil before `watch()`.
    static var descriptor: CInt? {
        let end = readEnd.load(ordering: .relaxed)
        return end >= 0 ? end : nil
    }

    /// Whoever started us may have had the signals blocked, and that is inherited. Called before there are threads.
    static func unblock() {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    /// Takes the signals over from now on.
    static func watch() {
        if var ends = try? DescriptorPair.pipe() {
            for end in [ends.first, ends.second] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
            // Open until the process ends.
            readEnd.store(ends.takeFirst().release(), ordering: .relaxed)
            writeEnd.store(ends.takeSecond().release(), ordering: .relaxed)
        }
        // An output that nobody reads any more is no reason to die halfway.
        signal(SIGPIPE, SIG_IGN)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Interrupt.arrive() }
        action.sa_flags = CInt(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
        for number in [SIGINT, SIGTERM, SIGHUP] {
            // Who started us with nohup wants it to be ignored.
            if number == SIGHUP, isIgnored(number) { continue }
            sigaction(number, &action, nil)
        }
    }

    private static func isIgnored(_ number: CInt) -> Bool {
        var action = sigaction()
        sigaction(number, nil, &action)
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    /// For a shell on this terminal, which has a use of its own for Ctrl-C. A handler, unlike `SIG_IGN`, is not inherited.
    static func leaveKeyboardToShell() {
        signal(SIGINT) { _ in }
    }

    /// Only what a signal handler may do.
    private static func arrive() {
        let saved = errno
        hasCome.store(true, ordering: .relaxed)
        var byte: UInt8 = 1
        _ = write(writeEnd.load(ordering: .relaxed), &byte, 1)
        errno = saved
    }
}
