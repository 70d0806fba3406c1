import FileTree
import Glibc
import Recording

/// Power losses on a mount that stands. For mounts with `MountOptions.isWatched`.
extension MountServer {
    /// Asks `interceptor` of each request, on the thread that serves the mount: it must not touch the mount, nor call the server.
    package func setInterceptor(_ interceptor: ((Interception) -> InterceptionVerdict)?) {
        loop.lock.hold { loop.service.watch?.interceptor = interceptor }
    }

    /// Calls `body` while no request is done.
    package func withState<Answer>(
        _ body: (FileTree, RecordingWriter) throws -> Answer
    ) rethrows -> Answer {
        try loop.lock.hold { try body(loop.service.tree, loop.service.writer) }
    }

    // MARK: The power goes, and the processes with it

    /// From the return of this call on nothing changes, nothing is recorded and nothing is answered until `release`.
    package func hold() {
        loop.gate.close()
        freeze()
    }

    /// Answers what was held, and all that comes, with EIO where it would change something.
    package func release() {
        hurry()
        loop.gate.open()
    }

    /// From now on no answer is late: whoever waits for one is answered.
    package func hurry() {
        loop.service.watch?.lateAnswers.hurry()
    }

    // MARK: The power goes, and the processes stay

    /// To be called once the mount is there and before it is cut: how long the kernel may keep names depends on whether
    /// they can be taken back from it.
    package func prepareForExchange() {
        let canForget = Notifications(device: fuseDescriptor).forgetNames()
        loop.lock.hold { loop.service.watch?.entrySeconds = canForget ? cacheSeconds : 0 }
    }

    /// Calls `body` on the serving thread between two requests, where records may be appended.
    ///
    /// - Throws: also when the mount has ended.
    package func betweenRequests<Answer>(
        _ body: (FileTree, RecordingWriter) throws -> Answer
    ) throws -> Answer {
        try perform { try body($0.tree, $0.writer) }
    }

    /// Lets the mount go on with another tree, which `body` makes of the present one; requests wait meanwhile.
    ///
    /// Descriptors of files opened before get ESTALE from then on; directories that are there still stay what they are.
    package func exchange<Answer>(
        _ body: (FileTree, RecordingWriter) throws -> (NextLife, Answer)
    ) throws -> Answer {
        let answer = try perform { service in
            let (next, answer) = try body(service.tree, service.writer)
            service.exchange(next)
            return answer
        }
        forgetWhatWas()
        return answer
    }

    /// Gives files the contents that `body` answers, between two requests; `body` may append records.
    ///
    /// When it returns, whoever reads these files reads that.
    ///
    /// - Throws: also when the mount has ended.
    package func restore<Answer>(
        _ body: (FileTree, RecordingWriter) throws -> ([UnsyncedContents.Undone], Answer)
    ) throws -> Answer {
        let (nodes, answer) = try perform { service in
            let (undone, answer) = try body(service.tree, service.writer)
            for file in undone { service.restore(file) }
            return (undone.map { service.node($0.inode, isDirectory: false) }, answer)
        }
        let notifications = Notifications(device: fuseDescriptor)
        for node in nodes { notifications.forgetContent(of: node) }
        return answer
    }

    private func perform<Answer>(_ body: (TreeService) throws -> Answer) throws -> Answer {
        guard let thread = servingThread else { throw MountError("the mount has ended") }
        var result: Result<Answer, any Error>?
        let isDone = withoutActuallyEscaping(body) { body in
            loop.perform(thread) { [loop] in result = Result { try body(loop.service) } }
        }
        guard isDone, let result else { throw MountError("the mount has ended") }
        return try result.get()
    }

    /// After an exchange: makes the kernel forget what it knew. `exchange` does that by itself; a verdict of the
    /// interceptor leaves it to another thread than the serving one.
    package func forgetWhatWas() {
        let nodes = loop.lock.hold {
            defer { loop.service.watch?.staleNodes = [] }
            return loop.service.watch?.staleNodes ?? []
        }
        let notifications = Notifications(device: fuseDescriptor)
        _ = notifications.forgetNames()
        for node in nodes { notifications.forgetContent(of: node) }
    }
}
