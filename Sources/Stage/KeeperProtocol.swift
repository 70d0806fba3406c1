/// The harness's half of the messages between harness and keeper. The format, and what each message
/// means, is written down in `Sources/perjury-keeper/protocol.h`.
package enum KeeperProtocol {
    static let version: UInt32 = 0x504a_0003
    /// The longest SPAWN sent: the receiver has 64 KiB more.
    static let maximumRequest = 128 * 1024 + 8192
    /// An answer with the longest text.
    static let maximumAnswer = 2048

    package enum RequestKind: UInt32 {
        case open = 1
        case mount, spawn, kill, unmount, signal
    }

    package enum AnswerKind: UInt32 {
        case hello = 0x80
        case reply, signalled, exit, failed
    }

    package struct Request {
        package private(set) var bytes: [UInt8] = []
        package var descriptors: [CInt] = []

        package init(_ kind: RequestKind, tag: UInt32) {
            append(KeeperProtocol.version, kind.rawValue, tag)
        }

        mutating func append(_ numbers: UInt32...) {
            append(contentsOf: numbers)
        }

        mutating func append(contentsOf numbers: [UInt32]) {
            for number in numbers {
                withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
            }
        }

        /// - Precondition: no NUL in `text`; `Keeper.spawn` has looked.
        mutating func append(_ text: String) {
            bytes.append(contentsOf: text.utf8)
            bytes.append(0)
        }
    }

    package struct Answer {
        package static let headSize = 28

        package var kind: AnswerKind
        package var tag: UInt32
        package var error: CInt
        package var id: UInt32
        package var value: CInt
        package var flags: UInt32
        package var text: String
        package var descriptor: CInt?

        /// `nil` if this is not an answer of this version.
        init?(_ bytes: UnsafeRawBufferPointer, descriptor: CInt?) {
            guard bytes.count >= Answer.headSize else { return nil }
            func number(_ index: Int) -> UInt32 {
                bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
            }
            guard number(0) == KeeperProtocol.version, let kind = AnswerKind(rawValue: number(1))
            else { return nil }
            self.kind = kind
            tag = number(2)
            error = CInt(bitPattern: number(3))
            id = number(4)
            value = CInt(bitPattern: number(5))
            flags = number(6)
            text = String(decoding: bytes[Answer.headSize...], as: UTF8.self)
            self.descriptor = descriptor
        }

        package var syncSeen: Bool { flags & 1 != 0 }
    }
}

extension KeeperProtocol.Request {
    /// SPAWN of `command`; the environment in the order of its names, so that equal commands are equal
    /// requests.
    package init(spawning command: Keeper.Command, id: Keeper.ProgramID, tag: UInt32) {
        self.init(.spawn, tag: tag)
        var flags: UInt32 = 0
        var path = ""
        if let input = command.standardInput {
            flags |= 1
            descriptors.append(input)
        }
        switch command.standardOutput {
        case .discarded:
            break
        case .descriptor(let output):
            flags |= 2
            descriptors.append(output)
        case .path(let file):
            path = file
        }
        if let errors = command.standardError {
            flags |= 4
            descriptors.append(errors)
        }
        if command.syncControl != nil { flags |= 8 }
        if command.user != nil { flags |= 16 }

        let user = command.user ?? Keeper.User(userID: 0, groupID: 0)
        let groups = user.supplementaryGroups
        append(id.rawValue, flags, user.userID, user.groupID)
        append(UInt32(groups.count), UInt32(command.processors.count))
        append(UInt32(command.arguments.count), UInt32(command.environment.count))
        append(contentsOf: groups)
        append(contentsOf: command.processors.map { UInt32($0) })
        append(command.workingDirectory)
        append(path)
        append(command.syncControl ?? "")
        for argument in command.arguments { append(argument) }
        for (name, value) in command.environment.sorted(by: { $0.key < $1.key }) {
            append(name + "=" + value)
        }
    }
}
