/// A map in the order of its keys, for few keys with frequent look-ups: no hashing, no sorting.
package struct SortedMap<Key: Comparable & Sendable, Value> {
    @usableFromInline var sortedKeys: [Key] = []
    @usableFromInline var sortedValues: [Value] = []

    @inlinable package init() {}

    /// In order.
    @inlinable package var keys: [Key] { self.sortedKeys }
    /// In the order of their keys.
    @inlinable package var values: [Value] { self.sortedValues }
    @inlinable package var isEmpty: Bool { self.sortedKeys.isEmpty }
    @inlinable package var count: Int { self.sortedKeys.count }

    /// The first index whose key is not below `key`.
    @inlinable func index(_ key: Key) -> Int {
        var (low, high) = (0, self.sortedKeys.count)
        while low < high {
            let middle = (low + high) / 2
            if self.sortedKeys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    @inlinable func find(_ key: Key) -> Int? {
        let index = self.index(key)
        return index < self.sortedKeys.count && self.sortedKeys[index] == key ? index : nil
    }

    @inlinable package subscript(key: Key) -> Value? {
        get {
            guard let index = self.find(key) else { return nil }
            return self.sortedValues[index]
        }
        set {
            let index = self.index(key)
            let isThere = index < self.sortedKeys.count && self.sortedKeys[index] == key
            switch (newValue, isThere) {
            case (let value?, true): self.sortedValues[index] = value
            case (let value?, false):
                self.sortedKeys.insert(key, at: index)
                self.sortedValues.insert(value, at: index)
            case (nil, true):
                self.sortedKeys.remove(at: index)
                self.sortedValues.remove(at: index)
            case (nil, false): break
            }
        }
    }

    /// The value of a present key, for changes in place.
    ///
    /// - Precondition: The key is in the map.
    @inlinable package subscript(known key: Key) -> Value {
        _read {
            let index = self.known(key)
            yield self.sortedValues[index]
        }
        _modify {
            let index = self.known(key)
            yield &self.sortedValues[index]
        }
    }

    @inlinable func known(_ key: Key) -> Int {
        guard let index = self.find(key) else { preconditionFailure("no value for \(key)") }
        return index
    }
}

extension SortedMap: Sendable where Value: Sendable {}

extension SortedMap: Sequence {
    package func makeIterator() -> Zip2Sequence<[Key], [Value]>.Iterator {
        zip(self.keys, self.sortedValues).makeIterator()
    }
}
