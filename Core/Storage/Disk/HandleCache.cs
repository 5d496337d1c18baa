// Open files, the most recently used kept, the rest closed: a torrent may have more files than the process may have
// descriptors. A file in use is never closed under its user: it is retired, and its last user closes it.
// Thread-safe; the lock is held for pointer work and for close(2), never while a file is opened, read or written.
using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;

namespace TinyTorrent.Storage;

/// <param name="limit">Files open at a time. Exceeded only by as many as are in use at once.</param>
sealed class HandleCache(int limit) : IDisposable
{
    /// <summary>One open file. Between Rent or Add and Return its handle stays valid.</summary>
    public sealed class Entry(int key, SafeFileHandle handle, bool writable)
    {
        public SafeFileHandle Handle { get; } = handle;
        internal int Key { get; } = key;
        internal bool Writable { get; } = writable;
        internal int Users { get; set; }
        internal bool IsRetired { get; set; }
        internal LinkedListNode<Entry>? Place { get; set; }
    }

    readonly Lock _lock = new();
    readonly Dictionary<int, Entry> _byKey = [];
    readonly LinkedList<Entry> _recent = new(); // first: used last
    readonly HashSet<int> _written = [];
    bool _disposed;

    /// <summary>Files open, for tests.</summary>
    public int Count
    {
        get { lock (_lock) return _byKey.Count; }
    }

    /// <summary>False if the file is not open in a way that serves.</summary>
    public bool TryRent(int key, bool writing, [NotNullWhen(true)] out Entry? entry)
    {
        lock (_lock)
        {
            if (!_byKey.TryGetValue(key, out entry) || (writing && !entry.Writable)) return false;
            entry.Users++;
            _recent.Remove(entry.Place!);
            _recent.AddFirst(entry.Place!);
            return true;
        }
    }

    /// <summary>Takes over a handle just opened and rents it. Null, and the handle is closed, if the cache was disposed.</summary>
    public Entry? Add(int key, SafeFileHandle handle, bool writable)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                handle.Dispose();
                return null;
            }
            if (_byKey.TryGetValue(key, out Entry? other))
            {
                if (other.Writable || !writable) // another thread was as quick
                {
                    handle.Dispose();
                    other.Users++;
                    return other;
                }
                Retire(other);
            }

            var entry = new Entry(key, handle, writable) { Users = 1 };
            entry.Place = _recent.AddFirst(entry);
            _byKey.Add(key, entry);
            CloseIdle();
            return entry;
        }
    }

    /// <param name="written">True once bytes may have reached the file: the next flush includes it.</param>
    public void Return(Entry entry, bool written)
    {
        lock (_lock)
        {
            if (written) _written.Add(entry.Key);
            entry.Users--;
            if (entry is { Users: 0, IsRetired: true }) entry.Handle.Dispose();
            else if (_byKey.Count > limit) CloseIdle();
        }
    }

    /// <summary>The files written since the last call. A write that returned before this call is among them.</summary>
    public int[] TakeWritten()
    {
        lock (_lock)
        {
            int[] written = [.. _written];
            _written.Clear();
            return written;
        }
    }

    /// <summary>Puts back what could not be flushed.</summary>
    public void KeepWritten(ReadOnlySpan<int> files)
    {
        lock (_lock)
        {
            foreach (int file in files) _written.Add(file);
        }
    }

    /// <summary>Closes all files; those in use are closed by their last user.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            while (_recent.First is { } first) Retire(first.Value);
        }
    }

    void CloseIdle()
    {
        for (LinkedListNode<Entry>? node = _recent.Last; node is not null && _byKey.Count > limit;)
        {
            Entry entry = node.Value;
            node = node.Previous;
            if (entry.Users == 0) Retire(entry);
        }
    }

    void Retire(Entry entry)
    {
        _byKey.Remove(entry.Key);
        _recent.Remove(entry.Place!);
        entry.IsRetired = true;
        if (entry.Users == 0) entry.Handle.Dispose();
    }
}
