import Oracles
import PowerLoss

extension Promise {
    /// What can be kept of it on a stack; nil where nothing can.
    func kept(on stack: Stack) -> Promise? {
        switch stack.permits {
        case .durability: return self
        case .nothing: return nil
        case .prefix:
            switch self {
            case .durable, .boundedLoss: return .prefix
            case .prefix, .atomic, .opens: return self
            }
        }
    }
}
