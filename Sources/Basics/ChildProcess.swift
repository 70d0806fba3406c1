import Glibc

import struct SystemPackage.Errno

/// A program to be started by posix_spawn(3), with what it inherits: the descriptors named here, and nothing else that is
/// closed by exec, as every descriptor of the harness is.
package struct ChildProcess {
    /// The program, by its path unless `isInPath`.
    package var executable: String
    /// The first is what it is told to be called.
    package var arguments: [String]
    /// `NAME=VALUE`; nil: the harness's own.
    package var environment: [String]? = []
    /// Whether a name without a slash is looked up in the harness's own `PATH`.
    package var isInPath = false
    /// Whether standard input, output and error are the harness's; else they are `/dev/null`.
    package var sharesStandardStreams = false
    /// What it has open from number 3 on. They stay the caller's.
    package var descriptors: [CInt] = []
    /// Whether all signals have their default effect in it, and none is blocked.
    package var resetsSignals = false
    package var isInSessionOfItsOwn = false

    /// - Parameter arguments: the program and its arguments.
    package init(_ arguments: [String]) {
        executable = arguments[0]
        self.arguments = arguments
    }

    /// - Returns: its number; `wait` takes it away when it has ended.
    package func start() throws(Errno) -> pid_t {
        // Out of the way of the numbers that they are to have.
        let copies = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 10) }
        defer { for copy in copies where copy >= 0 { close(copy) } }
        guard !copies.contains(-1) else { throw Errno(rawValue: errno) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if !sharesStandardStreams {
            for standard: CInt in 0...2 {
                posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", O_RDWR, 0)
            }
        }
        for (index, copy) in copies.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, copy, CInt(3 + index))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        setFlags(of: &attributes)
        var words = arguments.map { strdup($0) } + [nil]
        var variables = (environment ?? []).map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        var number: pid_t = 0
        let error = variables.withUnsafeMutableBufferPointer { variables in
            let variables = environment == nil ? environ : variables.baseAddress!
            let spawn = isInPath ? posix_spawnp : posix_spawn
            return spawn(&number, executable, &actions, &attributes, &words, variables)
        }
        guard error == 0 else { throw Errno(rawValue: error) }
        return number
    }

    private func setFlags(of attributes: inout posix_spawnattr_t) {
        var flags: CInt = 0
        if resetsSignals {
            var signals = sigset_t()
            sigemptyset(&signals)
            posix_spawnattr_setsigmask(&attributes, &signals)
            sigfillset(&signals)
            posix_spawnattr_setsigdefault(&attributes, &signals)
            flags |= CInt(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        }
        // POSIX_SPAWN_SETSID, which the C library shows to GNU programs only.
        if isInSessionOfItsOwn { flags |= 0x80 }
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }

    /// Waits for its end.
    package static func wait(_ number: pid_t) {
        while waitpid(number, nil, 0) < 0 && errno == EINTR {}
    }
}
