extension Keeper {
    /// The harness's own name for a program that it asked the keeper to start; free to be used again
    /// once the program has ended.
    package struct ProgramID: Hashable, Sendable {
        package var rawValue: UInt32

        package init(_ rawValue: UInt32) {
            self.rawValue = rawValue
        }
    }

    /// A program to be started, with everything that it gets from outside.
    package struct Command: Sendable {
        /// The program and its arguments; at least one. A name without a slash is looked up in the
        /// `PATH` of `environment`.
        package var arguments: [String]
        /// The whole environment: nothing of the harness's own is added.
        package var environment: [String: String]
        /// Entered before `user` is taken on, so that user need not be able to reach it.
        package var workingDirectory: String
        /// `nil`: the user that the keeper runs as.
        package var user: User?
        /// `nil`: `/dev/null`. The descriptor stays the caller's.
        package var standardInput: CInt?
        package var standardOutput: Output
        /// `nil`: `/dev/null`. The descriptor stays the caller's.
        package var standardError: CInt?
        /// A file of the mount that gets one line, `sync TID`, for each sync(2) and syncfs(2) that the
        /// program, or what it starts, calls: TID as in FUSE request headers. `nil`: not watched.
        package var syncControl: String?
        /// The CPUs it may run on, by number; empty: those of the keeper.
        package var processors: [Int]

        package init(
            _ arguments: [String], environment: [String: String] = [:],
            workingDirectory: String = "/", user: User? = nil, standardInput: CInt? = nil,
            standardOutput: Output = .discarded, standardError: CInt? = nil,
            syncControl: String? = nil, processors: [Int] = []
        ) {
            self.arguments = arguments
            self.environment = environment
            self.workingDirectory = workingDirectory
            self.user = user
            self.standardInput = standardInput
            self.standardOutput = standardOutput
            self.standardError = standardError
            self.syncControl = syncControl
            self.processors = processors
        }
    }

    /// A user as numbers; who wants a name resolves it.
    package struct User: Hashable, Sendable {
        package var userID: UInt32
        package var groupID: UInt32
        /// At most 64.
        package var supplementaryGroups: [UInt32]

        package init(userID: UInt32, groupID: UInt32, supplementaryGroups: [UInt32] = []) {
            self.userID = userID
            self.groupID = groupID
            self.supplementaryGroups = supplementaryGroups
        }
    }

    package enum Output: Hashable, Sendable {
        case discarded
        /// Stays the caller's.
        case descriptor(CInt)
        /// Opened by the program's own process, to append, before it takes on its user: this may be a
        /// file of the mount.
        case path(String)
    }

    package struct Spawned: Hashable, Sendable {
        /// In the keeper's pid namespace, which is the harness's: the number in FUSE request headers.
        package var processID: CInt
        /// Whether sync() and syncfs() are watched, as asked for by `syncControl`.
        package var syncSeen: Bool
        /// Why they are not, although asked for.
        package var syncUnseenReason: String
    }

    package enum WaitResult: Hashable, Sendable {
        case exited(status: CInt)
        case signaled(CInt)
        case timedOut
        /// The descriptor given as `interruptedBy` became readable first.
        case interrupted

        /// Source: wait(2), `WIFEXITED` and its kin, which are macros.
        init(waitStatus: CInt) {
            let signal = waitStatus & 0x7f
            self = signal == 0 ? .exited(status: (waitStatus >> 8) & 0xff) : .signaled(signal)
        }
    }
}
