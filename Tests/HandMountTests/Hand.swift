import FuseMount
import Glibc
import HandMount
import PowerLoss
import Reporting
import TestSupport
import Testing

/// A hand mount in a temporary folder, asked without a socket.
final class Hand {
    let folder: TemporaryFolder
    let mount: HandMount
    /// Of the mount's root.
    let path: String

    static var isPossible: Bool { geteuid() == 0 && MountServer.isAvailable }

    init(model: String = "ext4-ordered", source: ((String) throws -> Void)? = nil) throws {
        folder = try TemporaryFolder()
        path = folder.file("mount")
        mkdir(path, 0o755)
        var options = HandMount.Options(folder: path)
        options.model = try #require(.named(model))
        if let source {
            mkdir(folder.file("source"), 0o755)
            try source(folder.file("source"))
            options.source = folder.file("source")
        }
        mount = try HandMount(options)
        mount.start()
    }

    deinit {
        mount.end()
    }

    /// Does a command that must be done.
    @discardableResult
    func ask(
        _ words: String, sourceLocation: SourceLocation = #_sourceLocation
    ) -> ControlAnswer {
        let answer = mount.answer(words.split(separator: " ").map(String.init))
        #expect(answer.isDone, "\(words): \(answer.text)", sourceLocation: sourceLocation)
        return answer
    }

    /// What a command is refused with; nil when it was done.
    func refusal(_ words: [String]) -> String? {
        let answer = mount.answer(words)
        return answer.isDone ? nil : answer.text
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// - Returns: 0, or the error of the first call that failed.
    @discardableResult
    func write(_ text: String, to name: String, flags: CInt = O_CREAT | O_TRUNC, sync: Bool = false)
        -> CInt
    {
        let descriptor = open(file(name), O_WRONLY | flags, 0o644)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { return errno }
        return sync && fsync(descriptor) != 0 ? errno : 0
    }

    func append(_ text: String, to name: String, sync: Bool = false) -> CInt {
        write(text, to: name, flags: O_CREAT | O_APPEND, sync: sync)
    }

    /// Syncs a file or folder; the root for the empty name.
    @discardableResult
    func sync(_ name: String = "") -> CInt {
        let descriptor = open(file(name), O_RDONLY)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        return fsync(descriptor) == 0 ? 0 : errno
    }

    /// nil when there is no such file.
    func text(_ name: String) -> String? {
        (try? FileBytes.read(file(name))).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A file whose bytes and name are durable.
    func settle(_ text: String, in name: String) {
        #expect(write(text, to: name, sync: true) == 0)
        #expect(sync() == 0)
    }
}

extension JSON {
    var items: [JSON] { if case .array(let items) = self { items } else { [] } }
    var string: String? { if case .string(let text) = self { text } else { nil } }
    var number: Int? { if case .integer(let number) = self { Int(number) } else { nil } }
}
