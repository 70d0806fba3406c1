import Basics
import Glibc
import Reporting
import Stage
import Workloads

import struct SystemPackage.Errno

/// Where a hand mount takes commands: a socket that only its owner can open.
///
/// One command a connection. The client sends a JSON array of words and shuts its side down; it gets one JSON object, `done`,
/// `text` and `result`, and the end. See `docs/formats.md`.
package final class ControlSocket: @unchecked Sendable {
    private let path: String
    private let listener: CInt

    /// The longest command, in bytes. A longer one is refused, not cut.
    package static let limit = 4 << 20

    /// - Throws: also when another session answers at this path.
    package init(path: String) throws {
        self.path = path
        guard var address = sockaddr_un(path) else {
            throw HarnessError(
                "making the control socket \(path): a socket's path has 107 bytes at most")
        }
        if let connection = Self.connection(path) {
            close(connection)
            throw HarnessError("making the control socket \(path): another session uses it")
        }
        var status = stat()
        if lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFSOCK else {
                throw HarnessError(
                    "making the control socket \(path): there is something else of this name")
            }
            // Of a session that was killed.
            unlink(path)
        }
        listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        // Not even for a moment is it open to others.
        let mask = umask(0o177)
        let isBound =
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            } == 0
        let error = Errno(rawValue: errno)
        umask(mask)
        guard listener >= 0, isBound, listen(listener, 64) == 0 else {
            close(listener)
            throw HarnessError("making the control socket \(path): \(error)")
        }
    }

    /// Removes the socket.
    package func end() {
        unlink(path)
        shutdown(listener, CInt(SHUT_RDWR))
    }

    /// Serves until `end`, each connection on a thread of its own.
    package func serve(
        _ answer: @escaping @Sendable ([String], _ isGone: () -> Bool) -> ControlAnswer
    ) {
        let listener = listener
        PosixThread.detached(for: "the control socket") {
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 && (errno == EINTR || errno == ECONNABORTED) { continue }
                guard connection >= 0 else { break }
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                PosixThread.detached(for: "a command") {
                    Self.serve(connection, answer)
                    close(connection)
                }
            }
            close(listener)
        }
    }

    private static func serve(
        _ connection: CInt, _ answer: ([String], _ isGone: () -> Bool) -> ControlAnswer
    ) {
        let reply: ControlAnswer
        if let bytes = readAll(connection, limit: limit) {
            if let words = words(bytes) {
                reply = answer(words) {
                    var wait = pollfd(fd: connection, events: 0, revents: 0)
                    return poll(&wait, 1, 0) > 0 && wait.revents & Int16(POLLHUP | POLLERR) != 0
                }
            } else {
                reply = ControlAnswer(refused: "a command is a JSON array of strings")
            }
        } else {
            reply = ControlAnswer(refused: "a command has \(limit) bytes at most; nothing was done")
        }
        let json = JSON.object([
            .init("done", .bool(reply.isDone)), .init("text", .string(reply.text)),
            .init("result", reply.json),
        ])
        writeAll(connection, Array(json.text.utf8))
        // Who still writes must not lose the answer to a reset.
        shutdown(connection, CInt(SHUT_WR))
        _ = readAll(connection, limit: 1 << 30)
    }

    private static func words(_ bytes: [UInt8]) -> [String]? {
        guard case .array(let items)? = try? JSON(parsing: bytes) else { return nil }
        var words: [String] = []
        for item in items {
            guard case .string(let word) = item, !word.utf8.contains(0) else { return nil }
            words.append(word)
        }
        return words
    }

    // MARK: The other side

    /// Sends one command and waits for its answer.
    ///
    /// - Throws: when nobody answers at `path`, or when the session ended before it answered.
    package static func ask(_ path: String, _ words: [String]) throws -> ControlAnswer {
        guard let connection = connection(path) else {
            throw HarnessError("connecting to \(path): \(Errno(rawValue: errno)); is it mounted?")
        }
        defer { close(connection) }
        writeAll(connection, Array(JSON.strings(words).text.utf8))
        shutdown(connection, CInt(SHUT_WR))
        guard let bytes = readAll(connection, limit: 1 << 30), let json = try? JSON(parsing: bytes),
            case .bool(let isDone)? = json["done"], case .string(let text)? = json["text"]
        else { throw HarnessError("\(path): the session ended before it answered") }
        var answer = ControlAnswer(text, json["result"] ?? .null)
        answer.isDone = isDone
        return answer
    }

    private static func connection(_ path: String) -> CInt? {
        guard var address = sockaddr_un(path) else {
            errno = ENAMETOOLONG
            return nil
        }
        let connection = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(connection, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if result == 0 { return connection }
        let error = errno
        close(connection)
        errno = error
        return nil
    }

    /// All that comes until the other side shuts down; nil when it is more than `limit` bytes.
    private static func readAll(_ connection: CInt, limit: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(connection, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return bytes }
            bytes += buffer[..<count]
            if bytes.count > limit { return nil }
        }
    }

    private static func writeAll(_ connection: CInt, _ bytes: [UInt8]) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                send(connection, $0.baseAddress! + done, $0.count - done, CInt(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            done += count
        }
    }
}

extension sockaddr_un {
    /// - Returns: nil when the path does not fit.
    fileprivate init?(_ path: String) {
        self.init()
        sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let isFitting = withUnsafeMutableBytes(of: &sun_path) { space in
            guard !bytes.isEmpty, bytes.count < space.count, !bytes.contains(0) else {
                return false
            }
            space.copyBytes(from: bytes)
            return true
        }
        guard isFitting else { return nil }
    }
}
