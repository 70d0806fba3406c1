import Basics
import FileTree
import FuseMount
import Glibc
import PowerLoss
import Recording
import Reporting
import Stage
import Workloads

/// A mount in the open whose power a person cuts, for programs of any kind that stay while it goes.
///
/// It is a chain of lives: each is a recording on a base tree, and a cut makes the base tree of the next one out of it. The
/// mount stands through all of them. `docs/mount.md` says what programs see of a cut.
///
/// All that changes (`session`) is touched under the server's own lock only: by the interceptor, which the server calls under
/// it, and by commands through `locked`. So a rule that fires and a command never meet.
package final class HandMount: @unchecked Sendable {
    package struct Options: Sendable {
        package var folder: String
        package var model = PersistenceModel.named("ext4-ordered")!
        package var stack = Stack.honest
        /// A folder to copy at first.
        package var source: String?
        /// Whether other users than the caller see the mount.
        package var allowOther = false

        package init(folder: String) {
            self.folder = folder
        }
    }

    package let options: Options
    private let mount: OpenMount
    var server: MountServer { mount.server }
    /// Of the mount, to tell paths in it; nil when it could not be asked.
    private(set) var device: dev_t?
    /// Guarded by the server's lock.
    private var session: Session
    /// Guards `work`, and is signalled when something armed has had its effect.
    let condition = Condition()
    /// How many exchanges wait for the kernel to forget what was, and whether the session is over.
    private var work = (exchanges: 0, isOver: false)
    /// One command that changes things at a time.
    let commands = Condition()

    /// Mounts; nothing is served before `start`.
    package init(_ options: Options) throws {
        self.options = options
        guard isFolder(options.folder) else {
            throw OpenMount.noFolder(options.folder)
        }
        let tree = try options.source.map(FolderImport.tree) ?? Self.emptyTree
        var mountOptions = MountOptions()
        mountOptions.isWatched = true
        mountOptions.syncFailure = options.model.syncFailures[0]
        mount = try OpenMount(
            tree, at: options.folder, allowOther: options.allowOther, options: mountOptions)
        session = Session()
    }

    private static var emptyTree: FileTree {
        var tree = FileTree()
        let owner = AttributeChange(user: geteuid(), group: getegid())
        tree.apply([Effect(.root, .attributes(owner))])
        return tree
    }

    package func start() {
        server.setInterceptor { [unowned self] in verdict($0) }
        server.start(cpu: nil)
        server.prepareForExchange()
        var status = stat()
        // The first request of all; the serving thread answers it.
        if stat(options.folder, &status) == 0 { device = status.st_dev }
        PosixThread.detached(for: "the hand mount") { [self] in forgetAfterExchanges() }
    }

    /// Unmounts. May be called again.
    package func end() {
        server.setInterceptor(nil)
        mount.end()
        condition.hold {
            work.isOver = true
            condition.signal()
        }
    }

    /// Whether the mount is gone: `end`, or somebody's umount.
    package var hasEnded: Bool { server.hasEnded }

    /// Calls `body` while no request is done.
    func locked<Answer>(_ body: (inout Session) throws -> Answer) rethrows -> Answer {
        try server.withState { _, _ in try body(&session) }
    }

    /// The recording so far, and what the session knew at that moment.
    func snapshot() -> (recording: Recording, session: Session) {
        server.withState { ($1.recording(), session) }
    }

    // MARK: Power losses

    /// Cuts the power now: on return it has gone, and come back.
    func cut(_ kind: CutKind) throws -> Cut {
        try server.exchange { [self] tree, writer in
            let (next, cut) = try PowerCut(options.model, options.stack).cut(
                kind, tree, writer, number: session.cuts.count + 1)
            session.began(cut, writer.recording())
            return (next, cut)
        }
    }

    /// Between two requests, where records may be appended.
    func betweenRequests<Answer>(
        _ body: (inout Session, RecordingWriter) throws -> Answer
    ) throws -> Answer {
        try server.betweenRequests { [self] _, writer in try body(&session, writer) }
    }

    // MARK: What has been armed

    /// On the serving thread, under its lock.
    private func verdict(_ request: Interception) -> InterceptionVerdict {
        if let index = session.armedThatFires(request) {
            switch session.armed[index].action {
            case .fault(let effect):
                session.injectionCount += 1
                finish(index, "\(effect) answered to \(request.words)")
                return .fault(effect)
            case .cut(let kind):
                do {
                    let (next, cut) = try PowerCut(options.model, options.stack).cut(
                        kind, request.tree, request.writer, number: session.cuts.count + 1)
                    session.began(cut, request.writer.recording())
                    session.armed[index].state = .firing(cut)
                    condition.hold {
                        work.exchanges += 1
                        condition.signal()
                    }
                    return .exchange(next)
                } catch {
                    session.armed[index].state = .done("the cut failed: \(error)", nil)
                    return .proceed
                }
            }
        }
        guard request.moment == .before,
            let rule = session.faults.verdict(
                request.kind, request.paths, time: request.time, used: request.usedBytes)
        else { return .proceed }
        session.injectionCount += 1
        return .fault(rule.effect)
    }

    private func finish(_ index: Int, _ text: String) {
        session.armed[index].state = .done(text, nil)
        condition.hold { condition.signal() }
    }

    /// What a cut on the serving thread leaves to another: see `MountServer.forgetWhatWas`.
    private func forgetAfterExchanges() {
        while true {
            let isOver = condition.hold {
                while work.exchanges == 0 && !work.isOver { condition.wait() }
                work.exchanges = 0
                return work.isOver
            }
            if isOver { return }
            server.forgetWhatWas()
            locked { session in
                for index in session.armed.indices {
                    if case .firing(let cut) = session.armed[index].state {
                        session.armed[index].state = .done(cut.text, cut)
                    }
                }
            }
            condition.hold { condition.signal() }
        }
    }
}

extension Interception {
    /// For a person: `write a/b`.
    var words: String {
        paths.isEmpty ? kind.rawValue : "\(kind.rawValue) \(paths.joined(separator: " -> "))"
    }
}
