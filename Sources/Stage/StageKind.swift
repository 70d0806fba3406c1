/// By what a stage is made, the best first. What programs do and see on it is the same; `docs/users.md` says what is not.
package enum StageKind: String, CaseIterable, Sendable {
    /// Private namespaces, by root's right to make them.
    case root
    /// The same, by the right that everybody has in a user namespace of their own.
    case userNamespace = "user-namespace"
    /// No namespace: fusermount3, which is setuid root, mounts below the caller's runtime folder.
    case fusermount
}
