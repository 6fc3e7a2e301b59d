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

    /// The first place whose key is not below `key`.
    @inlinable func place(_ key: Key) -> Int {
        var (low, high) = (0, self.sortedKeys.count)
        while low < high {
            let middle = (low + high) / 2
            if self.sortedKeys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    @inlinable func find(_ key: Key) -> Int? {
        let place = self.place(key)
        return place < self.sortedKeys.count && self.sortedKeys[place] == key ? place : nil
    }

    @inlinable package subscript(key: Key) -> Value? {
        get {
            guard let place = self.find(key) else { return nil }
            return self.sortedValues[place]
        }
        set {
            let place = self.place(key)
            let isThere = place < self.sortedKeys.count && self.sortedKeys[place] == key
            switch (newValue, isThere) {
            case (let value?, true): self.sortedValues[place] = value
            case (let value?, false):
                self.sortedKeys.insert(key, at: place)
                self.sortedValues.insert(value, at: place)
            case (nil, true):
                self.sortedKeys.remove(at: place)
                self.sortedValues.remove(at: place)
            case (nil, false): break
            }
        }
    }

    /// The value of a present key, for changes in place.
    ///
    /// - Precondition: The key is in the map.
    @inlinable package subscript(known key: Key) -> Value {
        _read {
            let place = self.known(key)
            yield self.sortedValues[place]
        }
        _modify {
            let place = self.known(key)
            yield &self.sortedValues[place]
        }
    }

    @inlinable func known(_ key: Key) -> Int {
        guard let place = self.find(key) else { preconditionFailure("no value for \(key)") }
        return place
    }
}

extension SortedMap: Sendable where Value: Sendable {}

extension SortedMap: Sequence {
    package func makeIterator() -> Zip2Sequence<[Key], [Value]>.Iterator {
        zip(self.keys, self.sortedValues).makeIterator()
    }
}
