import Oracles
import PowerLoss

extension Subject {
    /// What is judged on a stack: what the workload promises there, else what the stack permits of its usual promise; nil
    /// where nothing can be kept.
    package func promise(on stack: Stack) -> Promise? {
        promiseUnder[stack.name] ?? promise.kept(on: stack)
    }

    /// The same for who judges in any case: the usual promise where nothing can be kept.
    package func promiseJudged(on stack: Stack) -> Promise { promise(on: stack) ?? promise }
}

extension Promise {
    fileprivate func kept(on stack: Stack) -> Promise? {
        switch stack.permits {
        case .durability: return self
        case .nothing: return nil
        case .prefix:
            switch self {
            case .durable, .boundedLoss: return .prefix
            case .prefix, .atomic, .opens: return self
            // What is acknowledged may be lost there, and that is all it promises.
            case .acknowledged: return nil
            }
        }
    }
}
