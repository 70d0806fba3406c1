import Basics

import struct SystemPackage.Errno

/// How the answer to a request is late.
struct Lateness {
    var nanoseconds: UInt64 = 0
    /// Files that the kernel has to forget before the caller goes on, by its numbers.
    var forgotten: [UInt64] = []

    var isNone: Bool { nanoseconds == 0 && forgotten.isEmpty }
}

/// Answers that are given later than their requests are done, on a thread of its own: other requests go on meanwhile.
final class LateAnswers: @unchecked Sendable {
    private struct Answer {
        let due: UInt64
        let forgotten: [UInt64]
        let recipient: Recipient
        let content: Result<[UInt8], Errno>
    }

    private let device: CInt
    private let condition = Condition()
    /// Under the condition's lock, as all that follows.
    private var waiting: [Answer] = []
    private var thread: PosixThread?
    private var isHurried = false
    private var isOver = false

    init(device: CInt) {
        self.device = device
    }

    func add(_ lateness: Lateness, _ recipient: Recipient, _ content: Result<[UInt8], Errno>) {
        condition.hold {
            waiting.append(
                Answer(
                    due: MonotonicClock.nanoseconds + lateness.nanoseconds,
                    forgotten: lateness.forgotten,
                    recipient: recipient, content: content))
            if thread == nil { thread = PosixThread(for: "late answers") { self.run() } }
            condition.signal()
        }
    }

    /// Nothing is late any more.
    func hurry() {
        condition.hold {
            isHurried = true
            condition.signal()
        }
    }

    /// Gives all answers, and returns when they are given.
    func finish() {
        let thread = condition.hold {
            isHurried = true
            isOver = true
            condition.signal()
            defer { self.thread = nil }
            return self.thread
        }
        thread?.join()
    }

    private func run() {
        while let next = take() {
            for node in next.forgotten { Notifications(device: device).forgetContent(of: node) }
            switch next.content {
            case .success(let bytes): next.recipient.send(bytes)
            case .failure(let error): next.recipient.send(error)
            }
        }
    }

    /// The next answer when it is due; nil when it is over and none is left.
    private func take() -> Answer? {
        condition.hold {
            while true {
                if let index = waiting.indices.min(by: { waiting[$0].due < waiting[$1].due }) {
                    let now = MonotonicClock.nanoseconds
                    if isHurried || waiting[index].due <= now { return waiting.remove(at: index) }
                    condition.wait(atMost: waiting[index].due - now)
                } else {
                    if isOver { return nil }
                    condition.wait()
                }
            }
        }
    }
}
